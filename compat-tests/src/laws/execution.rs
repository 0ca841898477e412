//! Where views run, and what that costs.

use std::time::Duration;

use costrel::{Body, Bytes, Colour, Error, Method, View};
use costrel_ext_kit::Decorate;
use futures_util::future::try_join_all;
use futures_util::{StreamExt, stream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::fault::{Fault, expect};
use crate::finding::{Finding, applies_if};
use crate::host::{Host, Reply, Visitor};
use crate::probe::Probe;
use crate::stage::{Cell, Stage};
use crate::subject::Subject;

pub(super) async fn an_async_view_never_leaves_the_loop(cell: Cell) -> Finding {
    applies_if(cell.subject.colour() == Colour::Async, "the subject is sync")?;
    cell.on_the_loop()?;
    cell.in_one_app()?;
    let stage = cell.stage().await?;
    applies_if(stage.colour() == Some(Colour::Async), "a sync wrapper drives the view from its worker")?;
    stage.allowed().await?.get("/subject/ada").await?;
    expect("runs of the view on the loop", stage.probe.count("view on the loop"), cell.runs())?;
    Ok(())
}

pub(super) async fn a_sync_view_never_runs_on_the_loop(cell: Cell) -> Finding {
    applies_if(cell.subject.colour() == Colour::Sync, "the subject is async")?;
    let stage = cell.stage().await?;
    stage.allowed().await?.get("/subject/ada").await?;
    expect("runs of the view on the loop", stage.probe.count("view on the loop"), 0)?;
    expect("whether the view ran on a worker", stage.probe.count("view on a worker") > 0, true)?;
    if cell.subject == Subject::Iterating {
        // Its body is sync code too, to the end, be it that nobody wants to see it.
        stage.allowed().await?.send(Method::HEAD, "/subject/ada").await?;
        stage.probe.wait_for("source dropped", stage.probe.runs()).await;
        expect("iterators dropped on the loop", stage.probe.count("source dropped on the loop"), 0)?;
    }
    Ok(())
}

pub(super) async fn at_most_one_crossing(cell: Cell) -> Finding {
    applies_if(cell.subject != Subject::Iterating, "each step of the body is a crossing of its own")?;
    cell.on_the_loop()?;
    cell.in_one_app()?;
    for path in ["/subject/ada", "/mixed/ada"] {
        // One for each: what the candidate leaves behind, a task say, is this path's.
        let stage = cell.stage_with(|app, probe| cell.register(app, "/mixed/<name>", mixed(&cell, probe))).await?;
        let visitor = stage.allowed().await?;
        let earlier = stage.crossings();
        visitor.get(path).await?;
        let crossings = stage.crossings() - earlier;
        let is_sync = stage.colour() == Some(Colour::Sync) || cell.subject.colour() == Colour::Sync;
        let needed = u64::from(path == "/mixed/ada" || is_sync);
        let allowed = needed..=needed + cell.candidate.extra_crossings();
        if !allowed.contains(&crossings) {
            let expected = format!("{} to {}", allowed.start(), allowed.end());
            return Err(
                Fault::sentence(format!("crossings of a request to {path}"), &expected, crossings.to_string()).into()
            );
        }
    }
    Ok(())
}

/// The subject with the candidate in the middle of four decorators of both colours.
fn mixed(cell: &Cell, probe: &Probe) -> View {
    let inner = passing_async(passing_sync(cell.subject.view(probe)));
    passing_async(passing_sync(cell.decorate(inner))).named("mixed")
}

pub(super) async fn one_worker_is_enough(cell: Cell) -> Finding {
    cell.on_the_loop()?;
    cell.in_one_app()?;
    let stage = cell
        .stage_with(|app, probe| {
            app.config.workers = 1;
            let inner = passing_async(passing_sync(cell.subject.view(probe)));
            let nested = passing_sync(cell.decorate(passing_sync(passing_async(inner))));
            cell.register(app, "/nested/<name>", nested.named("nested"));
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
        expect("status and body", (reply.status, reply.text()), cell.expected(&n.to_string()))?;
    }
    stage.probe.open(cell.runs());
    let reply = held.await.map_err(costrel::Error::from)??;
    expect("status and body of the one that waited", (reply.status, reply.text()), cell.expected("hold"))?;
    Ok(())
}

pub(super) async fn a_waiting_view_does_not_delay_others(cell: Cell) -> Finding {
    applies_if(cell.host != Host::Threaded, "a view that waits holds the only thread")?;
    let stage = cell.stage().await?;
    let visitor = stage.allowed().await?;
    let held = hold(&stage, &visitor, "/subject/hold").await?;
    let reply = visitor.get("/subject/ada").await?;
    expect("status and body meanwhile", (reply.status, reply.text()), cell.expected("ada"))?;
    stage.probe.open(cell.runs());
    let reply = held.await.map_err(costrel::Error::from)??;
    expect("status and body of the one that waited", (reply.status, reply.text()), cell.expected("hold"))?;
    Ok(())
}

/// Only a decorator that waits for the body lets it come to this.
const BEGUN_WITHIN: Duration = Duration::from_secs(3);

pub(super) async fn a_slow_body_holds_nobody_up(cell: Cell) -> Finding {
    applies_if(matches!(cell.subject, Subject::SyncFn | Subject::AsyncFn), "it is tried once for each colour")?;
    applies_if(cell.host == Host::InProcess, "the body comes from within the trial")?;
    let stage = cell.stage_with(|app, _| app.config.workers = 1).await?;
    let visitor = stage.allowed().await?;
    let (first, gate) = (Ok::<_, Error>(Bytes::from_static(b"bo")), stage.probe.clone());
    let rest = stream::once(async move {
        gate.hold().await;
        Ok(Bytes::from_static(b"dy"))
    });
    let body = Body::from_stream(stream::iter([first]).chain(rest));
    let slow = visitor.clone().with_header("x-echo", "slow");
    let mut slow = tokio::spawn(async move { slow.post_body("/subject/echo?q=1", body).await });
    if stage.colour() == Some(Colour::Async) && cell.subject == Subject::AsyncFn {
        // Whether it needs the body at all is for the view to say, unless the candidate does.
        let begins = stage.probe.wait_for("argument echo", usize::from(!cell.candidate.reads_the_body()));
        if timeout(BEGUN_WITHIN, begins).await.is_err() {
            let expected = "to begin before its body is there; see `Candidate::reading_the_body`";
            return Err(Fault::sentence("an async view", expected, "it waits").into());
        }
    }
    let others = tokio::select! {
        reply = visitor.get("/subject/ada") => reply?,
        _ = &mut slow => return Err(Fault::sentence("the view", "to wait for its body", "it was answered without").into()),
    };
    expect("status and body meanwhile", (others.status, others.text()), cell.expected("ada"))?;
    if stage.colour() == Some(Colour::Sync) || cell.subject == Subject::SyncFn {
        // The only worker has had its turn by then, had it been sent there without its body.
        visitor.get("/subject/bob").await?;
        expect("sync views begun before their body was there", stage.probe.count("argument echo"), 0)?;
    }
    stage.probe.open(1);
    slow.await.map_err(Error::from)??;
    expect("views that saw the whole body", stage.probe.count(r#"Some("1") Some("slow") body"#), cell.runs())?;
    Ok(())
}

/// Longer than any step that does not block, on a machine that is busy with other things too.
const LONGEST_STEP: Duration = Duration::from_millis(100);

pub(super) async fn the_loop_is_never_blocked_for_long(cell: Cell) -> Finding {
    applies_if(cell.host == Host::InProcess, "its steps are timed where nothing else is between them")?;
    let tried_on = matches!(cell.subject, Subject::SyncFn | Subject::AsyncFn | Subject::AsyncFailing);
    applies_if(tried_on, "it is tried on a few kinds of views")?;
    let stage = cell.stage().await?;
    let visitor = stage.allowed().await?;
    is_never_held_long(&visitor).await?;
    if cell.candidate.can_deny() { is_never_held_long(&stage.denied().await?).await } else { Ok(()) }
}

async fn is_never_held_long(visitor: &Visitor) -> Finding {
    let mut longest = Duration::MAX;
    // A machine that had something else to do is no fault of the decorator's; one that blocks does so each time.
    for name in ["one", "two", "three"] {
        longest = longest.min(visitor.longest_step(&format!("/subject/{name}")).await?);
    }
    if longest > LONGEST_STEP {
        let expected = format!("{LONGEST_STEP:?} at most");
        return Err(Fault::sentence("the longest time the loop was held", &expected, format!("{longest:?}")).into());
    }
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

fn passing_sync(view: View) -> View {
    view.wrapped_by(|view, request| costrel::current_app().ensure_sync(view)(request))
}

fn passing_async(view: View) -> View {
    view.wrapped_by_async(|next, request| next.call(request))
}
