//! Laws about state that requests share: a count, and a view's response.

use std::time::Duration;

use costrel::{Colour, Error, IntoView, Method, StatusCode, View, async_to_sync, g, request, session};
use futures_util::future::{join_all, try_join_all};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::timeout;

use super::LawText;
use crate::fixture::{Cell, Client, Host, PANIC, Probe, Reply, Stage, hold};
use crate::verdict::{Checked, Failure, applies_if, expect};

/// The number of requests beyond the limit.
const TOO_MANY: usize = 8;

pub(super) const A_LIMIT_HOLDS_OVER_ALL_CONNECTIONS: LawText = LawText {
    why: "A limiter that counts in each clone, thread or connection, or that checks its count before it raises it, lets in more than its limit.",
    remedy: "Keep one count per app, in an extension's state or an `Arc`, and check and count in one step.",
    how: "More clients come at once than the limit allows, each over a connection of its own; the view must run exactly as often as the limit allows.",
};

pub(super) async fn a_limit_holds_over_all_connections(cell: Cell) -> Checked {
    let Some(limit) = cell.candidate.declared.limit else {
        return applies_if(false, "the candidate counts nothing");
    };
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    let replies = try_join_all((0..limit + TOO_MANY).map(|_| client.get("/subject/ada"))).await?;
    expect("runs of the view", stage.probe.runs(), limit)?;
    let refused = replies.iter().filter(|reply| !reply.status.is_success()).count();
    expect(&format!("how many of {} requests were refused", replies.len()), refused, TOO_MANY)?;
    Ok(())
}

pub(super) const NO_MORE_RUN_AT_ONCE_THAN_IT_SAYS: LawText = LawText {
    why: "A bulkhead that counts in each clone lets in all, and one that keeps the places of requests that failed lets in none in the end.",
    remedy: "Keep one semaphore per app, and a place in a guard that gives it back when it is dropped.",
    how: "Twice as many clients come at once as `Candidate::limits_at_once` says, while the view is held, and again when it has failed as often; the view must run so often at once and no more, and each request must be answered.",
};

pub(super) async fn no_more_run_at_once_than_it_says(cell: Cell) -> Checked {
    let Some(places) = cell.candidate.declared.at_once else {
        return applies_if(
            false,
            "the candidate counts nothing that runs at once; `Candidate::limits_at_once` declares it",
        );
    };
    cell.on_the_loop()?;
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    fill(&stage, &client, places).await?;
    for _ in 0..2 * places {
        client.get("/subject/abort").await?;
    }
    fill(&stage, &client, places).await
}

/// Sends twice as many requests at once as there are places, and returns when all are answered.
async fn fill(stage: &Stage, client: &Client, places: usize) -> Checked {
    let (came, held, runs) = (stage.probe.count("before"), stage.probe.count("held"), stage.probe.runs());
    let asking: Vec<_> = (0..2 * places).map(|_| ask(client, "/subject/hold")).collect();
    stage.probe.wait_for("before", came + 2 * places).await;
    let filled = timeout(ANSWERED_WITHIN, stage.probe.wait_for("held", held + places)).await;
    filled.map_err(|_| Failure::sentence("the views that run at once", &places.to_string(), "fewer"))?;
    for _ in 0..TURNS {
        yield_now().await;
    }
    expect("runs of the view at once", stage.probe.runs() - runs, places)?;
    let answers = tokio::select! {
        answers = timeout(ANSWERED_WITHIN, answers(asking)) => answers,
        never = let_go_one_by_one(stage, held) => never,
    };
    let Ok(answers) = answers else {
        return Err(Failure::sentence("the requests beyond the limit", "to be answered", "they wait on").into());
    };
    let served = answers?.iter().filter(|reply| reply.status.is_success()).count();
    expect("requests that were let in, at least", served.min(places), places)?;
    Ok(())
}

/// Lets each view go that is held after the first `held`.
async fn let_go_one_by_one(stage: &Stage, mut held: usize) -> ! {
    loop {
        held += 1;
        stage.probe.wait_for("held", held).await;
        stage.probe.open(1);
    }
}

/// The number of turns that the loop gets in which a request could go too far.
const TURNS: usize = 100;

/// The number of clients that ask at once: no more than the threads of a host that has several.
const ASKING: usize = 4;

/// More than the runs of the view in a check that holds none of them.
const EVERY_RUN: usize = 100;

/// The timeout for a step; only a candidate that leaves a request waiting reaches it.
const ANSWERED_WITHIN: Duration = Duration::from_secs(3);

