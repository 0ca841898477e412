//! Laws about the context: `request` and `g` belong to one request, and the session to one client.

use costrel_ext_kit::Decorate;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::LawText;
use crate::fixture::Cell;
use crate::verdict::{Checked, applies_if, expect};

pub(super) const THE_CONTEXT_IS_THE_SAME_BEFORE_IN_AND_AFTER: LawText = LawText {
    why: "A spawned task has no `g` and no `request` (tokio#2396), and so neither the user nor the database.",
    remedy: "Call the view in place; if it must run in a task of its own, give the task the context with `copy_current_request_context`.",
    how: "A hook puts a name on `g`; the view must find it and sets another, which a hook after the view must find.",
};

pub(super) async fn the_context_is_the_same_before_in_and_after(cell: Cell) -> Checked {
    cell.in_one_app()?;
    let stage = cell.stage().await?;
    let client = stage.allowed().await?.with_header("x-suite-name", "ada");
    client.ask("/subject/one").await?;
    expect("views that ran without a context", stage.probe.count("no context"), 0)?;
    expect("whether the view saw what the hook before it had put on `g`", stage.probe.count("one saw ada") > 0, true)?;
    expect("what the hook after it saw of the view", stage.probe.count("after: one"), 1)?;
    Ok(())
}

pub(super) const NO_CONTEXT_LEAKS_TO_THE_NEXT_REQUEST: LawText = LawText {
    why: "A value kept on the thread or in the decorator shows one client's data to the next client (flask#6123).",
    remedy: "Keep the data of a request on `g`, not in the decorator, a static or a thread-local.",
    how: "A client sends a request with a name, then one without a name, whose view must find an empty `g`.",
};

pub(super) async fn no_context_leaks_to_the_next_request(cell: Cell) -> Checked {
    cell.in_one_app()?;
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    client.clone().with_header("x-suite-name", "ada").ask("/subject/one").await?;
    client.ask("/subject/two").await?;
    expect("what the second request saw of the first", stage.probe.count("two saw ada"), 0)?;
    expect("requests that saw an empty `g`", stage.probe.count("two saw none"), cell.runs())?;
    Ok(())
}

/// The number of requests that are in flight at once.
const REQUESTS: usize = 40;

/// Their number on the kinds of views that differ in other things.
const FEWER: usize = 12;

pub(super) const A_TASK_LOCAL_ARRIVES: LawText = LawText {
    why: "Tracing, locales and transactions travel in task-locals; a decorator that calls the view from another task or thread takes them away.",
    remedy: "Await the view in the wrapper's own task, and leave spawning to the view.",
    how: "A decorator outside sets a task-local, and one inside, on the same event loop, must find it.",
};

tokio::task_local! {
    static LOCALE: &'static str;
}

pub(super) async fn a_task_local_arrives(cell: Cell) -> Checked {
    cell.in_one_app()?;
    cell.on_the_loop()?;
    applies_if(!cell.is_sync_wrapper(), "a sync wrapper is on a worker, which has no task")?;
    let stage = cell
        .stage_with(|app, probe| {
            let noting = probe.clone();
            let inside = cell.subject.view(probe).wrapped_by_async(move |next, request| {
                let noting = noting.clone();
                async move {
                    noting.note(format!("locale {:?}", LOCALE.try_with(|locale| *locale).ok()));
                    next.call(request).await
                }
            });
            let outside = cell
                .decorate(inside)
                .wrapped_by_async(|next, request| LOCALE.scope("fr", async move { next.call(request).await }));
            app.rule("/local/<name>").methods(["GET", "POST"]).view(outside.named("local"));
        })
        .await?;
    let client = stage.allowed().await?;
    client.get("/local/ada").await?;
    client.post("/local/ada").await?;
    expect("requests whose task-local arrived", stage.probe.count(r#"locale Some("fr")"#), 2)?;
    Ok(())
}

pub(super) const INTERLEAVED_REQUESTS_NEVER_MIX: LawText = LawText {
    why: "Code that is safe for one request at a time may not be safe for a hundred requests on one loop.",
    remedy: "Keep the data of a request on `g`; share only data that is meant for all requests.",
    how: "The suite sends forty requests at once, or twelve to views of more special kinds, each with a path and a name of its own; each response and each note must belong to its own request.",
};

pub(super) async fn interleaved_requests_never_mix(cell: Cell) -> Checked {
    let requests = if cell.subject.is_plain() { REQUESTS } else { FEWER };
    cell.may_be_asked(requests)?;
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    let requests = (0..requests).map(|n| {
        let client = client.clone().with_header("x-suite-name", &format!("client{n}"));
        async move { client.ask(&format!("/subject/{n}")).await }
    });
    let at_once = cell.at_once(requests.len());
    let replies: Vec<_> = stream::iter(requests).buffered(at_once).try_collect().await?;
    for (n, reply) in replies.iter().enumerate() {
        let expected = cell.expected(&n.to_string());
        expect(&format!("the answer to request {n}"), (reply.status, reply.text()), expected)?;
        if cell.in_one_app().is_ok() {
            let own = format!("{n} saw client{n}");
            expect(&format!("views that noted `{own}`"), stage.probe.count(&own), cell.runs())?;
        }
    }
    Ok(())
}

pub(super) const THE_SESSION_IS_KEPT: LawText = LawText {
    why: "Flask-Login and other extensions write the session around the view; the values that the view wrote must stay.",
    remedy: "Change only your own keys of the session; never replace or clear the session.",
    how: "The view writes to the session in one request, fails in the next, and must find the value in the third.",
};

pub(super) async fn the_session_is_kept(cell: Cell) -> Checked {
    cell.over_http()?;
    cell.may_be_asked(3)?;
    cell.may_fail(1)?;
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    client.ask("/subject/remember").await?;
    // A failure in between must not cost the client its session.
    client.ask("/subject/abort").await?;
    client.ask("/subject/recall").await?;
    let recalled = stage.probe.count("recalled what the view wrote");
    expect("views that found in the session what the one before had put there", recalled, cell.runs())?;
    Ok(())
}
