//! One of the two apps, as a client sees it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use costrel::testing::TestClient;
use costrel::{App, Application, Error, ErrorKind, of_type, request};
use costrel_ext_kit::Clock;
use costrel_legacy::{LegacyError, legacy};
use tokio::time::timeout;

use crate::compare::Answer;
use crate::recorded::Recorded;

/// The time that an app has for a whole response.
const LIMIT: Duration = Duration::from_secs(30);

/// The header that stands for an app that did not answer.
const UNANSWERED: &str = "x-costrel-shadow-unanswered";

/// Returns the app at `address`, as an app here.
///
/// # Errors
/// If `address` is none.
#[track_caller]
pub(crate) fn app_at(address: &str) -> Result<Application, Error> {
    let mut app = App::new("the app at another address");
    app.config.max_content_length = None;
    app.fallback(legacy(address));
    app.errorhandler(of_type::<LegacyError>(), |error: Error| (error.to_string(), 502, [(UNANSWERED, "1")]));
    app.build()
}

/// Sends a request, and reads the whole response. Returns it with its time, and with the endpoint that answered.
///
/// # Errors
/// If there is no response, or not in time.
pub(crate) async fn ask(
    client: &TestClient,
    url: &str,
    recorded: &Recorded,
) -> Result<(Answer, Duration, Option<String>), Error> {
    let mut asked = client.open(recorded.method.clone(), url);
    for (name, value) in &recorded.headers {
        asked = asked.header(name, value);
    }
    if let Ok(address) = recorded.client.parse::<IpAddr>() {
        asked = asked.remote_addr(SocketAddr::new(address, 0));
    }
    if !recorded.body.is_empty() {
        asked = asked.body(recorded.body.clone());
    }
    let clock = Clock::system();
    let began = clock.now();
    let late = |_| Error::new(ErrorKind::Other, format!("no whole response within {LIMIT:?}"));
    let response = timeout(LIMIT, asked.into_future()).await.map_err(late)??;
    if response.header(UNANSWERED).is_some() {
        return Err(Error::new(ErrorKind::Other, response.text()));
    }
    let endpoint = response.context().run_sync(|| request().endpoint().map(str::to_owned));
    // Where no rule matched, and for the app at another address, the path says more.
    let endpoint = endpoint.filter(|endpoint| endpoint != "fallback");
    let answer = Answer {
        status: response.status(),
        headers: response.headers().clone(),
        body: response.data().clone(),
        error: response.error().map(ToString::to_string),
    };
    Ok((answer.with_date(), clock.now() - began, endpoint))
}
