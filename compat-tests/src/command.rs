//! The command `compat`, which runs the suite on the decorators and routes of an app.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{IsTerminal, Write, stderr, stdout};
use std::sync::atomic::{AtomicUsize, Ordering};

use costrel::{App, Error};

use crate::fixture::{Candidate, Host, Subject};
use crate::laws;
use crate::report::{Report, RouteReport, html, json};
use crate::runner::{CellKey, Selection, check_routes, run_selected};

/// The parsed arguments of `compat`.
#[derive(Default)]
struct Options {
    /// The cells to try.
    selection: Selection,
    /// The path of the JSON report, if one is wanted.
    json: Option<String>,
    /// The path of the HTML page, if one is wanted.
    html: Option<String>,
}

/// The usage line of `compat`, for its description and its error messages.
const USAGE: &str = "compat [--law NAME] [--subject NAME] [--host NAME] [--json FILE] [--html FILE]";

/// Adds the command `compat` to an app: the command tries the candidates against the laws.
///
/// Without a filter the command also tries the app's own routes, with their decorators, as far as [that is
/// safe](check_routes). It fails if a candidate or a route fails. `create_app` makes the app anew; each function of
/// `candidates` makes a candidate.
///
/// ```
/// use costrel::{App, Error, View};
/// use costrel_compat::{Candidate, add_command};
///
/// fn nothing(view: View) -> View {
///     view
/// }
///
/// fn create_app() -> Result<App, Error> {
///     let mut app = App::new("docs");
///     add_command(&mut app, create_app, &[|| Candidate::new(nothing)]);
///     Ok(app)
/// }
///
/// let app = create_app()?.build()?;
/// assert!(app.invoke("compat", ["--law", "view_arguments_arrive", "--host", "in_process"]).wait().is_ok());
/// assert!(app.invoke("compat", ["--law", "murphys"]).wait().unwrap_err().message().contains("no law \"murphys\""));
/// # Ok::<(), costrel::Error>(())
/// ```
#[track_caller]
pub fn add_command(
    app: &mut App,
    create_app: impl Fn() -> Result<App, Error> + Clone + Send + Sync + 'static,
    candidates: &[MakeCandidate],
) {
    let candidates = candidates.to_vec();
    let about = format!("Try this app's decorators and routes against the laws of the compatibility suite: {USAGE}.");
    app.command("compat", &about, move |arguments: Vec<String>| {
        let options = Options::parse(&arguments)?;
        let files = options.open()?;
        let cells = options.selection.cells();
        let reports: Vec<_> = candidates.iter().map(|make| try_shown(*make, &cells)).collect();
        let whole = options.selection == Selection::default();
        let routes = if whole { check_routes(create_app.clone()) } else { Ok(Vec::new()) };
        conclude(&reports, routes, files)
    });
}

/// A function that makes a new candidate, so that no state is left of the last check.
pub type MakeCandidate = fn() -> Candidate;

/// The files for the reports, opened before the check, because a check is long and a path may be wrong.
struct Files {
    json: Option<(String, File)>,
    html: Option<(String, File)>,
}

