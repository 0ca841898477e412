//! What requests have in common: a count, and a view's answer.

use std::time::Duration;

use costrel::{Colour, Error, IntoView, StatusCode, View, async_to_sync, request, session};
use futures_util::future::{join_all, try_join_all};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::LawText;
use crate::fixture::{Cell, Client, Host, PANIC, Probe, Reply, Stage, Subject, hold};
use crate::verdict::{Checked, Failure, applies_if, expect};

/// So many more come than are to be let in.
const TOO_MANY: usize = 8;

pub(super) const A_LIMIT_HOLDS_OVER_ALL_CONNECTIONS: LawText = LawText {
    why: "A limit that is counted in each clone, thread or connection, or looked at before it is counted, lets more in than it says.",
    remedy: "Keep one count per app, an extension's state or an `Arc`, and decide and count in one step.",
    how: "More clients come at once than are to be let in, each over a connection of its own; the runs of the view must be as many as were allowed.",
};

pub(super) async fn a_limit_holds_over_all_connections(cell: Cell) -> Checked {
    let Some(limit) = cell.candidate.declared.limit else {
        return applies_if(false, "the candidate counts nothing");
    };
    once_for_each_colour(&cell)?;
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    let replies = try_join_all((0..limit + TOO_MANY).map(|_| client.get("/subject/ada"))).await?;
    expect("runs of the view", stage.probe.runs(), limit)?;
    let refused = replies.iter().filter(|reply| !reply.status.is_success()).count();
    expect(&format!("how many of {} requests were refused", replies.len()), refused, TOO_MANY)?;
    Ok(())
}

/// How many ask at once: no more than the threads of a host that has several.
const ASKING: usize = 4;

/// Only those who wait for nobody let it come to this.
const ANSWERED_WITHIN: Duration = Duration::from_secs(3);

pub(super) const REQUESTS_AT_ONCE_SHARE_ONE_RUN: LawText = LawText {
    why: "A cache that lets all run who find nothing brings the view down when a page is asked for most (a stampede).",
    remedy: "Let the first fill in the page and the others wait for it, without blocking a thread.",
    how: "Four ask for one page, three of them while its view is held; all must get it, and the view have run once.",
};

pub(super) async fn requests_at_once_share_one_run(cell: Cell) -> Checked {
    let stage = shared_stage(&cell).await?;
    let client = stage.allowed().await?;
    let asking = ask_while_the_view_runs(&stage, &client, "/shared/hold").await?;
    stage.probe.open(ASKING);
    for reply in answers(asking).await? {
        expect("status and body", (reply.status, reply.text()), page_of(&cell, "hold"))?;
    }
    client.get("/shared/hold").await?;
    expect("runs of the view", stage.probe.runs(), 1)?;
    Ok(())
}

pub(super) const A_SHARED_ANSWER_GOES_TO_NOBODY_ELSE: LawText = LawText {
    why: "A page of one client's, kept by a key that leaves out whose it is, is shown to the next (Flask-Caching's `cached` with `current_user`).",
    remedy: "Keep by method, path and query, and do not keep what was made from the session or a cookie.",
    how: "Another path, another query, a POST, and a page made from the session by somebody else must each run the view; what is kept must have its headers.",
};

pub(super) async fn a_shared_answer_goes_to_nobody_else(cell: Cell) -> Checked {
    let stage = shared_stage(&cell).await?;
    stage.probe.open(ASKING * ASKING);
    let client = stage.allowed().await?;
    let first = client.get("/shared/ada").await?;
    let again = client.get("/shared/ada").await?;
    expect("status and body of what is kept", (again.status, again.text()), (first.status, first.text()))?;
    expect("the view's own header on what is kept", again.headers.get("x-page"), first.headers.get("x-page"))?;
    for (path, name) in [("/shared/bob", "bob"), ("/shared/ada?q=1", "ada 1"), ("/shared/ada?q=2", "ada 2")] {
        let reply = client.get(path).await?;
        expect(&format!("status and body of {path}"), (reply.status, reply.text()), page_of(&cell, name))?;
    }
    let runs = stage.probe.runs();
    client.post("/shared/ada").await?;
    expect("runs of the view for a POST of a page that is kept", stage.probe.runs() - runs, 1)?;
    // A layer has a session of its own, which the view beneath does not see.
    if cell.in_one_app().is_ok() { is_told_nothing_of_others(&stage).await } else { Ok(()) }
}

