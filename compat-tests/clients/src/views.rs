//! The views, of either colour.

use std::future::ready;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use costrel::{
    Blueprint, Body, Colour, Cookie, Error, Event, EventStream, IntoResponse, IntoView, Method, Request, Response,
    StatusCode, View, Waiting, abort, jsonify, redirect_with, request, send_from_directory, set_cookie, websocket,
};
use futures_util::stream;
use serde_json::{Value, json};

/// A view whose code is the same in both colours, but for how it waits.
type Answer = fn(Request) -> Waiting<Response>;

pub(crate) fn blueprint(colour: Colour, folder: &Path) -> Blueprint {
    let name = if colour == Colour::Sync { "sync" } else { "async" };
    let mut views = Blueprint::new(name).url_prefix(format!("/{name}"));
    let plain: [(&str, &str, Answer); 7] = [
        ("GET", "/hello", |_| Waiting::ready("hello".into_response())),
        ("GET", "/where", |request| Waiting::ready(place(&request))),
        ("POST", "/echo", echo),
        ("POST", "/json", echo_json),
        ("POST", "/form", form),
        ("GET", "/cookies", |request| Waiting::ready(cookies(&request))),
        ("GET", "/fails", |_| Waiting::ready(abort(500))),
    ];
    for (method, path, answer) in plain {
        views.rule(path).methods([method]).view(view(colour, answer).named(&path[1..]));
    }
    views.rule("/redirect/<int:status>").methods(["GET", "POST"]).view(redirecting(colour).named("redirect"));
    views.rule("/file/<name>").view(file(colour, folder.to_owned()).named("file"));
    add_streams(&mut views, colour);
    add_socket(&mut views, colour);
    views
}

fn view(colour: Colour, answer: Answer) -> View {
    match colour {
        Colour::Sync => (move || answer(request()).wait()).into_view(),
        Colour::Async => (move || answer(request())).into_view(),
    }
}

/// What the app knows of the address that the client used, behind proxies too.
fn place(request: &Request) -> Result<Response, Error> {
    jsonify(json!({
        "url": request.url(),
        "client": request.remote_addr().map(|address| address.ip().to_string()),
        "args": request.args().iter().collect::<Vec<_>>(),
    }))
}

fn echo(request: Request) -> Waiting<Response> {
    Waiting::new(async move {
        let content_type = request.header("content-type").unwrap_or("application/octet-stream").to_owned();
        (request.get_data().await?, [("content-type", content_type)]).into_response()
    })
}

fn echo_json(request: Request) -> Waiting<Response> {
    Waiting::new(async move { jsonify(request.get_json::<Value>().await?) })
}

fn form(request: Request) -> Waiting<Response> {
    Waiting::new(async move {
        let (fields, mut files) = (request.form().await?, Vec::new());
        for file in request.files().await?.iter() {
            files.push(json!([file.name(), file.filename(), file.read().await?.len()]));
        }
        jsonify(json!({ "fields": fields.iter().collect::<Vec<_>>(), "files": files }))
    })
}

/// Shows the cookies of the request, and sets two more.
fn cookies(request: &Request) -> Result<Response, Error> {
    let mut cookies: Vec<_> = ["plain", "quoted"].map(|name| request.cookie(name)).into();
    cookies.retain(Option::is_some);
    let mut response = jsonify(cookies)?;
    set_cookie(&mut response, Cookie::new("plain", "a=b"))?;
    set_cookie(&mut response, Cookie::build(("quoted", "a, b; c")).http_only(true).into())?;
    Ok(response)
}

fn redirecting(colour: Colour) -> View {
    match colour {
        Colour::Sync => redirected.into_view(),
        Colour::Async => (|status| ready(redirected(status))).into_view(),
    }
}

/// Redirects, with the status of the path, to `/echo` if the method stays POST and to `/hello` else.
fn redirected(status: u16) -> Result<Response, Error> {
    let keeps_method = matches!(status, 307 | 308) && *request().method() == Method::POST;
    redirect_with(if keeps_method { "../echo" } else { "../hello" }, StatusCode::from_u16(status)?)
}

fn file(colour: Colour, folder: PathBuf) -> View {
    match colour {
        Colour::Sync => (move |name: String| send_from_directory(&folder, &name).wait()).into_view(),
        Colour::Async => (move |name: String| {
            let sending = send_from_directory(&folder, &name);
            async { sending.await }
        })
        .into_view(),
    }
}

/// Adds streams: some chunks, some events, and one without an end, whose ends are counted.
fn add_streams(views: &mut Blueprint, colour: Colour) {
    let ended = Arc::new(AtomicUsize::new(0));
    let counted = ended.clone();
    match colour {
        Colour::Sync => {
            views.route("/chunks", || Body::from_iterator(chunks()));
            views.route("/events", || EventStream::from_iterator(events()));
            views.route("/endless", move || Body::from_iterator(Endless(End(counted.clone()))));
        }
        Colour::Async => {
            views.route("/chunks", async || Body::from_stream(stream::iter(chunks())));
            views.route("/events", async || EventStream::new(stream::iter(events())));
            views.route("/endless", move || ready(Body::from_stream(stream::iter(Endless(End(counted.clone()))))));
        }
    }
    views.route("/ended", move || ended.load(Ordering::SeqCst).to_string());
}

fn chunks() -> impl Iterator<Item = String> + Send {
    (0..100).map(|n| format!("chunk {n}\n"))
}

fn events() -> impl Iterator<Item = Event> + Send {
    (0..3).map(|n| Event::new(format!("event {n}")))
}

/// Chunks without an end.
struct Endless(#[expect(dead_code, reason = "it is dropped with the stream")] End);

impl Iterator for Endless {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        Some(vec![b'x'; 1 << 14])
    }
}

/// Counts itself when it is dropped.
struct End(Arc<AtomicUsize>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Adds a WebSocket that sends back what it receives.
fn add_socket(views: &mut Blueprint, colour: Colour) {
    match colour {
        Colour::Sync => views.websocket("/socket", || -> Result<(), Error> {
            loop {
                let message = websocket().receive().wait()?;
                websocket().send(message).wait()?;
            }
        }),
        Colour::Async => views.websocket("/socket", async || -> Result<(), Error> {
            loop {
                let message = websocket().receive().await?;
                websocket().send(message).await?;
            }
        }),
    };
}