/// Shows the reports and writes the files, then fails if a candidate or a route failed.
fn conclude(reports: &[Report], routes: Result<Vec<RouteReport>, Error>, files: Files) -> Result<(), Error> {
    let (routes, not_tried) = match routes {
        Ok(routes) => (routes, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let json = files.json.map(|file| write_to(file, &format!("{:#}\n", json(reports, &routes))));
    let html = files.html.map(|file| write_to(file, &html(reports, &routes)));
    let text = text(reports, &routes);
    // A closed pipe (`compat | head`) is not an error.
    let _ = stdout().write_all(if stdout().is_terminal() { coloured(&text) } else { text }.as_bytes());
    json.into_iter().chain(html).collect::<Result<(), Error>>()?;
    if let Some(error) = not_tried {
        return Err(refused(format!("the app's own routes could not be tried: {error}")));
    }
    let cells: usize = reports.iter().map(|report| report.failures().count()).sum();
    let wrong = routes.iter().filter(|route| route.failed()).count();
    match cells + wrong {
        0 if reports.is_empty() && routes.is_empty() => Err(refused(NOTHING.to_owned())),
        0 if routes.is_empty() && reports.iter().all(|report| report.passed() == 0) => Err(refused(NO_CELL.to_owned())),
        0 => Ok(()),
        _ => Err(refused(format!("{cells} cells failed, and {wrong} routes{}", broken_laws(reports)))),
    }
}

/// The error message for a run that had neither a candidate nor a route to try.
const NOTHING: &str = "nothing was tried: give `costrel_compat::add_command` a candidate, or the app a route";

/// The error message for a filter that leaves only cells that do not apply.
const NO_CELL: &str = "nothing was tried: no law that was chosen applies to these subjects, hosts and candidates";

/// Names the laws that each candidate breaks, once more after the long tables.
fn broken_laws(reports: &[Report]) -> String {
    let broken = reports.iter().flat_map(|report| report.failures().map(move |(result, _)| (report, result.law.name)));
    let lines: BTreeSet<_> = broken.map(|(report, law)| format!("\n  {} breaks {law}", report.candidate)).collect();
    lines.into_iter().collect()
}

fn write_to((path, mut file): (String, File), text: &str) -> Result<(), Error> {
    // A pipe or a terminal has no length to set.
    let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
    let emptied = if is_file { file.set_len(0) } else { Ok(()) };
    emptied
        .and_then(|()| file.write_all(text.as_bytes()))
        .map_err(|error| refused(format!("cannot write {path:?}: {error}")))
}

impl Options {
    /// Reads the command's arguments.
    fn parse<'a>(arguments: &'a [String]) -> Result<Self, Error> {
        let mut options = Self::default();
        // `--law=NAME` is `--law NAME`.
        let parts = |argument: &'a String| argument.splitn(if argument.starts_with("--") { 2 } else { 1 }, '=');
        let mut arguments = arguments.iter().flat_map(parts);
        while let Some(name) = arguments.next() {
            let option = match name {
                "--law" => &mut options.selection.law,
                "--subject" => &mut options.selection.subject,
                "--host" => &mut options.selection.host,
                "--json" => &mut options.json,
                "--html" => &mut options.html,
                _ => return Err(refused(format!("unknown argument {name:?}: {USAGE}"))),
            };
            let value = arguments.next().filter(|value| !value.starts_with("--"));
            let value = value.ok_or_else(|| refused(format!("{name} needs a value: {USAGE}")))?;
            if option.replace(value.to_owned()).is_some() {
                return Err(refused(format!("{name} is given twice: {USAGE}")));
            }
        }
        // The report shows the name of a law with spaces, so the filter accepts it in that form too.
        options.selection.law = options.selection.law.map(|law| law.replace(' ', "_"));
        options.check()?;
        Ok(options)
    }

    fn check(&self) -> Result<(), Error> {
        let Selection { law, subject, host } = &self.selection;
        let known = |what: &str, name: &Option<String>, all: Vec<&str>| match name {
            Some(name) if !all.contains(&name.as_str()) => {
                Err(refused(format!("there is no {what} {name:?}; they are\n  {}", all.join("\n  "))))
            }
            _ => Ok(()),
        };
        known("law", law, laws::ALL.iter().map(|law| law.name).collect())?;
        known("subject", subject, Subject::ALL.map(Subject::name).to_vec())?;
        known("host", host, Host::ALL.map(Host::name).to_vec())?;
        match (&self.json, &self.html) {
            (Some(json), Some(html)) if json == html => {
                Err(refused(format!("--json and --html are both {json:?}: give each its own file")))
            }
            _ => Ok(()),
        }
    }

    fn open(&self) -> Result<Files, Error> {
        let open = |path: &Option<String>| {
            let Some(path) = path else { return Ok(None) };
            // Do not truncate yet: an existing report stays until the new one can be written.
            let file = File::options()
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)
                .map_err(|error| refused(format!("cannot write {path:?}: {error}")))?;
            Ok::<_, Error>(Some((path.clone(), file)))
        };
        Ok(Files { json: open(&self.json)?, html: open(&self.html)? })
    }
}

fn text(reports: &[Report], routes: &[RouteReport]) -> String {
    let mut text: String = reports.iter().map(ToString::to_string).collect();
    if !routes.is_empty() {
        text.push_str("the app's own routes\n");
        text.extend(routes.iter().map(|route| format!("{route}\n")));
    }
    text
}

/// Tries a candidate, and shows a progress bar on the terminal.
fn try_shown(make: MakeCandidate, cells: &[CellKey]) -> Report {
    let (name, all, done) = (make().name().to_owned(), cells.len(), AtomicUsize::new(0));
    let shown = stderr().is_terminal();
    let report = run_selected(make, cells, || {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if shown {
            let bar = "#".repeat(done * 30 / all.max(1));
            // A progress bar that cannot be shown is not an error.
            let _ = write!(stderr(), "\r{name:<20} [{bar:<30}] {done}/{all}");
        }
    });
    if shown {
        let _ = write!(stderr(), "\r\x1b[K");
    }
    report
}

fn coloured(text: &str) -> String {
    let paint = |line: &str| match line {
        line if line.contains(" 0 failed") => format!("\x1b[32m{line}\x1b[0m\n"),
        line if line.contains("FAILED") || line.contains(" failed ") => format!("\x1b[31m{line}\x1b[0m\n"),
        line => format!("{line}\n"),
    };
    text.lines().map(paint).collect()
}

fn refused(message: String) -> Error {
    Error::from_boxed(message.into())
}
