//! The command `shadow`, which sends recorded requests to the old app and to this one.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use costrel::cli::clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, value_parser};
use costrel::{App, Application, Error, ErrorKind, Method};
use indicatif::{ProgressBar, ProgressStyle};
use tracing::instrument::WithSubscriber as _;
use tracing::subscriber::NoSubscriber;

use crate::access_log::read_log;
use crate::har::read_har;
use crate::page::html;
use crate::recorded::{Recorded, Recording};
use crate::replay::Shadow;
use crate::report::Report;
use crate::rules::Rules;
use crate::side::app_at;
use crate::text::{differences, left_out, table};

/// Adds the command `shadow` to an app: the command sends requests to the old app and to this one, which `create_app` makes
/// anew, and compares the responses. It fails if some differ, or if nothing was compared.
///
/// The requests are those of a HAR file, of an access log, or GET requests for the paths on the command line. `shadow --help`
/// lists the options.
#[track_caller]
pub fn add_command(app: &mut App, create_app: impl Fn() -> Result<App, Error> + Clone + Send + Sync + 'static) {
    app.command_with_options(parser(), move |matches: ArgMatches| {
        let create_app = create_app.clone();
        async move { run(&matches, create_app).await }
    });
}

fn parser() -> Command {
    let file = |name: &'static str| Arg::new(name).long(name).value_name("FILE").value_parser(value_parser!(PathBuf));
    let url = |name: &'static str| Arg::new(name).long(name).value_name("URL");
    Command::new("shadow")
        .about("Send recorded requests to the old app and to this one, and compare the responses.")
        .arg(url("old").required(true).help("The old app, such as http://127.0.0.1:8000."))
        .arg(url("new").help("The new app, if it is not to be made here."))
        .arg(Arg::new("path").value_name("PATH").num_args(0..).help("Paths to GET."))
        .arg(file("har").help("Take the requests of a HAR file."))
        .arg(file("log").help("Take the requests of an access log in nginx's combined format."))
        .group(ArgGroup::new("requests").args(["path", "har", "log"]).required(true))
        .arg(
            Arg::new("host")
                .long("host")
                .value_name("HOST")
                .help("The host that both apps see; of a HAR file, its requests alone are taken."),
        )
        .arg(file("rules").help("Read from a TOML file what may differ."))
        .arg(
            Arg::new("ready")
                .long("ready")
                .value_name("N")
                .value_parser(value_parser!(u64))
                .default_value("100")
                .help("The number of equal requests in a row after which a rule is ready to switch."),
        )
        .arg(
            Arg::new("unsafe")
                .long("unsafe")
                .action(ArgAction::SetTrue)
                .help("Send requests that change something too, to both apps."),
        )
        .arg(file("json").help("Write the report as JSON."))
        .arg(file("html").help("Write the report as a page."))
}

async fn run(matches: &ArgMatches, create_app: impl Fn() -> Result<App, Error>) -> Result<(), Error> {
    let path = |name: &str| matches.get_one::<PathBuf>(name);
    let text = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    let rules = path("rules").map(|path| Rules::from_file(path)).transpose()?.unwrap_or_default();
    let recording = recording(matches)?;
    let new = match text("new") {
        Some(url) => app_at(url)?,
        None => made_here(create_app()?)?,
    };
    let shadow = Shadow::new(text("old").unwrap_or_default());
    let shadow = match text("host") {
        Some(host) => shadow.host(host),
        None => shadow,
    };
    let shadow = shadow
        .rules(rules)
        .left_out(recording.left_out)
        .with_unsafe(matches.get_flag("unsafe"))
        .ready_after(matches.get_one::<u64>("ready").copied().unwrap_or(100));
    let bar = ProgressBar::new(recording.requests.len() as u64).with_style(style());
    let replayed = shadow.replay(&new, &recording.requests, |report| {
        bar.inc(1);
        if !bar.is_hidden() {
            bar.set_message(table(report));
        }
    });
    // The log of the replayed requests would run through the table; an error behind a 500 is in the report.
    let report = replayed.with_subscriber(NoSubscriber::default()).await?;
    bar.finish_and_clear();
    conclude(&report, [path("json").map(PathBuf::as_path), path("html").map(PathBuf::as_path)])
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed}\n{msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Builds the app so that its unhandled errors are responses, as for clients.
fn made_here(mut app: App) -> Result<Application, Error> {
    app.config.propagate_exceptions = Some(false);
    app.build()
}

fn recording(matches: &ArgMatches) -> Result<Recording, Error> {
    if let Some(path) = matches.get_one::<PathBuf>("har") {
        let host = matches.get_one::<String>("host").map(String::as_str);
        return read_har(&read(path)?, host).map_err(|error| failed(format!("{}: {error}", path.display())));
    }
    if let Some(path) = matches.get_one::<PathBuf>("log") {
        return Ok(read_log(&read(path)?));
    }
    let paths = matches.get_many::<String>("path").into_iter().flatten();
    let requests: Result<Vec<_>, Error> = paths.map(|path| Recorded::new(Method::GET, path)).collect();
    requests.map(Recording::from)
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|error| failed(format!("cannot read \"{}\": {error}", path.display())))
}

/// Shows the report and writes the files, then fails if responses differ.
fn conclude(report: &Report, [json, page]: [Option<&Path>; 2]) -> Result<(), Error> {
    let write = |path: &Path, text: String| {
        fs::write(path, text).map_err(|error| failed(format!("cannot write \"{}\": {error}", path.display())))
    };
    let rules = report.rules();
    // A closed pipe (`shadow | head`) is not an error.
    let _ = anstream::stdout()
        .write_all(format!("{}{}{}", table(report), left_out(report), differences(&rules)).as_bytes());
    if let Some(path) = json {
        write(path, format!("{:#}\n", report.json()))?;
    }
    if let Some(path) = page {
        write(path, html(&report.json()))?;
    }
    let different: u64 = rules.iter().map(|rule| rule.different + rule.unanswered).sum();
    match different {
        0 if report.is_equal() => Ok(()),
        0 => Err(failed("no request was compared".into())),
        _ => Err(failed(format!("{different} requests were not answered alike"))),
    }
}

fn failed(message: String) -> Error {
    Error::new(ErrorKind::Other, message)
}
