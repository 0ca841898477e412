//! Laws about what is noted on a view, and about counts that go up and must come down.

use std::time::Duration;

use costrel::{App, Error, Method};
use tokio::time::timeout;

use super::LawText;
use super::execution::hold;
use super::side_by_side::{Number, numbers};
use super::visitors::tells_nothing;
use crate::fixture::{Cell, Host, Probe};
use crate::verdict::{Checked, Failure, applies_if, expect};

pub(super) const WHAT_IS_NOTED_ON_THE_VIEW_STAYS: LawText = LawText {
    why: "A decorator that builds a view of its own around the old one loses its marks, the extensions that it needs, its set-up errors and the check of its arguments: an exempt view is no longer exempt, and mistakes show in production.",
    remedy: "Wrap the view with a form of `Decorate` or `View::wrapped`, not with `View::from_callable`.",
    how: "The suite decorates a view with a mark, a missing extension, a set-up error and one argument; the mark must still be there, and building the app must report the rest.",
};

pub(super) async fn what_is_noted_on_the_view_stays(cell: Cell) -> Checked {
    cell.in_one_app()?;
    cell.by_a_decorator()?;
    cell.tried_by_hand();
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
    how: "While a view runs, the gauge that `Candidate::in_flight` reads must count it; after a success, an abort, a panic and a client that left, by GET and POST, it must be where it was. A number in a header that is higher while another view runs is a gauge too.",
};

/// The time in which a gauge must come down after a client has left.
const SOON: Duration = Duration::from_secs(3);

pub(super) async fn what_is_counted_up_is_counted_down(cell: Cell) -> Checked {
    let Some(gauge) = cell.candidate.declared.in_flight.clone() else {
        return what_a_header_counts_up_is_counted_down(cell).await;
    };
    cell.may_fail(4)?;
    let stage = cell.stage().await?;
    let (client, before) = (stage.allowed().await?, gauge());
    for (n, method) in [Method::GET, Method::POST].into_iter().enumerate() {
        for path in ["/subject/ada", "/subject/abort", "/subject/panic"] {
            client.visit(&method, path).await?;
            comes_down(&*gauge, before, &format!("{method} {path}")).await?;
        }
        let client = client.clone();
        let visiting = method.clone();
        let held = tokio::spawn(async move { client.visit(&visiting, "/subject/hold").await });
        stage.probe.wait_for("held", n + 1).await;
        expect(&format!("the gauge while the view runs for {method}"), gauge(), before + 1)?;
        if cell.subject.colour() == costrel::Colour::Async {
            held.abort();
            stage.probe.wait_for("dropped", n + 1).await;
            comes_down(&*gauge, before, &format!("a client that left in {method}")).await?;
        } else {
            stage.probe.open(1);
            held.await.map_err(Error::from)??;
            comes_down(&*gauge, before, &format!("{method} of a view that was held")).await?;
        }
    }
    Ok(())
}

/// Looks for a gauge in the headers of responses, if none is declared.
async fn what_a_header_counts_up_is_counted_down(cell: Cell) -> Checked {
    let none = "the candidate shows no gauge; `Candidate::in_flight` declares one";
    applies_if(cell.host != Host::Threaded, "one thread has one request at a time")?;
    cell.may_fail(4)?;
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    let alone = numbers(&client.get("/subject/ada").await?.headers);
    applies_if(!alone.is_empty(), none)?;
    let held = hold(&stage, &client, Method::GET, "/subject/hold", 1).await?;
    let beside = numbers(&client.get("/subject/ada").await?.headers);
    stage.probe.open(1);
    held.await.map_err(Error::from)??;
    let again = numbers(&client.get("/subject/ada").await?.headers);
    let is_gauge = |(name, at, value): &&Number| beside.contains(&(name.clone(), *at, value + 1.0));
    let gauges: Vec<_> = alone.iter().filter(|number| again.contains(number)).filter(is_gauge).collect();
    applies_if(!gauges.is_empty(), none)?;
    for method in [Method::GET, Method::POST] {
        for path in ["/subject/abort", "/subject/panic"] {
            client.visit(&method, path).await?;
        }
    }
    let after = numbers(&client.get("/subject/ada").await?.headers);
    for (name, at, value) in gauges {
        let found = after.iter().find(|(other, place, _)| (other, place) == (name, at)).map(|(.., value)| *value);
        expect(&format!("the number in `{name}` after two aborts and two panics"), found, Some(*value))?;
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

pub(super) const TWO_INSTANCES_SHARE_NOTHING: LawText = LawText {
    why: "A static, or a state that is found by its type, makes two limiters count together and two apps of one process show each other's pages.",
    remedy: "Keep state in the extension's slot of the app, or in an `Arc` that the decorator owns.",
    how: "The candidate is made twice, for two apps; a limit that is used up, a breaker that is open, a page that is kept or a client that was seen in one must be unknown to the other.",
};

pub(super) async fn two_instances_share_nothing(cell: Cell) -> Checked {
    let Some(another) = cell.candidate.another() else {
        return applies_if(false, "the law needs a function that makes the candidate");
    };
    let declared = &cell.candidate.declared;
    let (limit, failures) = (declared.limit.unwrap_or(0), declared.refuses_after.unwrap_or(0));
    let other = cell.with_candidate(another);
    let (stage, other) = (cell.stage().await?, other.stage().await?);
    let client = stage.allowed().await?.with_header("x-visitor", SEEN).with_cookie("visitor", SEEN);
    client.get_often("/subject/ada", limit.max(1)).await?;
    client.get_often("/subject/abort", failures).await?;
    for times in 1..=2 {
        let reply = other.allowed().await?.ask("/subject/ada").await?;
        let what = format!("status and body of request {times} to the second of two instances");
        expect(&what, (reply.status, reply.text()), cell.expected("ada"))?;
        tells_nothing(&reply, SEEN, "a client of the second of two instances")?;
    }
    expect(
        "runs of the view beneath the second of two instances",
        other.probe.runs(),
        if declared.shares_runs { other.probe.runs().max(1) } else { 2 },
    )?;
    Ok(())
}

/// What only the first instance has seen.
const SEEN: &str = "seen-7d20";