/// A page that is made from the session is for whose session it is.
async fn is_told_nothing_of_others(stage: &Stage) -> Checked {
    let (ada, bob) = (stage.allowed().await?, stage.allowed().await?);
    for client in [&ada, &bob] {
        client.get("/subject/remember").await?;
    }
    ada.get("/shared/mine").await?;
    let runs = stage.probe.runs();
    bob.get("/shared/mine").await?;
    expect("runs of the view for another client, where it looks at the session", stage.probe.runs() - runs, 1)?;
    Ok(())
}

pub(super) const A_LOST_RUN_LEAVES_NOBODY_WAITING: LawText = LawText {
    why: "When the one who makes the page panics or leaves, those who wait for it wait for ever.",
    remedy: "Let what the others wait for be a guard that tells them when it is dropped.",
    how: "Three wait for the page of a fourth, whose view panics or whose client leaves; all three must be answered, be it with an error.",
};

pub(super) async fn a_lost_run_leaves_nobody_waiting(cell: Cell) -> Checked {
    let stage = shared_stage(&cell).await?;
    let client = stage.allowed().await?;
    // Sync code cannot be left, and over a connection nobody knows when a client's leaving is noticed; but a view can panic.
    let leaves = cell.subject.colour() == Colour::Async && cell.host == Host::InProcess;
    let path = if leaves { "/shared/hold" } else { "/shared/lost" };
    let mut asking = ask_while_the_view_runs(&stage, &client, path).await?;
    if leaves {
        asking.remove(0).abort();
    }
    stage.probe.open(ASKING);
    let Ok(answers) = timeout(ANSWERED_WITHIN, join_all(asking)).await else {
        let expected = "to be answered when its run was lost";
        return Err(Failure::sentence("those who waited for another's run", expected, "they still wait").into());
    };
    answers.into_iter().try_for_each(|answer| answer.map(drop)).map_err(Error::from)?;
    Ok(())
}

fn once_for_each_colour(cell: &Cell) -> Checked {
    applies_if(matches!(cell.subject, Subject::SyncFn | Subject::AsyncFn), "it is tried once for each colour")
}

/// A stage with a page on `/shared/<name>` that anybody may keep.
async fn shared_stage(cell: &Cell) -> Checked<Stage> {
    applies_if(cell.candidate.declared.shares_runs, "the candidate runs the view for each request")?;
    once_for_each_colour(cell)?;
    applies_if(cell.host != Host::Threaded, "one thread has one request at a time")?;
    let stage = cell.stage_with(|app, probe| {
        let page = cell.decorate(page(cell.subject.colour(), probe)).named("shared");
        app.rule("/shared/<name>").methods(["GET", "POST"]).view(page);
    });
    Ok(stage.await?)
}

/// A view that is held each time it runs; `lost` panics then, the first time, and `mine` looks at the session.
fn page(colour: Colour, probe: &Probe) -> View {
    let probe = probe.clone();
    let end = |name: String, run: usize| {
        assert!(name != "lost" || run > 1, "{PANIC}");
        if name == "mine" {
            session().contains("compat");
        }
        let query = request().args().get("q").map(|q| format!(" {q}")).unwrap_or_default();
        Ok::<_, Error>((format!("page {name}{query}"), [("x-page", "1")]))
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

/// What a client must see of the page.
fn page_of(cell: &Cell, name: &str) -> (StatusCode, String) {
    cell.candidate.answer((StatusCode::OK, format!("page {name}")))
}

type Asking = JoinHandle<Result<Reply, Error>>;

fn ask(client: &Client, path: &'static str) -> Asking {
    let client = client.clone();
    tokio::spawn(async move { client.get(path).await })
}

/// Asks for one page several times, and comes back when all have come while its view runs.
async fn ask_while_the_view_runs(stage: &Stage, client: &Client, path: &'static str) -> Result<Vec<Asking>, Failure> {
    let earlier = stage.probe.count("before");
    let mut asking = vec![ask(client, path)];
    let running = timeout(ANSWERED_WITHIN, stage.probe.wait_for("held", 1)).await;
    running.map_err(|_| Failure::sentence("the first request", "to come to the view", "it did not"))?;
    asking.extend((1..ASKING).map(|_| ask(client, path)));
    stage.probe.wait_for("before", earlier + ASKING).await;
    Ok(asking)
}

async fn answers(asking: Vec<Asking>) -> Result<Vec<Reply>, Error> {
    join_all(asking).await.into_iter().map(|answered| answered.map_err(Error::from)?).collect()
}
