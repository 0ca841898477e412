//! The options of `compat`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use costrel::Error;
use costrel::cli::clap::builder::PossibleValue;
use costrel::cli::clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::{MakeCandidate, refused};
use crate::fixture::{Host, Subject};
use crate::laws;
use crate::runner::{Selection, cores};

/// The options that name a file for the report, with their descriptions.
const FILES: [(&str, &str); 4] = [
    ("json", "Write the report as JSON."),
    ("html", "Write the report as a page to look at, to print and to send round."),
    ("junit", "Write the report as JUnit XML, for CI servers."),
    ("badge", "Write a badge with the level, as SVG."),
];

/// Builds the parser of the command.
pub(super) fn parser() -> Command {
    let filter = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name("NAME").action(ArgAction::Append).help(help).help_heading("Filters")
    };
    let law = |law: &laws::Law| PossibleValue::new(law.name).alias(law.name.replace('_', " "));
    let subject = |subject: Subject| PossibleValue::new(subject.name()).help(subject.about());
    let host = |host: Host| PossibleValue::new(host.name()).help(host.about());
    let file = |(name, help)| {
        Arg::new(name)
            .long(name)
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .help(help)
            .help_heading("Reports")
    };
    let jobs = Arg::new("jobs").long("jobs").short('j').value_name("N").value_parser(value_parser!(NonZeroUsize));
    let fail_fast = Arg::new("fail-fast").long("fail-fast").action(ArgAction::SetTrue);
    Command::new("compat")
        .about("Try this app's decorators and routes against the laws of the compatibility suite.")
        .after_help("A filter may be given several times. With a filter, the app's own routes are left out.")
        .arg(filter("candidate", "Try this candidate only."))
        .arg(
            filter("law", "Try this law only; a wrong name lists them all.")
                .value_parser(laws::ALL.iter().map(law).collect::<Vec<_>>())
                .hide_possible_values(true),
        )
        .arg(filter("subject", "Try this kind of view only.").value_parser(Subject::ALL.map(subject)))
        .arg(filter("host", "Try this host only.").value_parser(Host::ALL.map(host)))
        .args(FILES.map(file))
        .arg(fail_fast.help("Stop at the first failure."))
        .arg(jobs.help("Try N cells at once [default: the number of cores]."))
}

/// The options as the user gave them.
pub(super) struct Options {
    /// The cells to try.
    pub(super) selection: Selection,
    /// The names of the only candidates to try, if there are any.
    candidates: Vec<String>,
    pub(super) fail_fast: bool,
    pub(super) jobs: usize,
    files: Vec<(&'static str, PathBuf)>,
}

impl Options {
    pub(super) fn read(matches: &ArgMatches) -> Result<Self, Error> {
        let names = |name: &str| matches.get_many::<String>(name).into_iter().flatten().cloned().collect();
        // The page shows the names of laws with spaces, so the filter takes them in that form too.
        let laws: Vec<String> = names("law");
        let laws = laws.into_iter().map(|law| law.replace(' ', "_")).collect();
        let files = FILES.iter().filter_map(|(name, _)| Some((*name, matches.get_one::<PathBuf>(name)?.clone())));
        let options = Self {
            selection: Selection { laws, subjects: names("subject"), hosts: names("host") },
            candidates: names("candidate"),
            fail_fast: matches.get_flag("fail-fast"),
            jobs: matches.get_one::<NonZeroUsize>("jobs").map_or_else(cores, |jobs| jobs.get()),
            files: files.collect(),
        };
        options.check_files()?;
        Ok(options)
    }

    /// Refuses one file for two reports, of which the second would replace the first.
    fn check_files(&self) -> Result<(), Error> {
        for (n, (name, path)) in self.files.iter().enumerate() {
            if let Some((other, _)) = self.files[..n].iter().find(|(_, known)| known == path) {
                let path = path.display();
                return Err(refused(format!("--{other} and --{name} are both \"{path}\": give each its own file")));
            }
        }
        Ok(())
    }

    /// Whether only a part of the suite is to be tried.
    pub(super) fn has_filter(&self) -> bool {
        self.selection != Selection::default() || !self.candidates.is_empty()
    }

    /// The candidates to try.
    pub(super) fn chosen(&self, candidates: &[MakeCandidate]) -> Result<Vec<MakeCandidate>, Error> {
        let known: Vec<_> = candidates.iter().map(|make| (make().name().to_owned(), *make)).collect();
        if let Some(wrong) = self.candidates.iter().find(|name| known.iter().all(|(known, _)| known != *name)) {
            let names: Vec<_> = known.iter().map(|(name, _)| &**name).collect();
            return Err(refused(format!("there is no candidate {wrong:?}; they are\n  {}", names.join("\n  "))));
        }
        let is_chosen = |name: &String| self.candidates.is_empty() || self.candidates.contains(name);
        Ok(known.into_iter().filter(|(name, _)| is_chosen(name)).map(|(_, make)| make).collect())
    }

    /// The file for a report, if one is wanted.
    pub(super) fn file(&self, name: &str) -> Option<&PathBuf> {
        self.files.iter().find(|(known, _)| *known == name).map(|(_, path)| path)
    }
}

/// The command that tries this candidate again.
pub(super) fn command_for(candidate: &str) -> String {
    // Cargo tells the programs that it runs their package.
    let program = match std::env::var("CARGO_PKG_NAME") {
        Ok(package) => format!("cargo run -p {package} --"),
        Err(_) => std::env::args().next().unwrap_or_default(),
    };
    let is_plain = candidate.chars().all(|sign| sign.is_ascii_alphanumeric() || "_-".contains(sign));
    let candidate = if is_plain { candidate.to_owned() } else { format!("'{}'", candidate.replace('\'', r"'\''")) };
    format!("{program} compat --candidate {candidate}")
}
