//! A decorated view is a view again.

use costrel::{IntoView, Method, request};

use super::{Finding, applies_if};
use crate::fault::expect;
use crate::stage::Cell;

pub(super) async fn an_allowed_request_runs_the_view_exactly_once(cell: Cell) -> Finding {
    let stage = cell.stage().await?;
    let visitor = stage.allowed().await?;
    for (method, runs) in [(Method::GET, 1), (Method::POST, 2), (Method::HEAD, 3)] {
        // The same path for all: a decorator must not take one method's answer for another's.
        visitor.send(method.clone(), "/subject/ada").await?;
        expect(&format!("runs of the view after {method}"), stage.probe.runs(), runs)?;
    }
    Ok(())
}

pub(super) async fn stacking_it_twice_works(cell: Cell) -> Finding {
    let stage = cell
        .stage_with(|app, probe| {
            let twice = cell.decorate(cell.decorate(cell.subject.view(probe)));
            app.rule("/twice/<name>").view(twice.named("twice"));
        })
        .await?;
    let reply = stage.allowed().await?.get("/twice/ada").await?;
    expect("status and body", (reply.status, reply.text()), cell.subject.expected("ada"))?;
    expect("runs of the view", stage.probe.runs(), 1)?;
    Ok(())
}

pub(super) async fn the_decorated_view_can_be_called_from_either_colour(cell: Cell) -> Finding {
    applies_if(!cell.subject.fails(), "the subject answers with an error")?;
    let stage = cell
        .stage_with(|app, probe| {
            let decorated = cell.decorate(cell.subject.view(probe));
            let (from_async, directly) = (decorated.clone(), decorated.clone());
            app.route("/directly/<name>", (move |_: String| directly.call_sync(request())).into_view());
            app.route("/sync/<name>", (move |_: String| decorated.call(request()).wait()).into_view());
            app.route("/async/<name>", (move |_: String| from_async.call(request())).into_view());
        })
        .await?;
    let visitor = stage.allowed().await?;
    for (code, name) in [("sync", "ada"), ("async", "bob"), ("directly", "eve")] {
        let reply = visitor.get(&format!("/{code}/{name}")).await?;
        let seen = (reply.status, reply.text());
        expect(&format!("status and body when called from `{code}` code"), seen, cell.subject.expected(name))?;
    }
    Ok(())
}
