//! The suite as a command of an app.

use std::fs;
use std::io::{IsTerminal, Write, stderr, stdout};
use std::sync::atomic::{AtomicUsize, Ordering};

use costrel::{App, Error, async_to_sync, current_app};

use crate::candidate::Candidate;
use crate::host::Host;
use crate::laws::Law;
use crate::offer::offered;
use crate::own_routes::{RouteReport, check_routes};
use crate::page::{html, json};
use crate::report::{Report, Selection, run_selected};
use crate::subject::Subject;

/// What `compat` is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Which cells.
    pub selection: Selection,
    /// Where the JSON goes, if anywhere.
    pub json: Option<String>,
    /// Where the page goes, if anywhere.
    pub html: Option<String>,
}

/// What `compat` says when it does not understand.
const USAGE: &str = "compat [--law NAME] [--subject NAME] [--host NAME] [--json FILE] [--html FILE]";

/// Adds the command `compat` to an app: it tries what the extensions [`offer`](crate::offer()) and, where no filter is given,
/// the app's own routes, decorators and all, as far as [that is safe](check_routes); it fails if something is not right.
/// `create_app` makes the app anew.
///
/// ```
/// use costrel::{App, Error, View};
/// use costrel_compat::{Candidate, add_command, offer};
///
/// fn nothing(view: View) -> View {
///     view
/// }
///
/// fn create_app() -> Result<App, Error> {
///     let mut app = App::new("docs");
///     offer(&mut app, || Candidate::new(nothing));
///     add_command(&mut app, create_app);
///     Ok(app)
/// }
///
/// let app = create_app()?.build()?;
/// assert!(app.invoke("compat", ["--law", "view_arguments_arrive", "--host", "in_process"]).wait().is_ok());
/// assert!(app.invoke("compat", ["--law", "murphys"]).wait().unwrap_err().message().contains("no law \"murphys\""));
/// # Ok::<(), costrel::Error>(())
/// ```
#[track_caller]
pub fn add_command(app: &mut App, create_app: impl Fn() -> Result<App, Error> + Clone + Send + Sync + 'static) {
    let about = format!("Try this app's extensions and routes against the laws of the compatibility suite: {USAGE}.");
    app.command("compat", &about, move |arguments: Vec<String>| {
        let options = Options::parse(&arguments)?;
        let candidates = offered(&current_app());
        let reports: Vec<_> = candidates.iter().map(|candidate| try_shown(candidate, &options.selection)).collect();
        let create_app = create_app.clone();
        let whole = options.selection == Selection::default();
        let routes = if whole { async_to_sync(move |()| check_routes(create_app.clone()))(())?? } else { Vec::new() };
        options.write(&reports, &routes)
    });
}

impl Options {
    /// Reads the command's arguments.
    ///
    /// # Errors
    /// If one is not known, has no value, or names no law, subject or host.
    pub fn parse(arguments: &[String]) -> Result<Self, Error> {
        let mut options = Self::default();
        let mut arguments = arguments.iter();
        while let Some(name) = arguments.next() {
            let place = match name.as_str() {
                "--law" => &mut options.selection.law,
                "--subject" => &mut options.selection.subject,
                "--host" => &mut options.selection.host,
                "--json" => &mut options.json,
                "--html" => &mut options.html,
                _ => return Err(mistake(format!("unknown argument {name:?}: {USAGE}"))),
            };
            let value = arguments.next().ok_or_else(|| mistake(format!("{name} lacks its value: {USAGE}")))?;
            *place = Some(value.clone());
        }
        options.check()?;
        Ok(options)
    }

    fn check(&self) -> Result<(), Error> {
        let Selection { law, subject, host } = &self.selection;
        if let Some(law) = law {
            Law::named(law)?;
        }
        let known = |what: &str, name: &Option<String>, all: Vec<&str>| match name {
            Some(name) if !all.contains(&name.as_str()) => {
                Err(mistake(format!("there is no {what} {name:?}; they are {}", all.join(", "))))
            }
            _ => Ok(()),
        };
        known("subject", subject, Subject::ALL.map(Subject::name).to_vec())?;
        known("host", host, Host::ALL.map(Host::name).to_vec())
    }

    /// Shows the reports and writes the files.
    fn write(&self, reports: &[Report], routes: &[RouteReport]) -> Result<(), Error> {
        let text = if stdout().is_terminal() { coloured(&text(reports, routes)) } else { text(reports, routes) };
        stdout().write_all(text.as_bytes())?;
        if let Some(path) = &self.json {
            fs::write(path, format!("{:#}\n", json(reports, routes)))?;
        }
        if let Some(path) = &self.html {
            fs::write(path, html(reports, routes))?;
        }
        let cells: usize = reports.iter().map(|report| report.failures().count()).sum();
        let wrong = routes.iter().filter(|route| route.failed()).count();
        if cells + wrong == 0 { Ok(()) } else { Err(mistake(format!("{cells} cells failed, and {wrong} routes"))) }
    }
}

fn text(reports: &[Report], routes: &[RouteReport]) -> String {
    let mut text: String = reports.iter().map(ToString::to_string).collect();
    if !routes.is_empty() {
        text.push_str("the app's own routes\n");
        text.extend(routes.iter().map(|route| format!("{route}\n")));
    }
    if text.is_empty() {
        text.push_str("nothing was tried: no extension of this app offers a candidate\n");
    }
    text
}

/// Tries a candidate, with a bar on the terminal that says how far it is.
fn try_shown(candidate: &Candidate, selection: &Selection) -> Report {
    let (all, done) = (selection.cells().count(), AtomicUsize::new(0));
    let shown = stderr().is_terminal();
    let report = run_selected(candidate, selection, || {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if shown {
            let bar = "#".repeat(done * 30 / all.max(1));
            // A bar that cannot be shown is no reason to stop.
            let _ = write!(stderr(), "\r{:<20} [{bar:<30}] {done}/{all}", candidate.name());
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

fn mistake(message: String) -> Error {
    Error::from_boxed(message.into())
}
