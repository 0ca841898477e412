//! The suite as a command of an app.

use std::fs;
use std::io::{IsTerminal, Write, stderr, stdout};
use std::sync::atomic::{AtomicUsize, Ordering};

use costrel::{App, Error};

use crate::candidate::Candidate;
use crate::host::Host;
use crate::laws::Law;
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

/// Adds the command `compat` to an app: it tries these candidates and fails if one of them breaks a law.
///
/// ```
/// use costrel::{App, View};
/// use costrel_compat::{Candidate, add_command};
///
/// fn nothing(view: View) -> View {
///     view
/// }
///
/// let mut app = App::new("docs");
/// add_command(&mut app, || vec![Candidate::new(nothing)]);
/// let app = app.build()?;
/// assert!(app.invoke("compat", ["--law", "view_arguments_arrive", "--host", "in_process"]).wait().is_ok());
/// assert!(app.invoke("compat", ["--law", "murphys"]).wait().unwrap_err().message().contains("no law \"murphys\""));
/// # Ok::<(), costrel::Error>(())
/// ```
#[track_caller]
pub fn add_command(app: &mut App, candidates: impl Fn() -> Vec<Candidate> + Send + Sync + 'static) {
    let about = format!("Try decorators against the laws of the compatibility suite: {USAGE}.");
    app.command("compat", &about, move |arguments: Vec<String>| {
        let options = Options::parse(&arguments)?;
        let reports: Vec<_> = candidates().iter().map(|candidate| try_shown(candidate, &options.selection)).collect();
        options.write(&reports)
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
    fn write(&self, reports: &[Report]) -> Result<(), Error> {
        for report in reports {
            write!(stdout(), "{}", if stdout().is_terminal() { coloured(report) } else { report.to_string() })?;
        }
        if let Some(path) = &self.json {
            fs::write(path, format!("{:#}\n", json(reports)))?;
        }
        if let Some(path) = &self.html {
            fs::write(path, html(reports))?;
        }
        match reports.iter().map(|report| report.failures().count()).sum() {
            0_usize => Ok(()),
            failed => Err(mistake(format!("{failed} cells failed"))),
        }
    }
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

fn coloured(report: &Report) -> String {
    let lines = report.to_string();
    let paint = |line: &str| match line {
        line if line.contains(" 0 failed") => format!("\x1b[32m{line}\x1b[0m\n"),
        line if line.contains("FAILED") || line.contains(" failed ") => format!("\x1b[31m{line}\x1b[0m\n"),
        line => format!("{line}\n"),
    };
    lines.lines().map(paint).collect()
}

fn mistake(message: String) -> Error {
    Error::from_boxed(message.into())
}
