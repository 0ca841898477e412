//! Laws about the threads that views run on, and about crossings between them.

use std::time::Duration;

use costrel::{Body, Bytes, Colour, Error, Method, View};
use costrel_ext_kit::Decorate;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::LawText;
use crate::fixture::{Cell, Client, Host, Probe, Reply, Stage, Subject};
use crate::verdict::{Checked, Failure, applies_if, expect};

pub(super) const AN_ASYNC_VIEW_NEVER_LEAVES_THE_LOOP: LawText = LawText {
    why: "An async view driven by a thread of its own ties up that thread, which is Flask's main problem with async views.",
    remedy: "Await the view in an async wrapper.",
    how: "The view notes the thread it runs on, which must be a thread of the loop.",
};

pub(super) async fn an_async_view_never_leaves_the_loop(cell: Cell) -> Checked {
    applies_if(cell.subject.colour() == Colour::Async, "the subject is sync")?;
    cell.on_the_loop()?;
    cell.in_one_app()?;
    let stage = cell.stage().await?;
    applies_if(stage.colour() == Some(Colour::Async), "a sync wrapper drives the view from its worker")?;
    stage.allowed().await?.ask("/subject/ada").await?;
    expect("runs of the view on the loop", stage.probe.count("view on the loop"), cell.runs())?;
    Ok(())
}

pub(super) const A_SYNC_VIEW_NEVER_HOLDS_UP_THE_LOOP: LawText = LawText {
    why: "A sync view may block, and a blocked loop stops every other request (axum#2187).",
    remedy: "In async code use `next.call(request).await`, not `call_sync`.",
    how: "The view notes the thread it runs on, and an iterator the thread it is dropped on. A view whose pace is not known yet must be on a worker, and an iterator always.",
};

pub(super) async fn a_sync_view_never_holds_up_the_loop(cell: Cell) -> Checked {
    applies_if(cell.subject.colour() == Colour::Sync, "the subject is async")?;
    let stage = cell.stage().await?;
    stage.allowed().await?.ask("/subject/ada").await?;
    expect("runs of the view on the loop", stage.probe.count("view on the loop"), 0)?;
    expect("whether the view ran on a worker", stage.probe.count("view on a worker") > 0, true)?;
    if cell.subject == Subject::Iterating {
        // The iterator of the body is sync code too, so it must be dropped on a worker even after HEAD.
        stage.allowed().await?.send(Method::HEAD, "/subject/ada").await?;
        stage.probe.wait_for("source dropped", stage.probe.runs()).await;
        expect("iterators dropped on the loop", stage.probe.count("source dropped on the loop"), 0)?;
    }
    Ok(())
}

pub(super) const AT_MOST_ONE_CROSSING: LawText = LawText {
    why: "A crossing costs some 10 us, and a crossing for each decorator, as with asgiref, adds up.",
    remedy: "Run code in place if it does not block, or run all of it on the one worker.",
    how: "The app counts crossings, with the candidate alone and with the candidate in the middle of four decorators of both colours.",
};

pub(super) async fn at_most_one_crossing(cell: Cell) -> Checked {
    applies_if(cell.subject != Subject::Iterating, "each step of the body is a crossing of its own")?;
    cell.on_the_loop()?;
    cell.in_one_app()?;
    for path in ["/subject/ada", "/mixed/ada"] {
        // Each path has a stage of its own, because a task that the candidate leaves behind counts for that path.
        let stage = cell.stage_with(|app, probe| cell.register(app, "/mixed/<name>", mixed(&cell, probe))).await?;
        let client = stage.allowed().await?;
        let earlier = stage.crossings();
        client.ask(path).await?;
        let crossings = stage.crossings() - earlier;
        let is_sync = stage.colour() == Some(Colour::Sync) || cell.subject.colour() == Colour::Sync;
        let needed = u64::from(path == "/mixed/ada" || is_sync);
        let allowed = needed..=needed + cell.candidate.declared.extra_crossings;
        if !allowed.contains(&crossings) {
            let expected = format!("{} to {}", allowed.start(), allowed.end());
            return Err(Failure::sentence(
                format!("crossings of a request to {path}"),
                &expected,
                crossings.to_string(),
            )
            .into());
        }
    }
    Ok(())
}

/// The subject with the candidate in the middle of four decorators of both colours.
fn mixed(cell: &Cell, probe: &Probe) -> View {
    let inner = passing_async(passing_sync(cell.subject.view(probe)));
    passing_async(passing_sync(cell.decorate(inner))).named("mixed")
}

pub(super) const ONE_WORKER_IS_ENOUGH: LawText = LawText {
    why: "A decorator that holds its worker while it waits for another worker deadlocks (asgiref#348, #249).",
    remedy: "Wait with `ensure_sync`, `.wait()` or `async_to_sync`, which let other jobs use the worker's slot meanwhile.",
    how: "With one worker and six layers of both colours, one view is held; eight other requests must be answered meanwhile.",
};

