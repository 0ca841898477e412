//! What happens when the view fails.

use costrel::StatusCode;

use super::{Finding, applies_if};
use crate::fault::expect;
use crate::stage::Cell;

pub(super) async fn errors_reach_the_handlers(cell: Cell) -> Finding {
    applies_if(cell.subject.fails(), "the subject does not fail")?;
    let stage = cell.stage().await?;
    let reply = stage.allowed().await?.get("/subject/ada").await?;
    let seen = (reply.status, reply.text());
    expect("what the app's error handler answers", seen, cell.subject.expected("ada"))?;
    Ok(())
}

pub(super) async fn a_panic_is_a_500_and_the_next_request_works(cell: Cell) -> Finding {
    let stage = cell.stage().await?;
    let visitor = stage.allowed().await?;
    let reply = visitor.get("/panic").await?;
    expect("the status after a panic", reply.status, StatusCode::INTERNAL_SERVER_ERROR)?;
    expect("teardowns after a panic", stage.probe.count("teardown"), stage.probe.count("before"))?;
    let reply = visitor.get("/subject/ada").await?;
    expect("status and body of the next request", (reply.status, reply.text()), cell.subject.expected("ada"))?;
    Ok(())
}
