//! A command that the app has added to its command line.

#[cfg(feature = "cli")]
use std::sync::Arc;

#[cfg(feature = "cli")]
use clap::{Arg, ArgMatches, Parser};
#[cfg(feature = "cli")]
use parking_lot::Mutex;

use crate::error::{Error, ErrorKind};
#[cfg(feature = "cli")]
use crate::execution::Colour;
use crate::execution::{Callable, Waiting};

/// A function that the command line offers, or a group of them.
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
    Group(Vec<Command>),
}

/// The text that a command in a test has written.
#[cfg(feature = "cli")]
#[derive(Clone, Debug, Default)]
pub(crate) struct Output(Arc<Mutex<String>>);

#[cfg(feature = "cli")]
impl Output {
    /// The name under which `g` has the output of a command.
    pub(crate) const ON_G: &'static str = "costrel.output";

    pub(crate) fn write(&self, text: &str) {
        self.0.lock().push_str(text);
    }

    pub(crate) fn take(&self) -> String {
        std::mem::take(&mut *self.0.lock())
    }
}

impl Command {
    pub(crate) fn of_words(name: &str, about: &str, run: Callable<Vec<String>, ()>) -> Self {
        Self { name: name.to_owned(), about: about.to_owned(), run: Run::OfWords(run) }
    }

    /// Adds a command to `commands`, or to the group with this name and text among them.
    ///
    /// # Errors
    /// A set-up error without its line, if the name is taken.
    pub(crate) fn add_to(commands: &mut Vec<Self>, group: Option<(&str, &str)>, command: Self) -> Result<(), Error> {
        let Some((name, about)) = group else {
            let is_own = matches!(&*command.name, "run" | "routes" | "trace");
            return if is_own { Err(taken(&command.name)) } else { push(commands, command) };
        };
        let at = commands.iter().position(|known| known.name == name).unwrap_or(commands.len());
        if at == commands.len() {
            let group = Self { name: name.to_owned(), about: about.to_owned(), run: Run::Group(Vec::new()) };
            Self::add_to(commands, None, group)?;
        }
        let Run::Group(members) = &mut commands[at].run else { return Err(taken(name)) };
        push(members, command)
    }

    /// Calls the command with the words after its name.
    pub(crate) fn call(&self, words: Vec<String>) -> Waiting<()> {
        let failed = |message| Waiting::ready(Err(Error::new(ErrorKind::Other, message)));
        match &self.run {
            Run::OfWords(run) => run.call(words),
            #[cfg(feature = "cli")]
            Run::OfMatches(parser, run) => {
                match clap::Command::clone(parser).no_binary_name(true).try_get_matches_from(words) {
                    Ok(matches) => run.call(matches),
                    Err(error) => failed(error.to_string()),
                }
            }
            Run::Group(members) => {
                let (name, rest) = words.split_first().map_or(("", &[][..]), |(name, rest)| (name.as_str(), rest));
                match members.iter().find(|member| member.name == name) {
                    Some(member) => member.call(rest.to_vec()),
                    None => failed(format!("there is no command {:?}", format!("{} {name}", self.name))),
                }
            }
        }
    }
}

fn push(commands: &mut Vec<Command>, command: Command) -> Result<(), Error> {
    if commands.iter().any(|known| known.name == command.name) {
        return Err(taken(&command.name));
    }
    commands.push(command);
    Ok(())
}

fn taken(name: &str) -> Error {
    Error::setup_without_line(format!("there is a command {name:?} already: give this one another name"))
}

#[cfg(feature = "cli")]
impl Command {
    pub(crate) fn of_matches(parser: clap::Command, run: Callable<ArgMatches, ()>) -> Self {
        let about = parser.get_about().map(ToString::to_string).unwrap_or_default();
        Self { name: parser.get_name().to_owned(), about, run: Run::OfMatches(Box::new(parser), run) }
    }

    /// A command whose arguments are an `A`.
    pub(crate) fn of_parser<A: Parser + Send + 'static>(run: Callable<A, ()>) -> Self {
        let read = |matches: &ArgMatches| {
            A::from_arg_matches(matches).map_err(|error| Error::new(ErrorKind::Other, error.to_string()))
        };
        let run = match run.colour() {
            Colour::Sync => Callable::new_sync(move |matches| run.call_sync(read(&matches)?)),
            Colour::Async => Callable::new_async(move |matches| {
                let (arguments, run) = (read(&matches), run.clone());
                async move { run.call(arguments?).await }
            }),
        };
        Self::of_matches(A::command(), run)
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
            Run::Group(members) => clap::Command::new(self.name.clone())
                .about(self.about.clone())
                .disable_help_subcommand(true)
                .subcommand_required(true)
                .arg_required_else_help(true)
                .subcommands(members.iter().map(Self::parser)),
        }
    }

    /// Calls the command with what [`parser`](Self::parser) has read.
    pub(crate) fn call_parsed(&self, mut matches: ArgMatches) -> Waiting<()> {
        match &self.run {
            Run::OfWords(run) => run.call(matches.get_many::<String>(WORDS).into_iter().flatten().cloned().collect()),
            Run::OfMatches(_, run) => run.call(matches),
            Run::Group(members) => {
                let chosen = matches.remove_subcommand();
                let member =
                    chosen.and_then(|(name, own)| Some((members.iter().find(|member| member.name == name)?, own)));
                match member {
                    Some((member, own)) => member.call_parsed(own),
                    None => self.call(Vec::new()),
                }
            }
        }
    }
}

/// The name under which clap keeps the words of a command without options.
#[cfg(feature = "cli")]
const WORDS: &str = "arguments";