pub(super) async fn one_worker_is_enough(cell: Cell) -> Checked {
    cell.on_the_loop()?;
    cell.in_one_app()?;
    cell.may_be_asked(9)?;
    let stage = cell
        .stage_with(|app, probe| {
            app.config.workers = 1;
            let inner = passing_async(passing_sync(cell.subject.view(probe)));
            let nested = passing_sync(cell.decorate(passing_sync(passing_async(inner))));
            cell.register(app, "/nested/<name>", nested.named("nested"));
        })
        .await?;
    // One request waits on the only worker; the others must be answered meanwhile.
    let client = stage.allowed().await?;
    let held = hold(&stage, &client, client.verb(), HOLD, 1).await?;
    let others = (0..8).map(|n| {
        let client = client.clone();
        async move { client.ask(&format!("/nested/{n}")).await }
    });
    let replies: Vec<_> = stream::iter(others).buffered(cell.at_once(9) - 1).try_collect().await?;
    for (n, reply) in replies.iter().enumerate() {
        expect("status and body", (reply.status, reply.text()), cell.expected(&n.to_string()))?;
    }
    stage.probe.open(cell.runs());
    let reply = held.await.map_err(costrel::Error::from)??;
    expect("status and body of the one that waited", (reply.status, reply.text()), cell.expected("hold"))?;
    Ok(())
}

pub(super) const A_WAITING_VIEW_DOES_NOT_DELAY_OTHERS: LawText = LawText {
    why: "A decorator that holds a lock around the view, or blocks the loop, serves one request at a time.",
    remedy: "Hold no lock or permit while the view runs, unless that is what the decorator is for.",
    how: "The view of one request is held; another request must be answered before the view is released, by GET and by POST.",
};

pub(super) async fn a_waiting_view_does_not_delay_others(cell: Cell) -> Checked {
    applies_if(cell.host != Host::Threaded, "a view that waits holds the only thread")?;
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    let methods = cell.methods().iter().filter(|method| *method != Method::HEAD);
    cell.may_be_asked(4)?;
    for (n, method) in methods.enumerate() {
        let held = hold(&stage, &client, method.clone(), HOLD, n * cell.runs() + 1).await?;
        let reply = client.visit(method, "/subject/ada").await?;
        let what = format!("status and body of {method} meanwhile");
        expect(&what, (reply.status, reply.text()), cell.expected("ada"))?;
        // A decorator that tries again what fails may do so for GET alone.
        stage.probe.open(cell.runs());
        let reply = held.await.map_err(costrel::Error::from)??;
        let what = format!("status and body of the {method} that waited");
        expect(&what, (reply.status, reply.text()), cell.expected("hold"))?;
    }
    Ok(())
}

/// The timeout for a view to begin; only a decorator that waits for the body reaches it.
const BEGUN_WITHIN: Duration = Duration::from_secs(3);

pub(super) const A_SLOW_BODY_HOLDS_NO_WORKER: LawText = LawText {
    why: "A client that sends its body byte by byte must hold a connection, not a worker; and an async view may begin before the body is there.",
    remedy: "Leave the body to the view; sync code that must read the body reads it with `get_data().wait()`.",
    how: "With one worker, a body stops half way. Before the rest comes, other requests must be answered, an async view must have begun, unless the candidate needs the body, and a sync view must not have begun.",
};

