//! Where views run, and what that costs.

use costrel::{Colour, Error};
use costrel_ext_kit::Decorate;
use futures_util::future::try_join_all;
use tokio::task::JoinHandle;

use super::{Finding, applies_if};
use crate::fault::{Fault, expect};
use crate::host::{Reply, Visitor};
use crate::stage::{Cell, Stage};

pub(super) async fn an_async_view_never_leaves_the_loop(cell: Cell) -> Finding {
    applies_if(cell.subject.colour() == Colour::Async, "the subject is sync")?;
    let stage = cell.stage().await?;
    applies_if(stage.colour() == Some(Colour::Async), "a sync wrapper drives the view from its worker")?;
    stage.allowed().await?.get("/subject/ada").await?;
    expect("runs of the view on the loop", stage.probe.count("view on the loop"), 1)?;
    Ok(())
}

pub(super) async fn a_sync_view_never_runs_on_the_loop(cell: Cell) -> Finding {
    applies_if(cell.subject.colour() == Colour::Sync, "the subject is async")?;
    let stage = cell.stage().await?;
    stage.allowed().await?.get("/subject/ada").await?;
    expect("runs of the view on the loop", stage.probe.count("view on the loop"), 0)?;
    expect("runs of the view on a worker", stage.probe.count("view on a worker"), 1)?;
    Ok(())
}

pub(super) async fn at_most_one_crossing(cell: Cell) -> Finding {
    let stage = cell
        .stage_with(|app, probe| {
            let view = cell.subject.view(probe);
            let stack = [passing_sync, passing_async, |view| view, passing_sync, passing_async];
            let mixed = stack
                .into_iter()
                .enumerate()
                .fold(view, |view, (at, pass)| if at == 2 { cell.decorate(view) } else { pass(view) });
            app.rule("/mixed/<name>").view(mixed.named("mixed"));
        })
        .await?;
    let visitor = stage.allowed().await?;
    for path in ["/subject/ada", "/mixed/ada"] {
        let crossings = stage.crossings();
        visitor.get(path).await?;
        let needed = u64::from(
            path == "/mixed/ada" || stage.colour() == Some(Colour::Sync) || cell.subject.colour() == Colour::Sync,
        );
        let crossings = stage.crossings() - crossings;
        let allowed = needed..=needed + cell.candidate.extra_crossings();
        if !allowed.contains(&crossings) {
            return Err(Fault::new(format!("crossings of a request to {path}"), needed, crossings).into());
        }
    }
    Ok(())
}

pub(super) async fn one_worker_is_enough(cell: Cell) -> Finding {
    let stage = cell
        .stage_with(|app, probe| {
            app.config.workers = 1;
            let inner = passing_async(passing_sync(cell.subject.view(probe)));
            let nested = passing_sync(cell.decorate(passing_sync(passing_async(inner))));
            app.rule("/nested/<name>").view(nested.named("nested"));
        })
        .await?;
    // One waits on the only worker; others must get through meanwhile.
    let visitor = stage.allowed().await?;
    let held = hold(&stage, &visitor, "/subject/hold").await?;
    let replies = try_join_all((0..8).map(|n| {
        let visitor = visitor.clone();
        async move { visitor.get(&format!("/nested/{n}")).await }
    }));
    for (n, reply) in replies.await?.iter().enumerate() {
        expect("status and body", (reply.status, reply.text()), cell.subject.expected(&n.to_string()))?;
    }
    stage.probe.open(1);
    let reply = held.await.map_err(costrel::Error::from)??;
    expect("status and body of the one that waited", (reply.status, reply.text()), cell.subject.expected("hold"))?;
    Ok(())
}

pub(super) async fn a_waiting_view_does_not_delay_others(cell: Cell) -> Finding {
    let stage = cell.stage().await?;
    let visitor = stage.allowed().await?;
    let held = hold(&stage, &visitor, "/subject/hold").await?;
    let reply = visitor.get("/subject/ada").await?;
    expect("status and body meanwhile", (reply.status, reply.text()), cell.subject.expected("ada"))?;
    stage.probe.open(1);
    let reply = held.await.map_err(costrel::Error::from)??;
    expect("status and body of the one that waited", (reply.status, reply.text()), cell.subject.expected("hold"))?;
    Ok(())
}

/// Sends a request whose view waits until the gate opens, and comes back when it does.
async fn hold(stage: &Stage, visitor: &Visitor, path: &'static str) -> Result<JoinHandle<Result<Reply, Error>>, Fault> {
    let visitor = visitor.clone();
    let mut held = tokio::spawn(async move { visitor.get(path).await });
    tokio::select! {
        () = stage.probe.wait_for("held", 1) => Ok(held),
        // Answered without the view: it will never be held.
        reply = &mut held => Err(Fault::sentence(
            "the request that the view is to hold",
            "to come to the view",
            format!("{:?}", reply.map_err(Error::from)?.map(|reply| reply.status)),
        )),
    }
}

fn passing_sync(view: costrel::View) -> costrel::View {
    view.wrapped_by(|view, request| costrel::current_app().ensure_sync(view)(request))
}

fn passing_async(view: costrel::View) -> costrel::View {
    view.wrapped_by_async(|next, request| next.call(request))
}
