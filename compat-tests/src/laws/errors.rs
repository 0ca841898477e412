//! What happens when the view fails.

use costrel::StatusCode;

use super::Finding;
use crate::fault::expect;
use crate::stage::Cell;

pub(super) async fn errors_reach_the_handlers(cell: Cell) -> Finding {
    let stage = cell.stage().await?;
    let visitor = stage.allowed().await?;
    if cell.subject.fails() {
        let reply = visitor.get("/subject/ada").await?;
        let seen = (reply.status, reply.text());
        expect("what the handler of the view's error answers", seen, cell.subject.expected("ada"))?;
    }
    let reply = visitor.get("/subject/abort").await?;
    let handled = (StatusCode::CONFLICT, "handled: the subject's own words".to_owned());
    expect("what the handler of an abort(409) answers", (reply.status, reply.text()), handled)?;
    let retry_after = reply.headers.get("retry-after").and_then(|value| value.to_str().ok());
    expect("the `Retry-After` of the abort", retry_after, Some("7"))?;
    Ok(())
}

pub(super) async fn a_panic_is_a_500_and_the_next_request_works(cell: Cell) -> Finding {
    let stage = cell.stage().await?;
    let visitor = stage.allowed().await?;
    let reply = visitor.get("/subject/panic").await?;
    let handled = (StatusCode::INTERNAL_SERVER_ERROR, "handled: panic".to_owned());
    expect("what the app's 500 handler answers to a panic", (reply.status, reply.text()), handled)?;
    expect("teardowns after a panic", stage.probe.count("teardown"), stage.probe.count("before"))?;
    let reply = visitor.get("/subject/bob").await?;
    expect("status and body of the next request", (reply.status, reply.text()), cell.subject.expected("bob"))?;
    Ok(())
}
