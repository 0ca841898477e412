//! What happens when the view fails.

use costrel::{Colour, StatusCode};

use crate::fault::expect;
use crate::finding::{Finding, applies_if};
use crate::host::Visitor;
use crate::stage::{Cell, Stage};
use crate::subject::Subject;

pub(super) async fn errors_reach_the_handlers(cell: Cell) -> Finding {
    let stage = cell.stage().await?;
    let visitor = stage.allowed().await?;
    if cell.subject.fails() {
        let reply = visitor.get("/subject/ada").await?;
        let seen = (reply.status, reply.text());
        expect("what the handler of the view's error answers", seen, cell.expected("ada"))?;
    }
    let reply = visitor.get("/subject/abort").await?;
    let handled = cell.handled((StatusCode::CONFLICT, "handled: the subject's own words".to_owned()));
    expect("what the handler of an abort(409) answers", (reply.status, reply.text()), handled)?;
    let retry_after = reply.headers.get("retry-after").and_then(|value| value.to_str().ok());
    expect("the `Retry-After` of the abort", retry_after, Some("7"))?;
    Ok(())
}

pub(super) async fn a_panic_is_a_500_and_the_next_request_works(cell: Cell) -> Finding {
    let stage = cell.stage().await?;
    let visitor = stage.allowed().await?;
    let reply = visitor.get("/subject/panic").await?;
    let handled = cell.handled((StatusCode::INTERNAL_SERVER_ERROR, "handled: panic".to_owned()));
    expect("what the app's 500 handler answers to a panic", (reply.status, reply.text()), handled)?;
    expect("teardowns after a panic", stage.probe.count("teardown"), stage.probe.count("before"))?;
    let reply = visitor.get("/subject/bob").await?;
    expect("status and body of the next request", (reply.status, reply.text()), cell.expected("bob"))?;
    Ok(())
}

/// More than any sensible number of permits, and few enough to be quick.
const FAILURES: usize = 44;

pub(super) async fn nothing_is_used_up_by_failures(cell: Cell) -> Finding {
    applies_if(matches!(cell.subject, Subject::SyncFn | Subject::AsyncFn), "it is tried once for each colour")?;
    for path in ["/subject/abort", "/subject/panic"] {
        let stage = cell.stage().await?;
        let visitor = stage.allowed().await?;
        for _ in 0..FAILURES {
            visitor.get(path).await?;
        }
        is_answered_as_ever(&cell, &visitor, &format!("{FAILURES} times {path}")).await?;
    }
    if cell.subject.colour() == Colour::Async && cell.candidate.tries() == 1 {
        let stage = cell.stage().await?;
        let visitor = stage.allowed().await?;
        for n in 1..=FAILURES {
            leave(&stage, &visitor, n).await;
        }
        is_answered_as_ever(&cell, &visitor, &format!("{FAILURES} clients that left")).await?;
    }
    Ok(())
}

/// A client comes, and leaves in the middle of the view.
async fn leave(stage: &Stage, visitor: &Visitor, times: usize) {
    let visitor = visitor.clone();
    let leaving = tokio::spawn(async move { visitor.get("/subject/hold").await });
    stage.probe.wait_for("held", times).await;
    leaving.abort();
    stage.probe.wait_for("dropped", times).await;
}

async fn is_answered_as_ever(cell: &Cell, visitor: &Visitor, after: &str) -> Finding {
    let reply = visitor.get("/subject/ada").await?;
    expect(&format!("status and body after {after}"), (reply.status, reply.text()), cell.expected("ada"))?;
    Ok(())
}
