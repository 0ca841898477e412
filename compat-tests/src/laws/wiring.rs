//! Laws about what is noted on a view, and about counts that go up and must come down.

use std::time::Duration;

use costrel::{App, Error};
use tokio::time::timeout;

use super::LawText;
use super::visitors::tried_once_for_each_colour;
use crate::fixture::{Cell, Probe};
use crate::verdict::{Checked, Failure, applies_if, expect};

pub(super) const WHAT_IS_NOTED_ON_THE_VIEW_STAYS: LawText = LawText {
    why: "A decorator that builds a view of its own around the old one loses its marks, the extensions that it needs, its set-up errors and the check of its arguments: an exempt view is no longer exempt, and mistakes show in production.",
    remedy: "Wrap the view with a form of `Decorate` or `View::wrapped`, not with `View::from_callable`.",
    how: "The suite decorates a view with a mark, a missing extension, a set-up error and one argument; the mark must still be there, and building the app must report the rest.",
};

pub(super) async fn what_is_noted_on_the_view_stays(cell: Cell) -> Checked {
    tried_once_for_each_colour(&cell)?;
    cell.in_one_app()?;
    let probe = Probe::new();
    let marked = cell.decorate(cell.subject.view(&probe).marked(Mark));
    expect("whether the mark on the view is still there", marked.marker::<Mark>().is_some(), true)?;
    let needing = cell.subject.view(&probe).requires::<Missing>();
    let faulty = cell.subject.view(&probe).with_setup_error(Error::setup(OWN));
    for (what, view, text) in
        [("the extension that the view needs", needing, "Missing"), ("the set-up error of the view", faulty, OWN)]
    {
        let decorated = cell.decorate(view);
        let reported = errors_of(&cell, |app| {
            app.rule("/noted/<name>").endpoint("noted").view(decorated);
        })?;
        expect(&format!("whether building the app reports {what}"), reported.contains(text), true)?;
    }
    let unfit = cell.decorate(cell.subject.view(&probe));
    let reported = errors_of(&cell, |app| {
        app.rule("/nothing").endpoint("nothing").view(unfit);
    })?;
    expect("whether building the app reports that the rule lacks an argument", reported.contains("takes"), true)?;
    Ok(())
}

/// The note that must stay on the view.
struct Mark;

/// The state of an extension that no app has.
struct Missing;

const OWN: &str = "a set-up error of the suite's own";

/// Returns what building an app with this rule reports.
fn errors_of(cell: &Cell, add_rule: impl FnOnce(&mut App)) -> Checked<String> {
    let mut app = App::new("wiring");
    app.config.secret_key = Some("only for the trial".into());
    cell.candidate.set_up(&mut app)?;
    add_rule(&mut app);
    Ok(app.build().err().map(|error| error.to_string()).unwrap_or_default())
}

pub(super) const WHAT_IS_COUNTED_UP_IS_COUNTED_DOWN: LawText = LawText {
    why: "A gauge of requests in flight that is lowered in a line after the call stays high after every error, panic and client that leaves, until the alarm goes off or the balancer sends nothing more.",
    remedy: "Lower it when a guard is dropped, which every ending does.",
    how: "After a success, an abort, a panic and a client that left, the gauge that `Candidate::in_flight` reads must be where it was.",
};

/// The time in which a gauge must come down after a client has left.
const SOON: Duration = Duration::from_secs(3);

pub(super) async fn what_is_counted_up_is_counted_down(cell: Cell) -> Checked {
    tried_once_for_each_colour(&cell)?;
    let Some(gauge) = cell.candidate.declared.in_flight.clone() else {
        return applies_if(false, "the candidate has no gauge; `Candidate::in_flight` declares one");
    };
    let stage = cell.stage().await?;
    let (client, before) = (stage.allowed().await?, gauge());
    for path in ["/subject/ada", "/subject/abort", "/subject/panic"] {
        client.get(path).await?;
        comes_down(&*gauge, before, path).await?;
    }
    if cell.subject.colour() == costrel::Colour::Async {
        let leaving = tokio::spawn(async move { client.get("/subject/hold").await });
        stage.probe.wait_for("held", 1).await;
        leaving.abort();
        stage.probe.wait_for("dropped", 1).await;
        comes_down(&*gauge, before, "a client that left").await?;
    }
    Ok(())
}

/// Waits until the gauge is where it was, because a response may arrive a moment before its request is over.
async fn comes_down(gauge: &(dyn Fn() -> usize + Send + Sync), before: usize, after: &str) -> Checked {
    let down = async {
        while gauge() != before {
            tokio::task::yield_now().await;
        }
    };
    if timeout(SOON, down).await.is_err() {
        return Err(Failure::new(format!("the gauge after {after}"), before, gauge()).into());
    }
    Ok(())
}
