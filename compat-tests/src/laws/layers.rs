//! A decorator between tower services.

use costrel::{Body, http};

use crate::fault::{Fault, expect};
use crate::finding::{Finding, applies_if};
use crate::host::{Host, StrictService};
use crate::stage::Cell;
use crate::subject::Subject;

pub(super) async fn inner_readiness_is_honoured(cell: Cell) -> Finding {
    applies_if(cell.host == Host::Axum, "a view is always ready; the service beneath a layer may not be")?;
    applies_if(matches!(cell.subject, Subject::SyncFn | Subject::AsyncFn), "it is tried once for each colour")?;
    let stage = cell.stage().await?;
    stage.allowed().await?.get("/subject/ada").await?;
    let strict = StrictService::new(stage.application.clone(), stage.probe.clone());
    let request = http::Request::get("/subject/ada").body(Body::empty()).map_err(costrel::Error::from)?;
    if let Some(Err(error)) = cell.candidate.through_layer(strict, request).await {
        return Err(Fault::sentence("a request through the layer", "an answer", error.to_string()).into());
    }
    expect("calls of a service that was not asked whether it is ready", stage.probe.count("called unready"), 0)?;
    Ok(())
}
