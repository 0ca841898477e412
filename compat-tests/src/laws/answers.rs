//! What the client is answered.

use costrel::{Method, StatusCode};

use crate::fault::expect;
use crate::finding::{Finding, applies_if};
use crate::stage::Cell;

pub(super) async fn the_response_passes_through_untouched(cell: Cell) -> Finding {
    applies_if(!cell.subject.fails(), "the subject answers with an error")?;
    let stage = cell.stage().await?;
    let reply = stage.allowed().await?.get("/subject/ada").await?;
    let (status, text) = cell.expected("ada");
    expect("the status", reply.status, status)?;
    if cell.subject.is_socket() {
        // What it says goes past the decorator.
        return Ok(());
    }
    expect("the body", reply.text(), text)?;
    let headers = [
        ("x-subject", "untouched"),
        ("set-cookie", "subject=1"),
        ("set-cookie", "another=2"),
        ("content-type", "text/plain"),
    ];
    for (name, value) in headers {
        if name == "content-type" && cell.candidate.changes_answers() {
            // Another body may be of another kind.
            continue;
        }
        let found = reply.headers.get_all(name).iter().any(|header| header == value);
        expect(&format!("whether the view's `{name}: {value}` arrived"), found, true)?;
    }
    Ok(())
}

pub(super) async fn view_arguments_arrive(cell: Cell) -> Finding {
    let stage = cell.stage().await?;
    let visitor = stage.allowed().await?;
    for name in ["ada", "caf%C3%A9"] {
        visitor.get(&format!("/subject/{name}")).await?;
    }
    let mut arguments = stage.probe.arguments();
    arguments.dedup();
    expect("the arguments the view was called with", arguments, ["ada", "café"])?;
    Ok(())
}

pub(super) async fn the_request_arrives_whole(cell: Cell) -> Finding {
    cell.over_http()?;
    let stage = cell.stage().await?;
    let visitor = stage.allowed().await?.with_header("x-echo", "header").with_body("body");
    visitor.post("/subject/echo?q=query").await?;
    let seen = stage.probe.count(r#"Some("query") Some("header") body"#);
    expect("whether the view saw the query, the header and the body that were sent", seen > 0, true)?;
    Ok(())
}

pub(super) async fn the_endpoint_name_is_kept(cell: Cell) -> Finding {
    cell.in_one_app()?;
    let stage = cell.stage().await?;
    expect("the endpoint of the decorated view", stage.endpoint(), Some(cell.subject.endpoint()))?;
    let listed = stage.decorators();
    let with_colour = |shown: &&String| shown.ends_with(" (sync)") || shown.ends_with(" (async)");
    expect(
        "how many decorators `routes` lists with their colour",
        listed.iter().filter(with_colour).count(),
        listed.len(),
    )?;
    Ok(())
}

pub(super) async fn head_and_options_behave(cell: Cell) -> Finding {
    cell.over_http()?;
    applies_if(!cell.subject.fails(), "the subject answers with an error")?;
    let stage = cell.stage().await?;
    let visitor = stage.allowed().await?;
    let options = visitor.send(Method::OPTIONS, "/subject/ada").await?;
    if cell.candidate.answers_options() {
        expect("whether OPTIONS is a success", options.status.is_success(), true)?;
    } else {
        expect("the status of OPTIONS", options.status, StatusCode::OK)?;
        let allow = options.headers.get("allow").map(|value| value.to_str().unwrap_or_default());
        expect("the methods that OPTIONS names", allow, Some("GET, HEAD, OPTIONS, POST"))?;
    }
    expect("runs of the view for OPTIONS", stage.probe.runs(), 0)?;
    let head = visitor.send(Method::HEAD, "/subject/ada").await?;
    expect("the status of HEAD", head.status, cell.expected("ada").0)?;
    expect("the body of HEAD", head.text(), "")?;
    expect("whether the view's headers come with HEAD", head.headers.contains_key("x-subject"), true)?;
    Ok(())
}
