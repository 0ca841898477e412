//! The check of an app's own routes, with their decorators, where that is safe.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use costrel::http::{HeaderValue, header};
use costrel::{App, Application, Body, Bytes, Error, Method, Response, RuleInfo, StatusCode, http, testing::TestApp};
use futures_util::future::join;
use tokio::runtime::Builder;
use tokio::time::timeout;

use super::event_loops::turn_log_off;
use crate::report::RouteReport;
use crate::verdict::{Failure, expect};

/// The timeout for the response of a route.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// Tries each route of `create_app`'s app that a client may GET without changing anything.
///
/// The requests run on an event loop, as under a server. GET must be answered without a server error, HEAD must agree
/// with GET, OPTIONS must name the methods, two requests at once must get two responses, and the status must be the
/// same where requests hold threads. A 401, a redirect to a sign-in page and a 429 are no failures.
///
/// The app is made twice, one after the other, and started up as if it served. Do not call this from async code,
/// because it waits.
///
/// ```
/// use costrel::{App, Error};
/// use costrel_compat::check_routes;
///
/// fn create_app() -> Result<App, Error> {
///     let mut app = App::new("docs");
///     app.route("/", || "fine");
///     app.route("/broken", async || Err::<(), _>(Error::from_boxed("broken".into())).map(|()| ""));
///     Ok(app)
/// }
///
/// let reports = check_routes(create_app)?;
/// let failed: Vec<_> = reports.iter().filter(|report| report.failed()).map(|report| report.rule.as_str()).collect();
/// assert_eq!(failed, ["/broken"]);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// If the app cannot be made or does not start.
pub fn check_routes(create_app: impl Fn() -> Result<App, Error> + Send + 'static) -> Result<Vec<RouteReport>, Error> {
    // The check runs on a new thread, because the caller may be a worker, and code called on a worker stays there.
    let checking = thread::spawn(move || {
        turn_log_off();
        let event_loop = Builder::new_multi_thread().enable_all().on_thread_start(turn_log_off).build()?;
        let checked = event_loop.block_on(event_loop.spawn(check_both(create_app)));
        event_loop.shutdown_background();
        checked?
    });
    checking.join().unwrap_or_else(|_| Err(Error::from_boxed("making the app panicked".into())))
}

async fn check_both(create_app: impl Fn() -> Result<App, Error> + Send) -> Result<Vec<RouteReport>, Error> {
    let mut on_the_loop = create_app()?;
    on_the_loop.config.threads = None;
    let mut reports = while_it_serves(&on_the_loop.build()?, try_all).await?;
    let mut threaded = create_app()?;
    threaded.config.threads = Some(2);
    let again = while_it_serves(&threaded.build()?, async |application| statuses(application).await).await?;
    for (report, status) in reports.iter_mut().zip(again) {
        if let (Ok(failures), Some(expected), Some(status)) = (&mut report.failures, report.status, status) {
            failures.extend(differs("the status of GET where requests hold threads", status, expected));
        }
    }
    Ok(reports)
}

/// Runs `check` between the app's start-up and its shutdown.
async fn while_it_serves<R>(application: &Application, check: impl AsyncFnOnce(&Application) -> R) -> Result<R, Error> {
    let serving: TestApp = application.test_app();
    serving.startup().await?;
    let checked = check(application).await;
    serving.shutdown().await?;
    Ok(checked)
}

async fn try_all(application: &Application) -> Vec<RouteReport> {
    let mut reports = Vec::new();
    for info in application.rules() {
        let (status, failures) = match unsafe_because(info) {
            Some(why) => (None, Err(why)),
            None => match tried(application, info).await {
                Ok((status, failures)) => (Some(status), Ok(failures)),
                Err(failure) => (None, Ok(vec![failure])),
            },
        };
        let decorators = info.decorators.iter().map(|layer| layer.name.clone()).collect();
        reports.push(RouteReport { rule: info.rule.clone(), decorators, status, failures });
    }
    reports
}

async fn statuses(application: &Application) -> Vec<Option<StatusCode>> {
    let mut statuses = Vec::new();
    for info in application.rules() {
        let answered =
            if unsafe_because(info).is_none() { ask(application, &Method::GET, info).await.ok() } else { None };
        statuses.push(answered.map(|response| response.status()));
    }
    statuses
}

fn unsafe_because(info: &RuleInfo) -> Option<&'static str> {
    match info {
        info if info.is_websocket => Some("a WebSocket needs a conversation, not a GET"),
        info if !info.methods.contains("GET") => Some("it may change something"),
        info if info.rule.contains('<') => Some("only the app knows values for its variables"),
        info if info.rule.parse::<http::Uri>().is_err() => Some("its rule is not a path as it stands"),
        _ => None,
    }
}

/// Returns the status of GET, and the failures.
async fn tried(application: &Application, info: &RuleInfo) -> Result<(StatusCode, Vec<Failure>), Failure> {
    let (get, again) = join(ask(application, &Method::GET, info), ask(application, &Method::GET, info)).await;
    let (get, again) = (get?, again?);
    let bare = ask(application, &Method::HEAD, info).await?;
    let options = ask(application, &Method::OPTIONS, info).await?;
    let allow = options.headers().get(header::ALLOW).and_then(|allow| allow.to_str().ok()).unwrap_or_default();
    let named = info.methods.iter().all(|method| allow.split(", ").any(|allowed| allowed == method));
    let status = get.status();
    let checks = [
        expect("whether GET gets a response that is no server error", status.is_server_error(), false).err(),
        differs("the status of a second GET at the same time", again.status(), status),
        differs("the status of HEAD", bare.status(), status),
        expect("the bytes of HEAD's body", bare.body().as_bytes().map(Bytes::len), Some(0)).err(),
        expect("whether OPTIONS names the methods", options.status() != StatusCode::OK || named, true).err(),
    ];
    Ok((status, checks.into_iter().flatten().collect()))
}

/// Returns a failure if the statuses differ; a 429 counts as equal to any status.
fn differs(what: &str, seen: StatusCode, expected: StatusCode) -> Option<Failure> {
    let too_often = [seen, expected].contains(&StatusCode::TOO_MANY_REQUESTS);
    if too_often { None } else { expect(what, seen, expected).err() }
}

async fn ask(application: &Application, method: &Method, info: &RuleInfo) -> Result<Response, Failure> {
    let config = application.handle().config();
    let trusted = config.trusted_hosts.iter().flatten().map(|host| host.trim_start_matches('.')).next();
    let host = config.server_name.as_deref().or(trusted).unwrap_or("localhost");
    let request = http::Request::builder().method(method).uri(&info.rule).body(Body::empty());
    let mut request = request.map_err(Error::from)?;
    request.headers_mut().insert(header::HOST, HeaderValue::from_str(host).map_err(Error::from)?);
    request.extensions_mut().insert(SocketAddr::from(([127, 0, 0, 1], 1)));
    // The request runs in a task of its own, so that it cannot delay the others.
    let application = application.clone();
    let answering = tokio::spawn(async move { Box::pin(application.call(request)).await });
    let answered = timeout(ANSWERED_WITHIN, answering).await;
    let late = |_| Failure::sentence(format!("{method}"), &format!("an answer within {ANSWERED_WITHIN:?}"), "none");
    Ok(answered.map_err(late)?.map_err(Error::from)?)
}
