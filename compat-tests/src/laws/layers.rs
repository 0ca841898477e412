//! A decorator between tower services.

use costrel::Method;

use crate::fault::{Fault, expect};
use crate::finding::{Finding, applies_if};
use crate::host::{Host, StrictService};
use crate::stage::Cell;
use crate::subject::Subject;

pub(super) async fn inner_readiness_is_honoured(cell: Cell) -> Finding {
    applies_if(cell.host == Host::Axum, "a view is always ready; the service beneath a layer may not be")?;
    applies_if(matches!(cell.subject, Subject::SyncFn | Subject::AsyncFn), "it is tried once for each colour")?;
    let stage = cell.stage().await?;
    let visitor = stage.allowed().await?;
    for _ in 0..2 {
        visitor.get("/subject/ada").await?;
        let strict = StrictService::new(stage.application.clone(), stage.probe.clone());
        let earlier = stage.probe.runs();
        match cell.candidate.through_layer(strict, visitor.request(Method::GET, "/subject/ada")?).await {
            Some(Ok(())) => expect("runs of the view through the layer by itself", stage.probe.runs() - earlier, 1)?,
            Some(Err(error)) => {
                return Err(
                    Fault::sentence("a request through the layer by itself", "an answer", error.to_string()).into()
                );
            }
            None => {}
        }
    }
    expect("calls of a service that was not asked whether it is ready", stage.probe.count("called unready"), 0)?;
    Ok(())
}
