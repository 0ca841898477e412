//! Views, callbacks and clients of either colour.

#![allow(dead_code, reason = "each test file uses some of it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use costrel::testing::TestClient;
use costrel::{App, Callable, Colour, Error, IntoResponse, IntoView, Response, View};
use costrel_cache::Cache;

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

pub(crate) const COLOURS: [Colour; 2] = [Colour::Sync, Colour::Async];

/// A view of either colour that passes the number of its run to `answer` and returns the result.
pub(crate) fn counted(
    colour: Colour,
    answer: impl Fn(usize) -> Result<Response, Error> + Clone + Send + Sync + 'static,
) -> View {
    let runs = Arc::new(AtomicUsize::new(0));
    match colour {
        Colour::Sync => (move || answer(runs.fetch_add(1, Ordering::Relaxed))).into_view(),
        Colour::Async => (move || {
            let (runs, answer) = (runs.clone(), answer.clone());
            async move { answer(runs.fetch_add(1, Ordering::Relaxed)) }
        })
        .into_view(),
    }
}

pub(crate) fn plain(run: usize) -> Result<Response, Error> {
    format!("run {run}").into_response()
}

/// A callback of either colour.
pub(crate) fn callback<I: Send + 'static, V: Send + 'static>(
    colour: Colour,
    f: impl Fn(I) -> V + Clone + Send + Sync + 'static,
) -> Callable<I, V> {
    match colour {
        Colour::Sync => Callable::new_sync(move |input| Ok(f(input))),
        Colour::Async => Callable::new_async(move |input| {
            let f = f.clone();
            async move { Ok(f(input)) }
        }),
    }
}

/// An app with `cache`, on which a session can be written.
pub(crate) fn app(cache: &Cache) -> App {
    let mut app = App::new("test");
    app.config.secret_key = Some("test".into());
    app.init(cache).unwrap();
    app
}

/// The client of an app whose `/page` is `view`.
pub(crate) fn client_of(cache: &Cache, view: View) -> TestClient {
    let mut app = app(cache);
    app.rule("/page").methods(["GET", "POST"]).view(view.named("page"));
    app.test_client()
}

pub(crate) fn text(client: &TestClient, path: &str) -> String {
    client.get(path).wait().unwrap().text()
}

/// The page, and whether the header says that it came from the cache.
pub(crate) fn page(client: &TestClient, path: &str) -> (String, Option<String>) {
    let response = client.get(path).wait().unwrap();
    (response.text(), response.header("x-cache").map(str::to_owned))
}
