//! `request` and `g`: the same everywhere in a request, and nowhere else.

use futures_util::future::try_join_all;

use crate::fault::expect;
use crate::finding::Finding;
use crate::stage::Cell;

pub(super) async fn the_context_is_the_same_before_in_and_after(cell: Cell) -> Finding {
    cell.in_one_app()?;
    let stage = cell.stage().await?;
    let visitor = stage.allowed().await?.with_header("x-visitor", "ada");
    visitor.get("/subject/one").await?;
    expect("views that ran without a context", stage.probe.count("no context"), 0)?;
    expect("whether the view saw what the hook before it had put on `g`", stage.probe.count("one saw ada") > 0, true)?;
    expect("what the hook after it saw of the view", stage.probe.count("after: one"), 1)?;
    Ok(())
}

pub(super) async fn no_context_leaks_to_the_next_request(cell: Cell) -> Finding {
    cell.in_one_app()?;
    let stage = cell.stage().await?;
    let visitor = stage.allowed().await?;
    visitor.clone().with_header("x-visitor", "ada").get("/subject/one").await?;
    visitor.get("/subject/two").await?;
    expect("what the second request saw of the first", stage.probe.count("two saw ada"), 0)?;
    expect("requests that saw an empty `g`", stage.probe.count("two saw nobody"), cell.runs())?;
    Ok(())
}

/// How many requests are under way at once.
const REQUESTS: usize = 40;

pub(super) async fn interleaved_requests_never_mix(cell: Cell) -> Finding {
    let stage = cell.stage().await?;
    let visitor = stage.allowed().await?;
    let requests = (0..REQUESTS).map(|n| {
        let visitor = visitor.clone().with_header("x-visitor", &format!("visitor{n}"));
        async move { visitor.get(&format!("/subject/{n}")).await }
    });
    let replies = try_join_all(requests).await?;
    for (n, reply) in replies.iter().enumerate() {
        let expected = cell.expected(&n.to_string());
        expect(&format!("the answer to request {n}"), (reply.status, reply.text()), expected)?;
        if cell.in_one_app().is_ok() {
            let own = format!("{n} saw visitor{n}");
            expect(&format!("views that noted `{own}`"), stage.probe.count(&own), cell.runs())?;
        }
    }
    Ok(())
}

pub(super) async fn the_session_is_kept(cell: Cell) -> Finding {
    cell.over_http()?;
    let stage = cell.stage().await?;
    let visitor = stage.allowed().await?;
    visitor.get("/subject/remember").await?;
    visitor.get("/subject/recall").await?;
    let recalled = stage.probe.count("recalled what the view wrote");
    expect("views that found in the session what the one before had put there", recalled, cell.runs())?;
    Ok(())
}
