//! The examples from documentation of async Flask in Rust, under `/snippets` in the showcase.

mod database;
mod upstream;
mod users;

use std::time::{Duration, Instant};

use costrel::{
    App, Blueprint, Error, Event, EventStream, IntoResponse, Json, Response, abort, current_app, g, jsonify, redirect,
    request, sync_to_async, websocket,
};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::pages::page;
use users::UserApi;

/// Adds the pages, the upstream that they call and the database that they query.
pub(crate) fn add_to(app: &mut App) {
    upstream::add_to(app);
    database::add_to(app);
    let mut snippets = Blueprint::new("snippets").url_prefix("/snippets");
    add_hooks(&mut snippets);

    snippets.route("/", index);
    snippets.route("/hello", hello);
    snippets.route("/aggregate", upstream::aggregate_data);
    snippets.route("/data", upstream::get_data);
    snippets.route("/db/users", database::list_users);
    snippets.route("/db/users/<int:user_id>", database::get_user);
    snippets.route("/db/sync/users", database::list_users_sync);
    snippets.post("/send-email", send_email);
    snippets.post("/process", process);
    snippets.route("/stream", stream_ticks);
    snippets.route("/stream/sync", stream_ticks_sync);
    snippets.route("/sync", sync_view);
    snippets.route("/async", async_view);
    snippets.route("/compute", compute);
    snippets.route("/safe", safe_operation);
    snippets.route("/with-timeout", with_timeout);
    snippets.websocket("/echo", echo);

    let user_view = UserApi::as_view("user_api", UserApi::default);
    snippets.rule("/users").defaults([("user_id", None::<i64>)]).methods(["GET"]).view(user_view.clone());
    snippets.rule("/users").methods(["POST"]).view(user_view.clone());
    snippets.rule("/users/<int:user_id>").methods(["GET", "PUT", "DELETE"]).view(user_view);
    app.register_blueprint(snippets);
}

/// Adds hooks and error handlers of either colour to this blueprint.
fn add_hooks(snippets: &mut Blueprint) {
    snippets.before_request(async || g().set("start_time", Instant::now()));
    snippets.after_request(async |mut response: Response| -> Result<Response, Error> {
        if let Some(start) = g().get::<Instant>("start_time") {
            let seconds = start.elapsed().as_secs_f64().to_string();
            response.headers_mut().insert("x-request-duration", seconds.parse()?);
        }
        Ok(response)
    });
    snippets.teardown_request(async |error: Option<Error>| {
        if let Some(error) = error {
            tracing::warn!("a snippet ended with: {error}");
        }
    });
    snippets.errorhandler(404, async |_: Error| (Json(json!({ "error": "Not found" })), 404));
    snippets.errorhandler(504, |_: Error| (Json(json!({ "error": "The operation took too long" })), 504));
}

const LINKS: [&str; 12] = [
    "/snippets/hello",
    "/snippets/aggregate",
    "/snippets/data",
    "/snippets/db/users",
    "/snippets/db/users/1",
    "/snippets/db/sync/users",
    "/snippets/stream",
    "/snippets/stream/sync",
    "/snippets/users",
    "/snippets/compute",
    "/snippets/safe",
    "/snippets/with-timeout",
];

fn index() -> String {
    let links = LINKS.map(|path| format!("<li><a href=\"{path}\">{path}</a>")).join("\n");
    let more = "<p>And <code>/sync</code>, <code>/async</code>, <code>POST /send-email</code>, <code>POST /process</code>, \
                <code>POST</code>, <code>PUT</code> and <code>DELETE /users</code>, and the WebSocket <code>/echo</code>.</p>";
    page("Snippets", &format!("<p>Examples from documentation of async Flask, in Rust.</p><ul>{links}</ul>{more}"))
}

async fn hello() -> &'static str {
    sleep(Duration::from_secs(1)).await;
    "Hello, Async World!"
}

fn sync_view() -> &'static str {
    "Sync response"
}

async fn async_view() -> &'static str {
    sleep(Duration::from_secs(1)).await;
    "Async response"
}

/// An email to send.
#[derive(Deserialize)]
struct Email {
    to: String,
    subject: String,
    body: String,
}

async fn send_email() -> Result<Response, Error> {
    let email: Email = request().get_json().await?;
    current_app().add_background_task(async move || send_email_async(email).await);
    (Json(json!({ "status": "Email queued" })), 202).into_response()
}

/// Takes two seconds, as sending an email would.
async fn send_email_async(Email { to, subject, body }: Email) {
    sleep(Duration::from_secs(2)).await;
    tracing::info!("Email sent to {to}: {subject} ({} characters)", body.len());
}

/// Runs a task that may be lost with the process; `sample-extensions/examples/task-queue` is for tasks that may not.
fn process() -> Result<Response, Error> {
    current_app().add_background_task(|| tracing::info!("processed, unless the process ended before"));
    redirect("/snippets/")
}

async fn stream_ticks() -> EventStream {
    let from = request().last_event_id().and_then(|id| id.parse().ok()).map_or(0, |last: u32| last + 1);
    EventStream::new(stream::unfold(from, async |n| {
        if n == 10 {
            return None;
        }
        sleep(Duration::from_secs(1)).await;
        Some((Event::new(n.to_string()).id(&n.to_string()), n + 1))
    }))
}

/// Streams the ticks of an iterator, which may block: each step runs on a worker, and between steps it holds none.
fn stream_ticks_sync() -> EventStream {
    let from = request().last_event_id().and_then(|id| id.parse().ok()).map_or(0, |last: u32| last + 1);
    EventStream::from_iterator((from..10).map(|n| Event::new(n.to_string()).id(&n.to_string())))
}

/// Runs a long computation on a worker, so that it does not block the event loop.
async fn compute() -> Result<String, Error> {
    let sum = sync_to_async(|most: u64| (1..=most).filter(|n| most.is_multiple_of(*n)).sum::<u64>());
    Ok(sum(1_000_000).await?.to_string())
}

async fn safe_operation() -> Result<Response, Error> {
    match risky_operation().await {
        Ok(result) => jsonify(result),
        Err(error) => {
            tracing::error!("Error: {error}");
            abort(500)
        }
    }
}

/// Fails with `?fail=1`.
#[allow(clippy::unused_async, reason = "a real operation would wait for something")]
async fn risky_operation() -> Result<Value, Error> {
    if request().args().get("fail").is_some() {
        return Err(Error::from_boxed("it was risky".into()));
    }
    Ok(json!({ "result": 42 }))
}

async fn with_timeout() -> Result<Response, Error> {
    match timeout(Duration::from_secs(5), slow_operation()).await {
        Ok(result) => jsonify(result),
        Err(_) => abort(504),
    }
}

/// Takes the number of seconds in `?seconds=`, by default one.
async fn slow_operation() -> Value {
    let seconds = request().args().get("seconds").and_then(|text| text.parse().ok()).unwrap_or(1);
    sleep(Duration::from_secs(seconds)).await;
    json!({ "waited": seconds })
}

async fn echo() -> Result<(), Error> {
    loop {
        let message = websocket().receive().await?;
        websocket().send(message).await?;
    }
}
