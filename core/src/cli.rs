//! The command line of an app: `run`, the default, `routes`, `trace`, and the commands that the app has added.

mod reload;
mod program;
mod runner;
mod trace;

use std::fmt::Write as _;
use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::parser::ValueSource::CommandLine;
use clap::{Arg, ArgAction, ArgMatches, Command};
use tokio::runtime::Builder;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::app::App;
use crate::context::{Application, Command as OwnCommand};
use crate::error::Error;
use crate::execution::Colour;

/// The library that reads the command line, for [`App::command_with_options`].
pub use clap;

pub use runner::{CliResult, CliRunner, echo};

/// Runs the whole `main` of an app: makes the app, reads the command line and runs the command. The log goes to the
/// terminal, with a line for every request and the error of every 500 that had no handler, unless the program has set
/// up a `tracing` subscriber of its own. The environment's `RUST_LOG` says what is in it (`debug`, `info,my_app=trace`);
/// without it, all that is at least as important as `info`.
///
/// ```no_run
/// use costrel::{App, Error};
///
/// fn create_app() -> Result<App, Error> {
///     let mut app = App::new("hello");
///     app.route("/", || "Hello");
///     app.command("greet", "Say hello.", || println!("hello"));
///     Ok(app)
/// }
///
/// fn main() -> std::process::ExitCode {
///     costrel::cli::main(create_app)
/// }
/// ```
///
/// Book: [Commands](../../costrel_book/commands/index.html).
pub fn main(create_app: impl FnOnce() -> Result<App, Error>) -> ExitCode {
    log_to_terminal();
    match create_app().and_then(obey) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // An error that cannot be written to the terminal cannot be reported at all.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes the log to the terminal, unless the program has set up a log of its own.
fn log_to_terminal() {
    let stderr = std::io::stderr;
    let log = tracing_subscriber::fmt().with_target(false).with_writer(stderr).with_ansi(stderr().is_terminal());
    // A part of `RUST_LOG` that cannot be read is reported on the terminal, and left out.
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    // Fails only if there is a subscriber already, which then stays.
    let _ = log.with_env_filter(filter).try_init();
}

fn obey(mut app: App) -> Result<(), Error> {
    // Read after the app is made, because the app's own commands are part of the command line.
    let arguments = command_line(app.name(), app.commands()).get_matches();
    // The command line can turn debug on, but not off.
    let after_run = arguments.subcommand_matches("run").is_some_and(|run| run.get_flag("debug"));
    let debug = arguments.get_flag("debug") || after_run;
    let stays = |arguments: &ArgMatches| arguments.get_flag("no-reload");
    let serves = matches!(arguments.subcommand_name(), None | Some("run"));
    if debug
        && serves
        && !stays(&arguments)
        && !arguments.subcommand_matches("run").is_some_and(stays)
        && let Some(program) = program::Program::to_supervise()
    {
        return reload::supervise(&program);
    }
    app.config.debug |= debug;
    let threads = |arguments: &ArgMatches| arguments.get_one::<usize>("threads").copied();
    let threads = arguments.subcommand_matches("run").and_then(threads).or(threads(&arguments));
    app.config.threads = threads.or(app.config.threads);
    let application = app.build()?;
    match arguments.subcommand() {
        None => serve(&application, &arguments, None),
        Some(("run", run)) => serve(&application, &arguments, Some(run)),
        Some(("routes", _)) => match write!(std::io::stdout(), "{}", routes(&application)) {
            // A closed pipe (`routes | head`) is not an error.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => Ok(written?),
        },
        Some(("trace", trace)) => trace::run(&application, trace),
        Some((name, own)) => invoke(&application, name, own),
    }
}

fn serve(application: &Application, arguments: &ArgMatches, run: Option<&ArgMatches>) -> Result<(), Error> {
    if application.handle().config().debug {
        tracing::warn!("debug is on: errors are shown in the browser; never use it in production");
    }
    // An option after `run` overrides the same option before it.
    let place = |name: &str| run.filter(|run| run.value_source(name) == Some(CommandLine)).unwrap_or(arguments);
    let host = place("host").get_one::<String>("host").map_or("127.0.0.1", String::as_str);
    let port = place("port").get_one::<u16>("port").copied().unwrap_or(5000);
    application.run(&address(host, port))
}

/// Builds the parser of the command line.
fn command_line(name: &str, own: &[OwnCommand]) -> Command {
    let host = Arg::new("host").long("host").value_name("HOST").default_value("127.0.0.1");
    let port = Arg::new("port").long("port").value_name("PORT").default_value("5000");
    let debug = Arg::new("debug").long("debug").action(ArgAction::SetTrue);
    let stays = Arg::new("no-reload").long("no-reload").action(ArgAction::SetTrue);
    let threads = Arg::new("threads").long("threads").value_name("N").value_parser(clap::value_parser!(usize));
    let serving = [
        host.help("The address to listen on."),
        port.value_parser(clap::value_parser!(u16)).help("The port to listen on."),
        debug.help("Show errors in the browser, read templates anew each time, and restart when the code changes."),
        stays.help("Do not restart when the code changes."),
        threads.help("Let each request hold one of N threads, instead of the event loop."),
    ];
    Command::new(name.to_owned())
        .about(format!("The app `{name}`, built with Costrel."))
        .disable_help_subcommand(true)
        .args(serving.clone())
        .subcommand(Command::new("run").about("Serve the app (the default).").args(serving))
        .subcommand(Command::new("routes").about("List every rule: endpoint, methods, rule, colour and decorators."))
        .subcommand(trace::command())
        .subcommands(own.iter().map(OwnCommand::parser))
}

fn invoke(application: &Application, command: &str, own: &ArgMatches) -> Result<(), Error> {
    let event_loop = Builder::new_multi_thread().enable_all().build()?;
    let outcome = event_loop.block_on(application.invoke_parsed(command, own.clone(), None));
    event_loop.shutdown_background();
    outcome
}

/// `host:port`, with the brackets an IPv6 address needs.
fn address(host: &str, port: u16) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// The table of the `routes` command: one line a rule, HEAD and OPTIONS left out as in Flask.
///
/// ```
/// use costrel::{App, cli};
///
/// let mut app = App::new("docs");
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
        let methods = if rule.is_websocket { "WEBSOCKET".to_owned() } else { methods };
        let decorators = rule.decorators.iter().map(|layer| format!("{} ({})", layer.name, layer.colour));
        let decorators = decorators.collect::<Vec<_>>().join(" > ");
        let mut colour = if rule.mixed { "mixed".to_owned() } else { rule.function_colour.to_string() };
        if rule.runs_in_place && (rule.mixed || rule.function_colour == Colour::Sync) {
            colour.push_str(" in place");
        }
        let domain = rule.domain.iter().filter(|domain| !domain.is_empty()).map(|domain| format!("{domain}|"));
        let text = format!("{}{}", domain.collect::<String>(), rule.rule);
        rows.push([rule.endpoint.clone(), methods, text, colour, decorators]);
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
