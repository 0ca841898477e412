//! The command line of an app: `run`, the default, and `routes`.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::app::App;
use crate::application::Application;
use crate::error::Error;

/// A web app built with Costrel.
#[derive(Debug, Parser)]
#[command(disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The address to listen on.
    #[arg(long, global = true, default_value = "127.0.0.1")]
    host: String,
    /// The port to listen on.
    #[arg(long, global = true, default_value_t = 5000)]
    port: u16,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Command {
    /// Serve the app (the default).
    Run,
    /// List every rule: endpoint, methods, rule, colour and decorators.
    Routes,
}

/// The whole `main` of an app: reads the command line, makes the app and does what it was told. The log goes to
/// the terminal, a line for every request and the reason for every 500, unless the program has set up a
/// `tracing` subscriber of its own.
///
/// ```no_run
/// # use costrel::{App, Error};
/// fn create_app() -> Result<App, Error> {
///     let mut app = App::new("hello");
///     app.route("/", || "Hello");
///     Ok(app)
/// }
///
/// fn main() -> std::process::ExitCode {
///     costrel::cli::main(create_app)
/// }
/// ```
pub fn main(create_app: impl FnOnce() -> Result<App, Error>) -> ExitCode {
    let arguments = Arguments::parse();
    log_to_terminal();
    match create_app().and_then(App::build).and_then(|application| obey(&arguments, &application)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to be done if even this cannot be written.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes the log to the terminal, unless the program has set up a log of its own.
fn log_to_terminal() {
    let stderr = std::io::stderr;
    let log = tracing_subscriber::fmt().with_target(false).with_writer(stderr).with_ansi(stderr().is_terminal());
    // The only error is that there is one already.
    let _ = log.with_max_level(tracing_subscriber::filter::LevelFilter::INFO).try_init();
}

fn obey(arguments: &Arguments, application: &Application) -> Result<(), Error> {
    match arguments.command.unwrap_or(Command::Run) {
        Command::Run => application.run(&address(&arguments.host, arguments.port)),
        Command::Routes => Ok(write!(std::io::stdout(), "{}", routes(application))?),
    }
}

/// `host:port`, with the brackets an IPv6 address needs.
fn address(host: &str, port: u16) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// The table of the `routes` command: one line a rule, HEAD and OPTIONS left out as in Flask.
///
/// ```
/// # use costrel::{App, cli};
/// # let mut app = App::new("docs");
/// async fn index() -> &'static str {
///     "hello"
/// }
/// app.route("/", index);
/// assert!(cli::routes(&app.build()?).contains("index     GET      /     async"));
/// # Ok::<(), costrel::Error>(())
/// ```
pub fn routes(application: &Application) -> String {
    let mut rows = vec![["Endpoint", "Methods", "Rule", "Colour", "Decorators"].map(str::to_owned)];
    rows.push(rows[0].clone().map(|title| "-".repeat(title.len())));
    for rule in application.rules() {
        let methods = rule.methods.iter().filter(|method| !matches!(method.as_str(), "HEAD" | "OPTIONS"));
        let methods = methods.map(String::as_str).collect::<Vec<_>>().join(", ");
        let decorators = rule.decorators.iter().map(|layer| format!("{} ({})", layer.name, layer.colour));
        let decorators = decorators.collect::<Vec<_>>().join(" > ");
        rows.push([rule.endpoint.clone(), methods, rule.rule.clone(), rule.function_colour.to_string(), decorators]);
    }
    table(&rows)
}

fn table(rows: &[[String; 5]]) -> String {
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
            let _infallible = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
