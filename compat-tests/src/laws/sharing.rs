//! What requests have in common: a count, and a view's answer.

use std::time::Duration;

use costrel::{Colour, Error, IntoView, StatusCode, View, async_to_sync};
use futures_util::future::{join_all, try_join_all};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::fault::{Fault, expect};
use crate::finding::{Finding, applies_if};
use crate::host::{Host, Reply, Visitor};
use crate::probe::Probe;
use crate::stage::{Cell, Stage};
use crate::subject::{Subject, hold};

/// So many more come than are to be let in.
const TOO_MANY: usize = 8;

pub(super) async fn a_limit_holds_over_all_connections(cell: Cell) -> Finding {
    let Some(limit) = cell.candidate.limit() else {
        return applies_if(false, "the candidate counts nothing");
    };
    once_for_each_colour(&cell)?;
    let stage = cell.stage().await?;
    let visitor = stage.allowed().await?;
    let replies = try_join_all((0..limit + TOO_MANY).map(|_| visitor.get("/subject/ada"))).await?;
    expect("runs of the view", stage.probe.runs(), limit)?;
    let refused = replies.iter().filter(|reply| !reply.status.is_success()).count();
    expect(&format!("how many of {} requests were refused", replies.len()), refused, TOO_MANY)?;
    Ok(())
}

/// How many ask at once: no more than the threads of a host that has several.
const ASKING: usize = 4;

/// Only those who wait for nobody let it come to this.
const ANSWERED_WITHIN: Duration = Duration::from_secs(3);

pub(super) async fn requests_at_once_share_one_run(cell: Cell) -> Finding {
    let stage = shared_stage(&cell).await?;
    let visitor = stage.allowed().await?;
    let asking = ask_while_the_view_runs(&stage, &visitor).await?;
    stage.probe.open(ASKING);
    for reply in answers(asking).await? {
        expect("status and body", (reply.status, reply.text()), (StatusCode::OK, "page hold".to_owned()))?;
    }
    visitor.get("/shared/hold").await?;
    expect("runs of the view", stage.probe.runs(), 1)?;
    Ok(())
}

pub(super) async fn a_lost_run_leaves_nobody_waiting(cell: Cell) -> Finding {
    let stage = shared_stage(&cell).await?;
    let visitor = stage.allowed().await?;
    // Sync code cannot be left, but it can panic.
    let path = if cell.subject.colour() == Colour::Sync { "/shared/lost" } else { "/shared/hold" };
    let leader = first(&stage, &visitor, path).await?;
    let others: Vec<_> = (1..ASKING).map(|_| ask(&visitor, path)).collect();
    stage.probe.wait_for("before", ASKING).await;
    match cell.subject.colour() {
        Colour::Sync => stage.probe.open(1),
        Colour::Async => leader.abort(),
    }
    let others = async {
        if cell.subject.colour() == Colour::Async {
            stage.probe.wait_for("dropped", 1).await;
        }
        stage.probe.open(ASKING);
        answers(others).await
    };
    let Ok(replies) = timeout(ANSWERED_WITHIN, others).await else {
        let expected = "to be answered when its run was lost";
        return Err(Fault::sentence("those who waited for another's run", expected, "they still wait").into());
    };
    for reply in replies? {
        expect("the status of those who waited for another's run", reply.status, StatusCode::OK)?;
    }
    Ok(())
}

fn once_for_each_colour(cell: &Cell) -> Finding {
    applies_if(matches!(cell.subject, Subject::SyncFn | Subject::AsyncFn), "it is tried once for each colour")
}

/// A stage with a page on `/shared/<name>` that anybody may keep.
async fn shared_stage(cell: &Cell) -> Result<Stage, crate::finding::Objection> {
    applies_if(cell.candidate.shares_runs(), "the candidate runs the view for each request")?;
    once_for_each_colour(cell)?;
    applies_if(cell.host != Host::Threaded, "one thread has one request at a time")?;
    let stage = cell.stage_with(|app, probe| {
        app.rule("/shared/<name>").view(cell.decorate(page(cell.subject.colour(), probe)).named("shared"));
    });
    Ok(stage.await?)
}

/// A view that is held each time it runs; `lost` panics then, the first time.
fn page(colour: Colour, probe: &Probe) -> View {
    let probe = probe.clone();
    let end = |name: String, run: usize| {
        assert!(name != "lost" || run > 1, "{}", crate::subject::PANIC);
        Ok::<_, Error>(format!("page {name}"))
    };
    match colour {
        Colour::Sync => (move |name: String| {
            probe.ran();
            let run = probe.runs();
            async_to_sync(|()| hold(probe.clone()))(())?;
            end(name, run)
        })
        .into_view(),
        Colour::Async => (move |name: String| {
            let probe = probe.clone();
            async move {
                probe.ran();
                let run = probe.runs();
                hold(probe).await;
                end(name, run)
            }
        })
        .into_view(),
    }
}

type Asking = JoinHandle<Result<Reply, Error>>;

fn ask(visitor: &Visitor, path: &'static str) -> Asking {
    let visitor = visitor.clone();
    tokio::spawn(async move { visitor.get(path).await })
}

/// Asks for a page and comes back when its view runs.
async fn first(stage: &Stage, visitor: &Visitor, path: &'static str) -> Result<Asking, Fault> {
    let asking = ask(visitor, path);
    let running = timeout(ANSWERED_WITHIN, stage.probe.wait_for("held", 1)).await;
    running.map_err(|_| Fault::sentence("the first request", "to come to the view", "it did not"))?;
    Ok(asking)
}

/// Asks for one page several times, and comes back when all have come while its view runs.
async fn ask_while_the_view_runs(stage: &Stage, visitor: &Visitor) -> Result<Vec<Asking>, Fault> {
    let mut asking = vec![first(stage, visitor, "/shared/hold").await?];
    asking.extend((1..ASKING).map(|_| ask(visitor, "/shared/hold")));
    stage.probe.wait_for("before", ASKING).await;
    Ok(asking)
}

async fn answers(asking: Vec<Asking>) -> Result<Vec<Reply>, Error> {
    join_all(asking).await.into_iter().map(|answered| answered.map_err(Error::from)?).collect()
}