pub(super) async fn a_slow_body_holds_no_worker(cell: Cell) -> Checked {
    applies_if(cell.host == Host::InProcess, "the body comes from within the trial")?;
    let stage = cell.stage_with(|app, _| app.config.workers = 1).await?;
    let client = stage.allowed().await?;
    // A body that the candidate's client has may be what lets it in.
    let whole = if client.has_body() { client.body().clone() } else { Bytes::from_static(b"body") };
    let (first, rest) = (whole.slice(..whole.len() / 2), whole.slice(whole.len() / 2..));
    let (first, gate) = (Ok::<_, Error>(first), stage.probe.clone());
    let rest = stream::once(async move {
        gate.note("the body stops");
        gate.hold().await;
        Ok(rest)
    });
    let seen = format!(r#"Some("1") Some("slow") {}"#, String::from_utf8_lossy(&whole));
    let body = Body::from_stream(stream::iter([first]).chain(rest));
    let slow = client.clone().with_header("x-echo", "slow");
    let mut slow = tokio::spawn(async move { slow.post_body("/subject/echo?q=1", whole, body).await });
    // Without this, the other requests could come before the slow one has begun.
    if timeout(BEGUN_WITHIN, stage.probe.wait_for("the body stops", 1)).await.is_err() {
        return Err(Failure::sentence("a slow body", "to be read as far as it has come", "it is not read").into());
    }
    if stage.colour() == Some(Colour::Async) && cell.subject == Subject::AsyncFn {
        // The view decides whether it needs the body at all, unless the candidate reads the body first.
        let begins = stage.probe.wait_for("argument echo", usize::from(!cell.candidate.declared.reads_body));
        if timeout(BEGUN_WITHIN, begins).await.is_err() {
            let expected = "to begin before its body is there; see `Candidate::reads_body`";
            return Err(Failure::sentence("an async view", expected, "it waits").into());
        }
    }
    let others = tokio::select! {
        reply = client.get("/subject/ada") => reply?,
        _ = &mut slow => return Err(Failure::sentence("the view", "to wait for its body", "it was answered without the body").into()),
    };
    expect("status and body meanwhile", (others.status, others.text()), cell.expected("ada"))?;
    if stage.colour() == Some(Colour::Sync) || cell.subject == Subject::SyncFn {
        // The only worker runs its jobs in order, so it would run a view that came too early before this one.
        client.get("/subject/bob").await?;
        expect("sync views begun before their body was there", stage.probe.count("argument echo"), 0)?;
    }
    stage.probe.open(1);
    slow.await.map_err(Error::from)??;
    expect("views that saw the whole body", stage.probe.count(&seen), cell.runs())?;
    Ok(())
}

/// The limit for a poll: longer than any poll that does not block.
const LONGEST_STEP: Duration = Duration::from_millis(20);

/// The most requests that are timed, half of them by turns. A busy machine delays some of them, but hardly all.
const TIMED_REQUESTS: usize = 12;

pub(super) const THE_LOOP_IS_NEVER_BLOCKED_FOR_LONG: LawText = LawText {
    why: "A decorator that blocks the loop for some hundredths of a second delays every request by as much (axum#2187, tokio's own guide).",
    remedy: "Make the blocking code sync and keep it as a `Callable`, or call `sync_to_async(f)(x).await`: then it runs on a worker.",
    how: "The suite sends up to twelve requests straight into the app, by GET and by POST, let in and refused, and times each poll of their futures, of the bodies that the view reads and of the responses' bodies; in the best of every second one no poll may hold the thread for more than 20 ms.",
};

pub(super) async fn the_loop_is_never_blocked_for_long(cell: Cell) -> Checked {
    applies_if(cell.host == Host::InProcess, "its steps are timed where nothing else is between them")?;
    let tried_on =
        matches!(cell.subject, Subject::SyncFn | Subject::AsyncFn | Subject::AsyncFailing | Subject::Streaming);
    applies_if(tried_on, "it is tried on a few kinds of views")?;
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    cell.may_be_asked(2 * TIMED_REQUESTS)?;
    for method in [Method::GET, Method::POST] {
        is_never_held_long(&client, &method).await?;
        if cell.candidate.can_deny() && cell.candidate.may_refuse(&method) {
            is_never_held_long(&stage.denied().await?, &method).await?;
        }
    }
    Ok(())
}

async fn is_never_held_long(client: &Client, method: &Method) -> Checked {
    let client =
        if *method == Method::POST && !client.has_body() { client.clone().with_body("a=1") } else { client.clone() };
    // A busy machine may delay some requests, but a decorator that blocks delays all of them, or every second one: of each
    // half the best counts.
    let mut halves = [Duration::MAX; 2];
    for n in 0..TIMED_REQUESTS {
        // The view reads the body of a POST, in whose polls a decorator could block too.
        let path = if *method == Method::POST { "/subject/echo".to_owned() } else { format!("/subject/{n}") };
        let best = &mut halves[n % 2];
        *best = client.longest_step(method, &path).await?.min(*best);
        if halves.iter().all(|best| *best <= LONGEST_STEP) {
            break;
        }
    }
    let longest = halves[0].max(halves[1]);
    if longest > LONGEST_STEP {
        let expected = format!("{LONGEST_STEP:?} at most");
        return Err(Failure::sentence(
            format!("the longest time that {method} held the loop"),
            &expected,
            format!("{longest:?}"),
        )
        .into());
    }
    Ok(())
}

/// The path whose view waits until the gate opens.
const HOLD: &str = "/subject/hold";

/// Sends a request whose view waits until the gate opens, and returns as soon as `times` views have waited.
pub(super) async fn hold(
    stage: &Stage,
    client: &Client,
    method: Method,
    path: &'static str,
    times: usize,
) -> Result<JoinHandle<Result<Reply, Error>>, Failure> {
    let client = client.clone();
    let mut held = tokio::spawn(async move { client.visit(&method, path).await });
    tokio::select! {
        () = stage.probe.wait_for("held", times) => Ok(held),
        // The request was answered without the view, so the view will never be held.
        reply = &mut held => Err(Failure::sentence(
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
