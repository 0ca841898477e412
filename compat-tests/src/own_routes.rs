//! The routes of an app itself, with the decorators they have, tried where that is safe.

use std::fmt;
use std::net::SocketAddr;

use costrel::http::header;
use costrel::{App, Application, Body, Bytes, Error, Method, Response, RuleInfo, StatusCode, http};
use futures_util::future::join;

use crate::fault::{Fault, expect};

/// How one of an app's routes came out.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RouteReport {
    /// The rule.
    pub rule: String,
    /// The decorators on its view, outermost first.
    pub decorators: Vec<String>,
    /// What was found wrong; `Err` says why it could not be tried.
    pub faults: Result<Vec<Fault>, &'static str>,
}

/// Tries each route of `make`'s app that a stranger may GET without changing anything: it answers and does not fail, HEAD
/// agrees, OPTIONS names the methods, two requests at once are two answers, and it is the same where requests hold threads.
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
/// let reports = costrel::async_to_sync(|()| check_routes(create_app))(())??;
/// let failed: Vec<_> = reports.iter().filter(|report| report.failed()).map(|report| report.rule.as_str()).collect();
/// assert_eq!(failed, ["/broken"]);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// If the app cannot be made or does not start.
pub async fn check_routes(make: impl Fn() -> Result<App, Error>) -> Result<Vec<RouteReport>, Error> {
    let on_the_loop = make()?.build()?.test_app();
    let mut threaded = make()?;
    threaded.config.threads = Some(2);
    let threaded = threaded.build()?.test_app();
    on_the_loop.startup().await?;
    threaded.startup().await?;
    let reports = try_all(on_the_loop.test_client().application(), threaded.test_client().application()).await;
    threaded.shutdown().await?;
    on_the_loop.shutdown().await?;
    Ok(reports)
}

async fn try_all(on_the_loop: &Application, threaded: &Application) -> Vec<RouteReport> {
    let mut reports = Vec::new();
    for info in on_the_loop.rules() {
        let faults = match unsafe_because(info) {
            Some(why) => Err(why),
            None => Ok(faults_of(on_the_loop, threaded, info).await),
        };
        let decorators = info.decorators.iter().map(|layer| layer.name.clone()).collect();
        reports.push(RouteReport { rule: info.rule.clone(), decorators, faults });
    }
    reports
}

impl RouteReport {
    /// Whether something was found wrong.
    pub fn failed(&self) -> bool {
        self.faults.as_ref().is_ok_and(|faults| !faults.is_empty())
    }
}

impl fmt::Display for RouteReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match &self.faults {
            Err(why) => format!("not tried: {why}"),
            Ok(faults) if faults.is_empty() => "right".to_owned(),
            Ok(faults) => faults.iter().map(|fault| format!("FAILED {fault}")).collect::<Vec<_>>().join("; "),
        };
        write!(f, "  {:<30} {:<40} {verdict}", self.rule, self.decorators.join(" > "))
    }
}

fn unsafe_because(info: &RuleInfo) -> Option<&'static str> {
    match info {
        info if info.is_websocket => Some("a WebSocket wants a conversation"),
        info if !info.methods.contains("GET") => Some("it may change something"),
        info if info.rule.contains('<') => Some("its variables are the app's to know"),
        _ => None,
    }
}

async fn faults_of(on_the_loop: &Application, threaded: &Application, info: &RuleInfo) -> Vec<Fault> {
    let (get, again) = join(ask(on_the_loop, &Method::GET, info), ask(on_the_loop, &Method::GET, info)).await;
    let held = ask(threaded, &Method::GET, info).await;
    let bare = ask(on_the_loop, &Method::HEAD, info).await;
    let options = ask(on_the_loop, &Method::OPTIONS, info).await;
    let allow = options.headers().get(header::ALLOW).and_then(|allow| allow.to_str().ok()).unwrap_or_default();
    let named = info.methods.iter().all(|method| allow.split(", ").any(|allowed| allowed == method));
    let status = get.status();
    let checks = [
        expect("whether GET is answered without a failure of the server's", status.is_server_error(), false),
        expect("the status of a second GET at the same time", again.status(), status),
        expect("the status of GET where requests hold threads", held.status(), status),
        expect("the status of HEAD", bare.status(), status),
        expect("the bytes of HEAD's body", bare.body().as_bytes().map(Bytes::len), Some(0)),
        expect("whether OPTIONS names the methods", options.status() != StatusCode::OK || named, true),
    ];
    checks.into_iter().filter_map(Result::err).collect()
}

async fn ask(application: &Application, method: &Method, info: &RuleInfo) -> Response {
    let mut request = http::Request::new(Body::empty());
    *request.method_mut() = method.clone();
    *request.uri_mut() = info.rule.parse().unwrap_or_default();
    request.headers_mut().insert(header::HOST, header::HeaderValue::from_static("localhost"));
    request.extensions_mut().insert(SocketAddr::from(([127, 0, 0, 1], 1)));
    Box::pin(application.call(request)).await
}
