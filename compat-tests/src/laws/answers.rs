//! Laws about the request, the response and the endpoint, which a decorator must pass on.

use costrel::{Method, StatusCode};

use super::LawText;
use crate::fixture::{Cell, sum_of};
use crate::verdict::{Checked, applies_if, expect};

pub(super) const THE_RESPONSE_PASSES_THROUGH_UNTOUCHED: LawText = LawText {
    why: "A decorator that rebuilds the response loses every part that it does not copy: a status, a header, a cookie.",
    remedy: "Change the response you were given instead of making a new one: `response.headers_mut().insert(..)`.",
    how: "The view answers 202 with a body, a header and two cookies; the client must receive them all.",
};

pub(super) async fn the_response_passes_through_untouched(cell: Cell) -> Checked {
    applies_if(!cell.subject.fails(), "the subject answers with an error")?;
    let stage = cell.stage().await?;
    let reply = stage.allowed().await?.ask("/subject/ada").await?;
    let (status, text) = cell.expected("ada");
    expect("the status", reply.status, status)?;
    if cell.subject.is_socket() {
        // The messages of a WebSocket do not pass through the decorator.
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
            // A new body may have another content type.
            continue;
        }
        let found = reply.headers.get_all(name).iter().any(|header| header == value);
        expect(&format!("whether the view's `{name}: {value}` arrived"), found, true)?;
    }
    Ok(())
}

pub(super) const VIEW_ARGUMENTS_ARRIVE: LawText = LawText {
    why: "In Flask a wrapper that forgets `*args, **kwargs` breaks every rule with a variable.",
    remedy: "Pass on the request that you were given; the arguments travel in it.",
    how: "The suite sends requests with different names in the path: not ASCII, in capital letters, with an escaped percent sign; the view must receive each as it was sent.",
};

pub(super) async fn view_arguments_arrive(cell: Cell) -> Checked {
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    let names: &[_] = if cell.subject.is_plain() { &NAMES } else { &NAMES[..2] };
    for (sent, _) in names {
        client.ask(&format!("/subject/{sent}")).await?;
    }
    let mut arguments = stage.probe.arguments();
    arguments.dedup();
    expect(
        "the arguments the view was called with",
        arguments,
        names.iter().map(|(_, seen)| *seen).collect::<Vec<_>>(),
    )?;
    Ok(())
}

/// Names as they are sent, and as a view sees them.
const NAMES: [(&str, &str); 4] = [("Ada", "Ada"), ("caf%C3%A9", "café"), ("ada", "ada"), ("50%2525", "50%25")];

pub(super) const THE_REQUEST_ARRIVES_WHOLE: LawText = LawText {
    why: "A decorator that makes a new request, or reads the body itself, takes from the view what the client sent.",
    remedy: "Pass on the request that you were given; `get_data()` keeps the body for the code that runs later.",
    how: "The view must see the method, the query, the header and the body that the client sent, also an argument and a header that are there twice, a long body and one that is no text.",
};

pub(super) async fn the_request_arrives_whole(cell: Cell) -> Checked {
    cell.over_http()?;
    let stage = cell.stage().await?;
    let client = stage.allowed().await?.with_header("x-echo", "header");
    // A body that the candidate's client has may be what lets it in.
    let own = String::from_utf8_lossy(client.body()).into_owned();
    let short = if own.is_empty() { "body".to_owned() } else { own.clone() };
    client.clone().with_body(short.clone()).post("/subject/echo?q=query").await?;
    let seen = stage.probe.count(&format!(r#"Some("query") Some("header") {short}"#));
    expect("whether the view saw the query, the header and the body that were sent", seen > 0, true)?;
    if !cell.subject.is_plain() {
        return Ok(());
    }
    let overriding = client.with_header("x-http-method-override", "DELETE");
    let twice = overriding.with_another_header("x-echo", "again");
    let long = if own.is_empty() { ".".repeat(100_000) } else { format!("{own}&long={}", ".".repeat(100_000)) };
    let bodies = [("long", long.into_bytes()), ("not text", (0..=u8::MAX).collect())];
    for (what, body) in bodies.into_iter().filter(|(what, _)| own.is_empty() || twice.is_form() && *what == "long") {
        let (length, sum) = (body.len(), sum_of(&body));
        twice.clone().with_body(body).post("/subject/whole?q=1&q=2").await?;
        let whole = format!("whole POST [\"1\", \"2\"] [\"header\", \"again\"] {length} {sum}");
        expect(
            &format!("what the view saw of a request with a body that is {what}"),
            stage.probe.last_of("whole "),
            whole,
        )?;
    }
    Ok(())
}

pub(super) const THE_ENDPOINT_NAME_IS_KEPT: LawText = LawText {
    why: "In Flask a wrapper without `functools.wraps` makes two views collide, or makes `url_for` fail.",
    remedy: "Wrap the view with a form of `Decorate` instead of making a new `View`.",
    how: "The suite puts the decorator on the view and reads the endpoint of the rule, which must be the view's own.",
};

pub(super) async fn the_endpoint_name_is_kept(cell: Cell) -> Checked {
    cell.in_one_app()?;
    cell.by_a_decorator()?;
    cell.tried_by_hand();
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
    why: "A preflight request must not run the view, and a response to HEAD must not have a body.",
    remedy: "Leave HEAD and OPTIONS to the view beneath and to the framework.",
    how: "The response to OPTIONS, a browser's preflight, must name the methods without a run of the view; the response to HEAD must have the view's headers, the length that GET has, and no body.",
};

pub(super) async fn head_and_options_behave(cell: Cell) -> Checked {
    cell.over_http()?;
    applies_if(!cell.subject.fails(), "the subject answers with an error")?;
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    let has_origin = client.has_header("origin");
    let asking = if has_origin { client.clone() } else { client.clone().with_header("origin", "http://localhost") };
    let asking = asking.with_header("access-control-request-method", "POST");
    let options = asking.send(Method::OPTIONS, "/subject/ada").await?;
    if cell.candidate.declared.answers_options {
        expect("whether OPTIONS is a success", options.status.is_success(), true)?;
    } else {
        expect("the status of OPTIONS", options.status, StatusCode::OK)?;
        let allow = options.headers.get("allow").map(|value| value.to_str().unwrap_or_default());
        expect("the methods that OPTIONS names", allow, Some("GET, HEAD, OPTIONS, POST"))?;
    }
    expect("runs of the view for OPTIONS", stage.probe.runs(), 0)?;
    let length = client.send(Method::GET, "/subject/ada").await?.headers.get("content-length").cloned();
    let head = client.send(Method::HEAD, "/subject/ada").await?;
    // A decorator need not know the length that a body would have that it makes.
    if length.is_some() && !cell.candidate.changes_answers() {
        expect("the `Content-Length` of HEAD, which is GET's", head.headers.get("content-length"), length.as_ref())?;
    }
    expect("the status of HEAD", head.status, cell.expected("ada").0)?;
    expect("the body of HEAD", head.text(), "")?;
    expect("whether the view's headers come with HEAD", head.headers.contains_key("x-subject"), true)?;
    Ok(())
}