pub(super) const REQUESTS_AT_ONCE_SHARE_ONE_RUN: LawText = LawText {
    why: "A cache that runs the view for every request that finds no page overloads the view when the page is most popular (a stampede).",
    remedy: "Let the first request make the page and the others wait for it, without blocking a thread.",
    how: "Four clients ask for one page, three of them while its view is held; all must get the page, and the view must have run once.",
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

pub(super) const A_SHARED_ANSWER_GOES_TO_NO_OTHER_CLIENT: LawText = LawText {
    why: "A cache whose key leaves out the client shows one client's page to the next (Flask-Caching's `cached` with `current_user`).",
    remedy: "Use method, path and query as the key, and do not keep a page that was made from the session or a cookie.",
    how: "Another path, another query, a POST, and another client's request for a page made from the session, from a cookie, a header or `g` must each run the view, and so must a page that is `no-store`, sets a cookie or is a failure; a kept page must be whole, with the view's headers.",
};

pub(super) async fn a_shared_answer_goes_to_no_other_client(cell: Cell) -> Checked {
    let stage = shared_stage(&cell).await?;
    stage.probe.open(EVERY_RUN);
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
    makes_anew_what_must_not_be_kept(&cell, &stage).await?;
    is_made_for_each(&cell, &stage, "cookie").await?;
    is_made_for_each(&cell, &stage, "header").await?;
    // A layer has a session and a `g` of its own, which the view beneath does not see.
    if cell.in_one_app().is_ok() {
        is_made_for_each(&cell, &stage, "g").await?;
        learns_nothing_of_others(&stage).await?;
    }
    Ok(())
}

/// Checks that a failure, a page that says so and one with a cookie are made anew each time, and that a page is whole
/// whatever method came first.
async fn makes_anew_what_must_not_be_kept(cell: &Cell, stage: &Stage) -> Checked {
    let client = stage.allowed().await?;
    for (page, what) in
        [("unstored", "`no-store`"), ("baking", "a cookie of its own"), ("unwell", "a failure of the server's")]
    {
        let runs = stage.probe.runs();
        for _ in 0..2 {
            client.apart().get(&format!("/shared/{page}")).await?;
        }
        expect(
            &format!("runs of the view for two requests, where it answers with {what}"),
            stage.probe.runs() - runs,
            2,
        )?;
    }
    client.send(Method::HEAD, "/shared/heady").await?;
    let reply = client.get("/shared/heady").await?;
    expect(
        "status and body of a page that was asked for by HEAD first",
        (reply.status, reply.text()),
        page_of(cell, "heady"),
    )?;
    Ok(())
}

/// Checks that a page made from a client's cookie, header or `g` goes to that client only.
async fn is_made_for_each(cell: &Cell, stage: &Stage, page: &str) -> Checked {
    for name in ["ada", "bob", "eve"] {
        let client = stage.allowed().await?;
        let client = match page {
            "cookie" => client.with_cookie("visitor", name),
            "header" => client.with_header("x-visitor", name),
            _ => client.with_header("x-suite-name", name),
        };
        let reply = client.get(&format!("/shared/{page}")).await?;
        let what = format!("status and body of a page made from `{page}`, which is different for each client");
        expect(&what, (reply.status, reply.text()), page_of(cell, &format!("{page} {name}")))?;
    }
    Ok(())
}

/// Checks that a page made from the session goes only to the client of that session.
async fn learns_nothing_of_others(stage: &Stage) -> Checked {
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

pub(super) const A_FAILING_PAGE_IS_MADE_BY_ONE_REQUEST_AT_A_TIME: LawText = LawText {
    why: "A page that cannot be made is asked for most when it is most popular; if its failure lets all waiting requests run the view at once, they take down what was only slow.",
    remedy: "When a run fails, let one waiting request try next, or give all of them the error.",
    how: "Three requests wait for the page that a fourth one makes; its view fails, and no two of the three may run the view at once. All must be answered.",
};

/// The time in which requests that are let loose at once come to the view.
const LOOSE_WITHIN: Duration = Duration::from_millis(20);

pub(super) async fn a_failing_page_is_made_by_one_request_at_a_time(cell: Cell) -> Checked {
    let stage = shared_stage(&cell).await?;
    cell.may_fail(ASKING)?;
    let client = stage.allowed().await?;
    let asking = ask_while_the_view_runs(&stage, &client, "/shared/failing").await?;
    expect("views that run before the first has failed", stage.probe.count("held"), 1)?;
    stage.probe.open(1);
    if timeout(LOOSE_WITHIN, stage.probe.wait_for("held", 3)).await.is_ok() {
        let seen = stage.probe.count("held") - 1;
        return Err(Failure::sentence("views that run at once after a failure", "1 at most", seen.to_string()).into());
    }
    stage.probe.open(ASKING);
    let Ok(answers) = timeout(ANSWERED_WITHIN, answers(asking)).await else {
        let expected = "to be answered when the view had failed";
        return Err(Failure::sentence("the requests that waited", expected, "they wait on").into());
    };
    let failed = answers?.iter().filter(|reply| !reply.status.is_success()).count();
    expect("requests for a page that cannot be made that get an error", failed, ASKING)?;
    Ok(())
}

pub(super) const A_LOST_RUN_LEAVES_NO_REQUEST_WAITING: LawText = LawText {
    why: "When the request that makes the page panics or its client leaves, the requests that wait for the page wait for ever.",
    remedy: "Let the others wait for a guard that wakes them when it is dropped.",
    how: "Three clients wait for the page that a fourth client's request makes; its view panics or its client leaves, and all three must be answered, even if with an error.",
};

pub(super) async fn a_lost_run_leaves_no_request_waiting(cell: Cell) -> Checked {
    let stage = shared_stage(&cell).await?;
    let client = stage.allowed().await?;
    // A client cannot cancel sync code, and over a connection the server notices at an unknown time that a client has
    // left; in these cases the view panics instead.
    let leaves = cell.subject.colour() == Colour::Async && cell.host == Host::InProcess;
    let path = if leaves { "/shared/hold" } else { "/shared/lost" };
    let mut asking = ask_while_the_view_runs(&stage, &client, path).await?;
    if leaves {
        asking.remove(0).abort();
    }
    stage.probe.open(ASKING);
    let Ok(answers) = timeout(ANSWERED_WITHIN, join_all(asking)).await else {
        let expected = "to be answered when its run was lost";
        return Err(Failure::sentence(
            "the requests that waited for another request's run",
            expected,
            "they still wait",
        )
        .into());
    };
    answers.into_iter().try_for_each(|answer| answer.map(drop)).map_err(Error::from)?;
    Ok(())
}

/// Serves a page on `/shared/<name>` that a cache may keep for every client, beside the subject.
async fn shared_stage(cell: &Cell) -> Checked<Stage> {
    applies_if(cell.candidate.declared.shares_runs, "the candidate runs the view for each request")?;
    applies_if(cell.host != Host::Threaded, "one thread has one request at a time")?;
    let stage = cell.stage_with(|app, probe| {
        let page = cell.decorate(page(cell.subject.colour(), probe)).named("shared");
        app.rule("/shared/<name>").methods(["GET", "POST"]).view(page);
    });
    Ok(stage.await?)
}

/// Builds a view that is held each time it runs; `lost` panics after its first hold, `failing` fails each time, and the
/// names of what differs from client to client are pages made from that.
fn page(colour: Colour, probe: &Probe) -> View {
    let probe = probe.clone();
    let end = |name: String, run: usize| {
        assert!(name != "lost" || run > 1, "{PANIC}");
        if name == "mine" {
            session().contains("compat");
        }
        if name == "failing" {
            return Err(Error::status(503));
        }
        let own = match name.as_str() {
            "cookie" => request().cookie("visitor"),
            "header" => request().header("x-visitor").map(str::to_owned),
            "g" => g().get("client"),
            _ => None,
        };
        let name = [Some(name), own].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let query = request().args().get("q").map(|q| format!(" {q}")).unwrap_or_default();
        let (status, own) = match name.as_str() {
            "unstored" => (200, ("cache-control", "no-store")),
            "baking" => (200, ("set-cookie", "baked=1")),
            "unwell" => (503, ("x-own", "1")),
            _ => (200, ("x-own", "1")),
        };
        Ok::<_, Error>((format!("page {name}{query}"), status, [("x-page", "1"), own]))
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

/// The status and text of the page that a client must see.
fn page_of(cell: &Cell, name: &str) -> (StatusCode, String) {
    cell.candidate.answer((StatusCode::OK, format!("page {name}")))
}

type Asking = JoinHandle<Result<Reply, Error>>;

fn ask(client: &Client, path: &'static str) -> Asking {
    let client = client.clone();
    tokio::spawn(async move { client.get(path).await })
}

/// Sends several requests for one page, and returns when all have reached the app while its view runs.
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
