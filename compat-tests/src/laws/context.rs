//! `request` and `g`: the same everywhere in a request, and nowhere else.

use futures_util::future::try_join_all;

use super::LawText;
use crate::fixture::Cell;
use crate::verdict::{Checked, expect};

pub(super) const THE_CONTEXT_IS_THE_SAME_BEFORE_IN_AND_AFTER: LawText = LawText {
    why: "`g` and `request` are gone in a spawned task (tokio#2396), and with them the user and the database.",
    remedy: "Call the view where you are; what must be a task of its own takes the context along with `copy_current_request_context`.",
    how: "A hook puts a name on `g`, the view looks for it and leaves another, a hook after it looks for that.",
};

pub(super) async fn the_context_is_the_same_before_in_and_after(cell: Cell) -> Checked {
    cell.in_one_app()?;
    let stage = cell.stage().await?;
    let client = stage.allowed().await?.with_header("x-suite-name", "ada");
    client.get("/subject/one").await?;
    expect("views that ran without a context", stage.probe.count("no context"), 0)?;
    expect("whether the view saw what the hook before it had put on `g`", stage.probe.count("one saw ada") > 0, true)?;
    expect("what the hook after it saw of the view", stage.probe.count("after: one"), 1)?;
    Ok(())
}

pub(super) const NO_CONTEXT_LEAKS_TO_THE_NEXT_REQUEST: LawText = LawText {
    why: "What is kept on the thread or in the decorator shows one client's data to the next (flask#6123).",
    remedy: "Keep what belongs to a request on `g`, not in the decorator, a static or a thread-local.",
    how: "A client with a name, then one without, who must find an empty `g`.",
};

pub(super) async fn no_context_leaks_to_the_next_request(cell: Cell) -> Checked {
    cell.in_one_app()?;
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    client.clone().with_header("x-suite-name", "ada").get("/subject/one").await?;
    client.get("/subject/two").await?;
    expect("what the second request saw of the first", stage.probe.count("two saw ada"), 0)?;
    expect("requests that saw an empty `g`", stage.probe.count("two saw none"), cell.runs())?;
    Ok(())
}

/// How many requests are under way at once.
const REQUESTS: usize = 40;

pub(super) const INTERLEAVED_REQUESTS_NEVER_MIX: LawText = LawText {
    why: "What is safe for one request at a time may not be for a hundred on one loop.",
    remedy: "Keep what belongs to a request on `g`; share only what is meant for all.",
    how: "Forty requests at once, each with its own path and name; each answer and each note must be its own.",
};

pub(super) async fn interleaved_requests_never_mix(cell: Cell) -> Checked {
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    let requests = (0..REQUESTS).map(|n| {
        let client = client.clone().with_header("x-suite-name", &format!("client{n}"));
        async move { client.get(&format!("/subject/{n}")).await }
    });
    let replies = try_join_all(requests).await?;
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
    why: "Flask-Login and others write the session around the view: what the view has put there must stay.",
    remedy: "Change your own keys of the session; never replace or clear all of it.",
    how: "One request in which the view writes to the session, one in which it must find that.",
};

pub(super) async fn the_session_is_kept(cell: Cell) -> Checked {
    cell.over_http()?;
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    client.get("/subject/remember").await?;
    client.get("/subject/recall").await?;
    let recalled = stage.probe.count("recalled what the view wrote");
    expect("views that found in the session what the one before had put there", recalled, cell.runs())?;
    Ok(())
}
