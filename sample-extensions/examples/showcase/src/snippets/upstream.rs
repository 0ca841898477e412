//! Concurrent calls to another service, which the showcase itself serves on a local port.

use std::sync::{Arc, OnceLock};

use costrel::{App, Error, Json, Response, Serving, current_app, jsonify};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// The client of the other service, and the service's URL, which is known once the app serves.
struct Upstream {
    client: reqwest::Client,
    base: Arc<OnceLock<String>>,
}

/// Runs the other service while the app serves.
pub(super) fn add_to(app: &mut App) {
    let base = Arc::new(OnceLock::new());
    // A proxy from the environment may not reach a local port, so use none.
    let client = reqwest::Client::builder().no_proxy().build().unwrap_or_default();
    app.set_extension(Upstream { client, base: base.clone() });
    app.while_serving(move |serving: Serving| {
        let base = base.clone();
        async move {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            // A second start-up of the app keeps the URL of the first, so `set` may fail.
            let _ = base.set(format!("http://{}", listener.local_addr()?));
            let (stop, stopped) = oneshot::channel::<()>();
            let service = other_service().build()?;
            let serve = tokio::spawn(async move { service.serve(listener, async { drop(stopped.await) }).await });
            serving.until_stopped().await?;
            drop(stop);
            serve.await?
        }
    });
}

fn other_service() -> App {
    let mut app = App::new("upstream");
    app.route("/users", async || Json(json!(["Ada", "Grace"])));
    app.route("/posts", async || Json(json!([{ "title": "Notes" }])));
    app.route("/comments", || Json(json!([{ "text": "Hear, hear" }])));
    app
}

/// Sends three requests at once and waits for all of them.
pub(super) async fn aggregate_data() -> Result<Response, Error> {
    let (users, posts, comments) = futures_util::try_join!(fetch("/users"), fetch("/posts"), fetch("/comments"))?;
    jsonify(json!({ "users": users, "posts": posts, "comments": comments }))
}

pub(super) async fn get_data() -> Result<Response, Error> {
    jsonify(fetch("/users").await?)
}

async fn fetch(path: &str) -> Result<Value, Error> {
    let upstream = current_app().extension::<Upstream>()?;
    let base = upstream.base.get().ok_or_else(|| Error::status(503).with_message("The app does not serve yet."))?;
    let response = upstream.client.get(format!("{base}{path}")).send().await?;
    Ok(response.error_for_status()?.json().await?)
}
