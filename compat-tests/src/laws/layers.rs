//! The law about a decorator that is a layer between tower services.

use costrel::Method;

use super::LawText;
use crate::fixture::{Cell, StrictService};
use crate::verdict::{Checked, Failure, applies_if, expect};

pub(super) const INNER_READINESS_IS_HONOURED: LawText = LawText {
    why: "A full service says that it is not ready; if a layer calls it all the same, or calls a clone of it, the service panics or is overrun (tower's buffer and limits).",
    remedy: "Call the service whose `poll_ready` succeeded: put a clone in its place and move the ready one into the future.",
    how: "Beneath the layer is a service that is not ready at first, and of which each clone must be polled anew; the suite counts calls that come too early.",
};

pub(super) async fn inner_readiness_is_honoured(cell: Cell) -> Checked {
    applies_if(cell.host.is_axum(), "a view is always ready; the service beneath a layer may not be")?;
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    for _ in 0..2 {
        client.get("/subject/ada").await?;
        let strict = StrictService::new(stage.application.clone(), stage.probe.clone());
        let earlier = stage.probe.runs();
        match cell.candidate.through_layer(strict, client.request(Method::GET, "/subject/ada")?).await {
            Some(Ok(())) => expect("runs of the view through the layer by itself", stage.probe.runs() - earlier, 1)?,
            Some(Err(error)) => {
                return Err(
                    Failure::sentence("a request through the layer by itself", "an answer", error.to_string()).into()
                );
            }
            None => {}
        }
    }
    expect("calls of a service that was not polled until it was ready", stage.probe.count("called unready"), 0)?;
    Ok(())
}
