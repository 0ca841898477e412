//! `request` and `g`: the same everywhere in a request, and nowhere else.

use futures_util::future::try_join_all;

use super::Finding;
use crate::fault::expect;
use crate::stage::Cell;

pub(super) async fn the_context_is_the_same_before_in_and_after(cell: Cell) -> Finding {
    let stage = cell.stage().await?;
    let visitor = stage.allowed().await?.with_header("x-visitor", "ada");
    visitor.get("/subject/one").await?;
    expect("views that ran without a context", stage.probe.count("no context"), 0)?;
    expect("what the view saw of the hook before it", stage.probe.count("one saw ada"), 1)?;
    expect("what the hook after it saw of the view", stage.probe.count("after: one"), 1)?;
    Ok(())
}

pub(super) async fn no_context_leaks_to_the_next_request(cell: Cell) -> Finding {
    let stage = cell.stage().await?;
    let visitor = stage.allowed().await?;
    visitor.clone().with_header("x-visitor", "ada").get("/subject/one").await?;
    visitor.get("/subject/two").await?;
    expect("what the second request saw of the first", stage.probe.count("two saw ada"), 0)?;
    expect("requests that saw an empty `g`", stage.probe.count("two saw nobody"), 1)?;
    Ok(())
}

pub(super) async fn interleaved_requests_never_mix(cell: Cell) -> Finding {
    let stage = cell.stage().await?;
    let visitor = stage.allowed().await?;
    let requests = (0..100).map(|n| {
        let visitor = visitor.clone().with_header("x-visitor", &format!("visitor{n}"));
        async move { visitor.get(&format!("/subject/{n}")).await }
    });
    let replies = try_join_all(requests).await?;
    for (n, reply) in replies.iter().enumerate() {
        let expected = cell.subject.expected(&n.to_string());
        expect(&format!("the answer to request {n}"), (reply.status, reply.text()), expected)?;
        let own = format!("{n} saw visitor{n}");
        expect(&format!("views that noted `{own}`"), stage.probe.count(&own), 1)?;
    }
    Ok(())
}
