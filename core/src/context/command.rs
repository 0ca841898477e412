//! A command that the app has added to its command line.

#[cfg(feature = "cli")]
use clap::{Arg, ArgMatches};

#[cfg(feature = "cli")]
use crate::error::{Error, ErrorKind};
use crate::execution::{Callable, Waiting};

/// A function that the command line offers.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    pub(crate) name: String,
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "only the command line shows it"))]
    about: String,
    run: Run,
}

#[derive(Clone, Debug)]
enum Run {
    /// The function reads the words after the command's name itself.
    OfWords(Callable<Vec<String>, ()>),
    /// The function gets what clap has read.
    #[cfg(feature = "cli")]
    OfMatches(Box<clap::Command>, Callable<ArgMatches, ()>),
}

impl Command {
    pub(crate) fn of_words(name: &str, about: &str, run: Callable<Vec<String>, ()>) -> Self {
        Self { name: name.to_owned(), about: about.to_owned(), run: Run::OfWords(run) }
    }

    /// Calls the command with the words after its name.
    pub(crate) fn call(&self, words: Vec<String>) -> Waiting<()> {
        match &self.run {
            Run::OfWords(run) => run.call(words),
            #[cfg(feature = "cli")]
            Run::OfMatches(parser, run) => {
                match clap::Command::clone(parser).no_binary_name(true).try_get_matches_from(words) {
                    Ok(matches) => run.call(matches),
                    Err(error) => Waiting::ready(Err(Error::new(ErrorKind::Other, error.to_string()))),
                }
            }
        }
    }
}

#[cfg(feature = "cli")]
impl Command {
    pub(crate) fn of_matches(parser: clap::Command, run: Callable<ArgMatches, ()>) -> Self {
        let about = parser.get_about().map(ToString::to_string).unwrap_or_default();
        Self { name: parser.get_name().to_owned(), about, run: Run::OfMatches(Box::new(parser), run) }
    }

    /// The parser of the command's part of the command line.
    pub(crate) fn parser(&self) -> clap::Command {
        match &self.run {
            Run::OfWords(_) => {
                let words = Arg::new(WORDS).num_args(0..).trailing_var_arg(true).allow_hyphen_values(true);
                clap::Command::new(self.name.clone())
                    .about(self.about.clone())
                    .arg(words.help("The arguments of the command."))
            }
            Run::OfMatches(parser, _) => clap::Command::clone(parser),
        }
    }

    /// Calls the command with what [`parser`](Self::parser) has read.
    pub(crate) fn call_parsed(&self, matches: ArgMatches) -> Waiting<()> {
        match &self.run {
            Run::OfWords(run) => run.call(matches.get_many::<String>(WORDS).into_iter().flatten().cloned().collect()),
            Run::OfMatches(_, run) => run.call(matches),
        }
    }
}

/// The name under which clap keeps the words of a command without options.
#[cfg(feature = "cli")]
const WORDS: &str = "arguments";
