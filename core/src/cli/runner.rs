//! The command line in tests, and what its commands write.

use std::fmt::{self, Display};
use std::io::{ErrorKind, Write as _, stdout};

use super::{command_line, routes};
use crate::app::App;
use crate::context::{Application, Output, g, has_app_context};
use crate::error::Error;
use crate::execution::Waiting;

/// Writes a line to the terminal; in a test it becomes part of [`CliResult::output`]. click's `echo`.
///
/// A terminal that is closed, as in `app list | head`, is no error.
///
/// # Panics
/// If the terminal cannot be written to for another reason.
pub fn echo(text: impl Display) {
    let output = if has_app_context() { g().get::<Output>(Output::ON_G) } else { None };
    match output {
        Some(output) => output.write(&format!("{text}\n")),
        None => match writeln!(stdout(), "{text}") {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => panic!("cannot write to the terminal: {error}"),
            _ => {}
        },
    }
}

/// Runs the commands of an app in tests; Flask's `FlaskCliRunner`. Made by [`App::test_cli_runner`].
#[doc(alias = "FlaskCliRunner")]
#[derive(Clone)]
pub struct CliRunner {
    application: Application,
}

/// The result of a command that ran in a test.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CliResult {
    /// The text that the command wrote with [`echo`], and the message of its error. What it wrote past `echo`, by `println!`, is on
    /// the terminal.
    pub output: String,
    /// The exit code: 0 for success, 1 for an error of the command, 2 for a command line that is not right.
    pub exit_code: i32,
    /// The error of the command.
    pub error: Option<Error>,
}

impl App {
    /// Builds the app and makes a runner for its commands: Flask's `test_cli_runner`.
    ///
    /// ```
    /// use costrel::App;
    /// use costrel::cli::echo;
    ///
    /// let mut app = App::new("docs");
    /// app.command("greet", "Say hello.", |words: Vec<String>| echo(format!("hello {}", words.join(" "))));
    /// let greeted = app.test_cli_runner().invoke(["greet", "Ada"]).wait()?;
    /// assert_eq!((greeted.output.as_str(), greeted.exit_code), ("hello Ada\n", 0));
    /// # Ok::<(), costrel::Error>(())
    /// ```
    ///
    /// # Panics
    /// If the app has set-up errors, with what [`build`](App::build) reports.
    #[track_caller]
    pub fn test_cli_runner(self) -> CliRunner {
        match self.build() {
            Ok(application) => application.test_cli_runner(),
            Err(error) => panic!("{error}"),
        }
    }
}

impl Application {
    /// A runner for the app's commands in tests.
    pub fn test_cli_runner(&self) -> CliRunner {
        CliRunner { application: self.clone() }
    }
}

impl CliRunner {
    /// Runs the command line with these words after the program's name. `.await` the result in async code, `.wait()` for
    /// it in sync code.
    ///
    /// # Errors
    /// Those of waiting; the error of the command is in the result.
    pub fn invoke<'w>(&self, words: impl IntoIterator<Item = &'w str>) -> Waiting<CliResult> {
        let name = self.application.handle().name().to_owned();
        let words: Vec<_> = [name.clone()].into_iter().chain(words.into_iter().map(str::to_owned)).collect();
        let application = self.application.clone();
        Waiting::new(async move {
            let parser = command_line(&name, &application.tables().commands);
            let matches = match parser.try_get_matches_from(words) {
                Ok(matches) => matches,
                Err(error) => {
                    return Ok(CliResult { output: error.to_string(), exit_code: error.exit_code(), error: None });
                }
            };
            let output = Output::default();
            let ran = match matches.subcommand() {
                Some(("routes", _)) => {
                    output.write(&routes(&application));
                    Ok(())
                }
                None | Some(("run" | "trace", _)) => Err(Error::setup("tests send requests with `test_client()`")),
                Some((name, own)) => application.invoke_parsed(name, own.clone(), Some(output.clone())).await,
            };
            Ok(CliResult::of(&output, ran.err()))
        })
    }
}

impl CliResult {
    fn of(output: &Output, error: Option<Error>) -> Self {
        if let Some(error) = &error {
            output.write(&format!("error: {error}\n"));
        }
        Self { output: output.take(), exit_code: error.is_some().into(), error }
    }
}

impl fmt::Debug for CliRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CliRunner({})", self.application.handle().name())
    }
}
