//! The command `compat`, which runs the suite on the decorators and routes of an app.

mod files;
mod options;

use std::collections::BTreeSet;
use std::io::Write as _;

use costrel::cli::clap::ArgMatches;
use costrel::{App, Error};
use indicatif::{ProgressBar, ProgressStyle};

use crate::fixture::Candidate;
use crate::report::{Report, RouteReport, text};
use crate::runner::{Plan, check_routes, run_plan};

use files::Files;
use options::Options;

/// A function that makes a new candidate, so that no state is left of the last check.
pub type MakeCandidate = fn() -> Candidate;

/// Adds the command `compat` to an app: the command tries the candidates against the laws.
///
/// Without a filter the command also tries the app's own routes, with their decorators, as far as [that is
/// safe](check_routes). It fails if a candidate or a route fails, or if nothing was tried. `create_app` makes the app
/// anew; each function of `candidates` makes a candidate. `compat --help` lists the options: filters, files for the
/// report, `--fail-fast` and `--jobs`.
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
/// assert!(app.invoke("compat", ["--law", "murphys"]).wait().unwrap_err().message().contains("'murphys'"));
/// # Ok::<(), costrel::Error>(())
/// ```
#[track_caller]
pub fn add_command(
    app: &mut App,
    create_app: impl Fn() -> Result<App, Error> + Clone + Send + Sync + 'static,
    candidates: &[MakeCandidate],
) {
    let candidates = candidates.to_vec();
    app.command_with_options(options::parser(), move |matches: ArgMatches| {
        let options = Options::read(&matches)?;
        let chosen = options.chosen(&candidates)?;
        let files = Files::open(&options)?;
        let reports = try_all(&chosen, &options);
        let failed = reports.iter().any(|report| report.failures().next().is_some());
        let skips_routes = options.has_filter() || (options.fail_fast && failed);
        let routes = if skips_routes { Ok(Vec::new()) } else { check_routes(create_app.clone()) };
        conclude(&reports, routes, files)
    });
}

/// Tries the candidates one after the other, and shows a progress bar on a terminal.
fn try_all(chosen: &[MakeCandidate], options: &Options) -> Vec<Report> {
    let plan = Plan { cells: options.selection.cells(), jobs: options.jobs, fail_fast: options.fail_fast };
    let mut reports = Vec::new();
    for make in chosen {
        let candidate = make().name().to_owned();
        let bar = ProgressBar::new(plan.cells.len() as u64).with_style(style()).with_prefix(candidate.clone());
        let mut report = run_plan(make, &plan, |result| {
            bar.set_message(result.law.name.replace('_', " "));
            bar.inc(1);
        });
        bar.finish_and_clear();
        report.command = Some(options::command_for(&candidate));
        let failed = report.failures().next().is_some();
        reports.push(report);
        if options.fail_fast && failed {
            break;
        }
    }
    reports
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{prefix:20!} {bar:30} {pos}/{len} {elapsed} {wide_msg:.dim}");
    style.unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Shows the reports and writes the files, then fails if a candidate or a route failed.
fn conclude(reports: &[Report], routes: Result<Vec<RouteReport>, Error>, files: Files) -> Result<(), Error> {
    let (routes, not_tried) = match routes {
        Ok(routes) => (routes, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let written = files.write(reports, &routes);
    // A closed pipe (`compat | head`) is not an error.
    let _ = anstream::stdout().write_all(text(reports, &routes).as_bytes());
    written?;
    if let Some(error) = not_tried {
        return Err(refused(format!("the app's own routes could not be tried: {error}")));
    }
    let cells: usize = reports.iter().map(|report| report.failures().count()).sum();
    let wrong = routes.iter().filter(|route| route.failed()).count();
    let tried = reports.iter().any(|report| report.passed() > 0) || routes.iter().any(|route| route.failures.is_ok());
    match cells + wrong {
        0 if !tried && reports.is_empty() => Err(refused(NOTHING.to_owned())),
        0 if !tried => Err(refused(NO_CELL.to_owned())),
        0 => Ok(()),
        _ => Err(refused(format!("{cells} cells failed, and {wrong} routes{}", broken_laws(reports)))),
    }
}

/// The error message for a run that had neither a candidate nor a route to try.
const NOTHING: &str = "nothing was tried: give `costrel_compat::add_command` a candidate, or the app a route that answers GET and has no variables";

/// The error message for a filter that leaves only cells that do not apply.
const NO_CELL: &str = "nothing was tried: no law that was chosen applies to these subjects, hosts and candidates";

/// Names the laws that each candidate breaks, once more after the explanations.
fn broken_laws(reports: &[Report]) -> String {
    let broken = reports.iter().flat_map(|report| report.failures().map(move |(result, _)| (report, result.law.name)));
    let lines: BTreeSet<_> = broken.map(|(report, law)| format!("\n  {} breaks {law}", report.candidate)).collect();
    lines.into_iter().collect()
}

fn refused(message: String) -> Error {
    Error::from_boxed(message.into())
}
