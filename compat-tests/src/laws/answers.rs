//! What the client is answered.

use costrel::{Method, StatusCode};

use super::LawText;
use crate::fixture::Cell;
use crate::verdict::{Checked, applies_if, expect};

pub(super) const THE_RESPONSE_PASSES_THROUGH_UNTOUCHED: LawText = LawText {
    why: "A decorator that rebuilds the response loses what it does not know of: a status, a header, a cookie.",
    remedy: "Change the response you were given instead of making one: `response.headers_mut().insert(..)`.",
    how: "The view answers 202 with a body, a header and two cookies; status, text and all four must arrive.",
};

pub(super) async fn the_response_passes_through_untouched(cell: Cell) -> Checked {
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

pub(super) const VIEW_ARGUMENTS_ARRIVE: LawText = LawText {
    why: "In Flask a wrapper that forgets `*args, **kwargs` breaks every rule with a variable.",
    remedy: "Pass the request on that you were given; arguments travel in it.",
    how: "Two requests with different names in the path, one of them not ASCII; the view must have been called with both.",
};

pub(super) async fn view_arguments_arrive(cell: Cell) -> Checked {
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    for name in ["ada", "caf%C3%A9"] {
        client.get(&format!("/subject/{name}")).await?;
    }
    let mut arguments = stage.probe.arguments();
    arguments.dedup();
    expect("the arguments the view was called with", arguments, ["ada", "café"])?;
    Ok(())
}

pub(super) const THE_REQUEST_ARRIVES_WHOLE: LawText = LawText {
    why: "A decorator that makes a request anew, or reads the body, leaves the view without what the client sent.",
    remedy: "Pass the request on that you were given; `get_data()` keeps the body for those who come after.",
    how: "The view must see the query, the header and the body that were sent.",
};

pub(super) async fn the_request_arrives_whole(cell: Cell) -> Checked {
    cell.over_http()?;
    let stage = cell.stage().await?;
    let client = stage.allowed().await?.with_header("x-echo", "header").with_body("body");
    client.post("/subject/echo?q=query").await?;
    let seen = stage.probe.count(r#"Some("query") Some("header") body"#);
    expect("whether the view saw the query, the header and the body that were sent", seen > 0, true)?;
    Ok(())
}

pub(super) const THE_ENDPOINT_NAME_IS_KEPT: LawText = LawText {
    why: "In Flask a wrapper without `functools.wraps` makes two views collide, or `url_for` fail.",
    remedy: "Wrap the view with a form of `Decorate` instead of making a `View` of your own.",
    how: "The rule's endpoint is asked for after the decorator is on.",
};

pub(super) async fn the_endpoint_name_is_kept(cell: Cell) -> Checked {
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

pub(super) const HEAD_AND_OPTIONS_BEHAVE: LawText = LawText {
    why: "Preflight and HEAD requests must not run the view for nothing or bring a body.",
    remedy: "Leave HEAD and OPTIONS to the view beneath and to the framework.",
    how: "OPTIONS must name the methods without running the view, HEAD must have the headers and no body.",
};

pub(super) async fn head_and_options_behave(cell: Cell) -> Checked {
    cell.over_http()?;
    applies_if(!cell.subject.fails(), "the subject answers with an error")?;
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    let options = client.send(Method::OPTIONS, "/subject/ada").await?;
    if cell.candidate.declared.answers_options {
        expect("whether OPTIONS is a success", options.status.is_success(), true)?;
    } else {
        expect("the status of OPTIONS", options.status, StatusCode::OK)?;
        let allow = options.headers.get("allow").map(|value| value.to_str().unwrap_or_default());
        expect("the methods that OPTIONS names", allow, Some("GET, HEAD, OPTIONS, POST"))?;
    }
    expect("runs of the view for OPTIONS", stage.probe.runs(), 0)?;
    let head = client.send(Method::HEAD, "/subject/ada").await?;
    expect("the status of HEAD", head.status, cell.expected("ada").0)?;
    expect("the body of HEAD", head.text(), "")?;
    expect("whether the view's headers come with HEAD", head.headers.contains_key("x-subject"), true)?;
    Ok(())
}
