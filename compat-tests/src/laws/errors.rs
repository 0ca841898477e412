//! Laws about views that fail.

use costrel::{Colour, Method, StatusCode};

use super::LawText;
use crate::fixture::{Cell, Client, Host, Stage};
use crate::verdict::{Checked, Failure, applies_if, expect};

pub(super) const ERRORS_REACH_THE_HANDLERS: LawText = LawText {
    why: "A decorator that turns errors into its own responses bypasses the app's error handlers.",
    remedy: "Pass errors on with `?`; catch only your own errors.",
    how: "The view fails with an error of the app's own, then with `abort(409)` and a header; the app's error handlers must answer both.",
};

pub(super) async fn errors_reach_the_handlers(cell: Cell) -> Checked {
    cell.may_fail(2)?;
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    if cell.subject.fails() {
        let reply = client.ask("/subject/ada").await?;
        let seen = (reply.status, reply.text());
        expect("what the handler of the view's error answers", seen, cell.expected("ada"))?;
    }
    let reply = client.ask("/subject/abort").await?;
    let handled = cell.handled((StatusCode::CONFLICT, "handled: the subject's own words".to_owned()));
    expect("what the handler of an abort(409) answers", (reply.status, reply.text()), handled)?;
    let retry_after = reply.headers.get("retry-after").and_then(|value| value.to_str().ok());
    expect("the `Retry-After` of the abort", retry_after, Some("7"))?;
    Ok(())
}

pub(super) const A_PANIC_IS_A_500_AND_THE_NEXT_REQUEST_WORKS: LawText = LawText {
    why: "In axum and actix a panic closes the connection; a panic under a lock poisons the lock for every later request.",
    remedy: "While the view runs, hold no lock that a panic could poison.",
    how: "The view panics after GET and after POST; the app's 500 handler must answer, the teardown must run, and the next request must be answered.",
};

pub(super) async fn a_panic_is_a_500_and_the_next_request_works(cell: Cell) -> Checked {
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    let methods: &[Method] = if cell.subject.is_socket() { &[Method::GET] } else { &[Method::GET, Method::POST] };
    cell.may_fail(methods.len())?;
    cell.may_be_asked(2 * methods.len())?;
    for method in methods {
        let reply = client.visit(method, "/subject/panic").await?;
        let handled = cell.handled((StatusCode::INTERNAL_SERVER_ERROR, "handled: panic".to_owned()));
        let what = format!("what the app's 500 handler answers to a panic after {method}");
        expect(&what, (reply.status, reply.text()), handled)?;
        expect("teardowns after a panic", stage.probe.count("teardown"), stage.probe.count("before"))?;
        let reply = client.visit(method, "/subject/bob").await?;
        let what = format!("status and body of the next {method}");
        expect(&what, (reply.status, reply.text()), cell.expected("bob"))?;
    }
    Ok(())
}

/// The number of failures: more than any sensible number of permits, and few enough to be quick.
const FAILURES: usize = 44;

pub(super) const NOTHING_IS_USED_UP_BY_FAILURES: LawText = LawText {
    why: "A permit, a lock or a connection that the decorator returns only after a success is lost with every failure.",
    remedy: "Keep what you take in a guard that returns it when dropped, instead of returning it in a line after the call.",
    how: "The view succeeds in 44 requests, fails in 44, panics in 44, and the client leaves in 44, GET and POST in turns; after each 44, one more request must be answered as usual. They are fewer for a candidate that counts requests or failures.",
};

pub(super) async fn nothing_is_used_up_by_failures(cell: Cell) -> Checked {
    let is_tried = matches!(cell.host, Host::InProcess | Host::Server | Host::Threaded | Host::Axum);
    applies_if(is_tried, "the host uses up what a server and axum do")?;
    // A candidate may keep its count for all stages of the check, so the failures of all of them count.
    let times = FAILURES.min(cell.candidate.declared.failures_at_most() / STAGES);
    applies_if(times > 0, "the candidate refuses after fewer failures than it takes")?;
    for path in ["/subject/fine", "/subject/abort", "/subject/panic"] {
        let stage = cell.stage().await?;
        let client = stage.allowed().await?;
        for n in 1..=times {
            client.visit(by_turns(n), path).await?;
        }
        is_answered_as_ever(&cell, &client, &format!("{times} times {path}")).await?;
    }
    if cell.subject.colour() == Colour::Async && cell.candidate.declared.attempts() == 1 {
        let stage = cell.stage().await?;
        let client = stage.allowed().await?;
        for n in 1..=times {
            leave(&stage, &client, n).await?;
        }
        is_answered_as_ever(&cell, &client, &format!("{times} clients that left")).await?;
    }
    Ok(())
}

/// The number of apps, each with the candidate, that the law above makes.
const STAGES: usize = 4;

fn by_turns(n: usize) -> &'static Method {
    if n.is_multiple_of(2) { &Method::GET } else { &Method::POST }
}

/// Sends a request and cancels it while the view is held.
async fn leave(stage: &Stage, client: &Client, times: usize) -> Checked {
    let client = client.clone();
    let mut leaving = tokio::spawn(async move { client.visit(by_turns(times), "/subject/hold").await });
    tokio::select! {
        () = stage.probe.wait_for("held", times) => leaving.abort(),
        _ = &mut leaving => {
            let what = format!("request {times} of clients that leave");
            return Err(Failure::sentence(what, "to come to the view", "it was answered without a run of the view").into());
        }
    }
    stage.probe.wait_for("dropped", times).await;
    Ok(())
}

async fn is_answered_as_ever(cell: &Cell, client: &Client, after: &str) -> Checked {
    let reply = client.get("/subject/ada").await?;
    expect(&format!("status and body after {after}"), (reply.status, reply.text()), cell.expected("ada"))?;
    Ok(())
}

pub(super) const WHAT_KEEPS_FAILING_IS_REFUSED: LawText = LawText {
    why: "A circuit breaker that never opens, or that lets requests through to a view that keeps failing, is there for nothing.",
    remedy: "Count the failures in a row, errors as well as responses of the server's, and refuse without a run of the view.",
    how: "The view fails as often as `Candidate::refuses_after` says; the next request must be refused without a run of it.",
};

pub(super) async fn what_keeps_failing_is_refused(cell: Cell) -> Checked {
    let Some(failures) = cell.candidate.declared.refuses_after else {
        return applies_if(
            false,
            "the candidate refuses nothing after failures; `Candidate::refuses_after` declares it",
        );
    };
    applies_if(cell.subject.fails(), "the subject does not fail")?;
    cell.in_one_app()?;
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    for _ in 0..failures {
        client.get("/subject/ada").await?;
    }
    expect("runs of the view before it is refused", stage.probe.runs(), failures)?;
    let reply = client.get("/subject/ada").await?;
    expect("runs of the view after that many failures", stage.probe.runs(), failures)?;
    expect("whether the next request is a success", reply.status.is_success(), false)?;
    Ok(())
}
