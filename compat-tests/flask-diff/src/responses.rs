//! Views that return every kind of value that a view may return.

use cookie::time::{Duration, OffsetDateTime};
use cookie::{Cookie, SameSite};
use costrel::http::header;
use costrel::{
    App, Blueprint, Body, Bytes, Error, HeaderValue, IntoResponse, Json, Response, StatusCode, delete_cookie, jsonify,
    redirect, redirect_with, set_cookie,
};
use futures_util::stream;
use serde_json::{Value, json};

use crate::echo::cookies;
use crate::exceptions::{KeyError, TypeError, ValueError};

/// Returns the value of this name: with status 200 here, with other statuses and headers further on.
fn value(name: String) -> Result<Response, Error> {
    match name.as_str() {
        "str" => "text é".into_response(),
        "empty" => "".into_response(),
        "bytes" => Bytes::from_static(b"\x00\xff bytes").into_response(),
        "dict" => Json(json!({"b": 1, "a": "é", "c": [true, null, 1.5], "d": {"z": 1, "y": "<&>"}})).into_response(),
        "list" => Json(json!([1, "two", null])).into_response(),
        "jsonify" => jsonify(json!({"b": 1, "a": 2})),
        "jsonify-list" => jsonify(json!([1, 2, "é"])),
        "jsonify-string" => jsonify("x"),
        // Costrel has no such return; in Flask this is a TypeError.
        "none" => Err(TypeError("the view function did not return a valid response").into()),
        name => with_status(name),
    }
}

/// Returns the value of this name that has a status or headers of its own.
fn with_status(name: &str) -> Result<Response, Error> {
    match name {
        "status" => ("made", 201_u16).into_response(),
        "headers" => ("text", [("X-One", "1")]).into_response(),
        "header-pairs" => ("text", [("X-One", "1"), ("X-One", "2")]).into_response(),
        "both" => ("text", 202_u16, [("X-One", "1"), ("Content-Type", "text/csv")]).into_response(),
        "dict-status" => (Json(json!({"a": 1})), 201_u16).into_response(),
        "list-both" => (Json([1]), 203_u16, [("X-One", "1")]).into_response(),
        "no-content" => ("", 204_u16).into_response(),
        "not-modified" => ("", 304_u16).into_response(),
        "response" => ("raw", 418_u16, [("Content-Type", "text/x-tea; charset=utf-8")]).into_response(),
        "content-type" => (b"{}".to_vec(), [("Content-Type", "application/problem+json")]).into_response(),
        name => redirected(name),
    }
}

fn redirected(name: &str) -> Result<Response, Error> {
    match name {
        "redirect" => redirect("/rule/plain"),
        "redirect-301" => redirect_with("/rule/plain", StatusCode::MOVED_PERMANENTLY),
        "redirect-303" => redirect_with("/rule/plain", StatusCode::SEE_OTHER),
        "redirect-307" => redirect_with("/rule/plain?a=1&b=2", StatusCode::TEMPORARY_REDIRECT),
        "redirect-308" => redirect_with("/rule/plain", StatusCode::PERMANENT_REDIRECT),
        "redirect-outside" => redirect("https://example.com/x?y=<z>"),
        "redirect-unicode" => redirect("/rule/name/é ü"),
        _ => Err(KeyError("VALUES").into()),
    }
}

async fn made_headers() -> Result<Response, Error> {
    let mut response = ("made", 201_u16).into_response()?;
    let headers = response.headers_mut();
    headers.insert("x-one", HeaderValue::from_static("1"));
    headers.insert("x-one", HeaderValue::from_static("2"));
    headers.append("x-dup", HeaderValue::from_static("1"));
    headers.append("x-dup", HeaderValue::from_static("2"));
    Ok(response)
}

fn rewritten() -> Result<Response, Error> {
    let mut response = jsonify(json!({"a": 1}))?;
    *response.body_mut() = Body::from("other");
    *response.status_mut() = StatusCode::NON_AUTHORITATIVE_INFORMATION;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    Ok(response)
}

async fn cookie_plain() -> Result<Response, Error> {
    let mut response = "set".into_response()?;
    set_cookie(&mut response, Cookie::new("a", "1"))?;
    set_cookie(&mut response, Cookie::build(("b", "2")).path("/resp").build())?;
    Ok(response)
}

fn cookie_full() -> Result<Response, Error> {
    let mut response = "set".into_response()?;
    let cookie = Cookie::build(("full", "v"))
        .max_age(Duration::seconds(60))
        .expires(OffsetDateTime::from_unix_timestamp(2_000_000_000).unwrap())
        .path("/resp")
        .domain("localhost")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Lax)
        .partitioned(true);
    set_cookie(&mut response, cookie.build())?;
    Ok(response)
}

async fn cookie_samesite(value: String) -> Result<Response, Error> {
    let mut response = "set".into_response()?;
    let same_site = match value.to_ascii_lowercase().as_str() {
        "lax" => SameSite::Lax,
        "strict" => SameSite::Strict,
        "none" => SameSite::None,
        _ => return Err(ValueError("SameSite must be 'Strict', 'Lax', or 'None'.").into()),
    };
    set_cookie(&mut response, Cookie::build(("s", "v")).same_site(same_site).build())?;
    Ok(response)
}

fn cookie_quoted() -> Result<Response, Error> {
    let mut response = "set".into_response()?;
    set_cookie(&mut response, Cookie::new("q", "a b;c,\"é"))?;
    Ok(response)
}

async fn cookie_expires() -> Result<Response, Error> {
    let mut response = "set".into_response()?;
    let expires = OffsetDateTime::from_unix_timestamp(2_000_000_000).unwrap();
    let cookie = Cookie::build(("e", "v")).expires(expires).build();
    // `set_cookie` would add a path.
    response.headers_mut().append(header::SET_COOKIE, HeaderValue::try_from(cookie.to_string())?);
    Ok(response)
}

fn cookie_delete() -> Result<Response, Error> {
    let mut response = "deleted".into_response()?;
    delete_cookie(&mut response, Cookie::from("a"))?;
    let second = Cookie::build("b").path("/resp").secure(true).http_only(true).same_site(SameSite::Strict);
    delete_cookie(&mut response, second.build())?;
    Ok(response)
}

async fn cookie_read() -> Json<Value> {
    cookies()
}

fn streamed() -> Body {
    Body::from_stream(stream::iter(["one ", "two ", "three"].map(Ok::<_, Error>)))
}

async fn stream_headers() -> (Body, u16, [(&'static str, &'static str); 2]) {
    let parts = stream::iter(["a,b\n", "1,2\n"].map(Ok::<_, Error>));
    (Body::from_stream(parts), 203, [("X-One", "1"), ("Content-Type", "text/csv; charset=utf-8")])
}

pub(crate) fn init_app(app: &mut App) {
    let mut responses = Blueprint::new("responses").url_prefix("/resp");
    responses.rule("/<name>").methods(["GET", "POST"]).view(value);
    responses.route("/made/headers", made_headers);
    responses.route("/made/rewritten", rewritten);
    responses.route("/cookie/plain", cookie_plain);
    responses.route("/cookie/full", cookie_full);
    responses.route("/cookie/samesite/<value>", cookie_samesite);
    responses.route("/cookie/quoted", cookie_quoted);
    responses.route("/cookie/expires", cookie_expires);
    responses.route("/cookie/delete", cookie_delete);
    responses.route("/cookie/read", cookie_read);
    responses.rule("/stream").endpoint("stream").view(streamed);
    responses.route("/stream/headers", stream_headers);
    app.register_blueprint(responses);
}
