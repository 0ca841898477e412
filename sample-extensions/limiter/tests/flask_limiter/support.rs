//! Apps and clients that the tests share.

use std::time::Duration;

use costrel::testing::{TestClient, TestResponse};
use costrel::{App, Colour, IntoView, Request, View};
use costrel_ext_kit::{Clock, key::remote_address};
use costrel_limiter::Limiter;

pub(crate) const COMPAT: &str = "flask-limiter 4.1";

/// A view of one colour, with this endpoint.
pub(crate) fn view(colour: Colour, endpoint: &str) -> View {
    let view = match colour {
        Colour::Sync => (|| "found").into_view(),
        Colour::Async => (async || "found").into_view(),
    };
    view.named(endpoint)
}

/// A limiter by address on a clock that stands still.
pub(crate) fn limiter() -> (Limiter, Clock) {
    let clock = Clock::manual();
    (Limiter::new(remote_address).clock(clock.clone()), clock)
}

/// An app with a limiter.
pub(crate) fn app(limiter: &Limiter) -> App {
    let mut app = App::new("test");
    app.init(limiter).unwrap();
    app
}

/// A client of an app with one limited view at `/`.
pub(crate) fn client_of(limiter: &Limiter, colour: Colour, decorate: impl Fn(View) -> View) -> TestClient {
    let mut app = app(limiter);
    app.rule("/").decorate(decorate).view(view(colour, "index"));
    app.test_client()
}

pub(crate) fn get(client: &TestClient, path: &str) -> TestResponse {
    client.get(path).wait().unwrap()
}

/// The statuses of one GET for each path.
pub(crate) fn statuses<'p>(client: &TestClient, paths: impl IntoIterator<Item = &'p str>) -> Vec<u16> {
    paths.into_iter().map(|path| get(client, path).status().as_u16()).collect()
}

/// The status of a GET for `/` with one header.
pub(crate) fn status_with(client: &TestClient, header: (&str, &str)) -> u16 {
    client.get("/").header(header.0, header.1).wait().unwrap().status().as_u16()
}

/// The header `x-user` of a request: a key function.
pub(crate) fn user(request: Request) -> String {
    request.header("x-user").unwrap_or_default().to_owned()
}

pub(crate) async fn user_async(request: Request) -> String {
    user(request)
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
