//! The life of a request, from its first byte of context to its last teardown.
//!
//! 1. enter the context; 2. match the rule; 3. `before_request`; 4. the view, through its decorators;
//! 5. an error handler if one is needed; 6. `after_this_request`; 7. `after_request`; 8. save the session;
//! 9. teardown, always and once; 10. leave the context.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use cookie::Cookie;
use futures_util::FutureExt;
use http::header::{self, HeaderValue};
use http::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use tokio::sync::oneshot;

use crate::application::{Application, Endpoint};
use crate::arg::ArgValue;
use crate::body::Body;
use crate::callable::Callable;
use crate::context::Context;
use crate::error::{Error, ErrorKind};
use crate::error_handlers::ErrorHandlers;
use crate::request::{Matched, Request};
use crate::response::{self, IntoResponse, Response};
use crate::routing::{Found, Route};
use crate::scope::Scope;
use crate::session::Saving;

/// The error that nobody handled, on the 500 it became.
#[derive(Clone)]
pub(crate) struct Unhandled(pub(crate) Error);

/// What the rule table says of a request; a miss is only raised after the hooks have seen the request.
enum Target<'r> {
    View(&'r Endpoint),
    Answer(Result<Response, Error>),
}

/// What a request leads to, and what is around it.
struct Matching<'r> {
    target: Target<'r>,
    matched: Matched,
    scopes: Scopes,
}

/// Whose hooks and error handlers see a request: the app's, then those of the blueprints, outermost first.
#[derive(Clone)]
struct Scopes {
    app: Arc<Scope>,
    blueprints: Arc<[Arc<Scope>]>,
}

impl Scopes {
    fn outermost_first(&self) -> impl DoubleEndedIterator<Item = &Scope> {
        [&*self.app].into_iter().chain(self.blueprints.iter().map(|scope| &**scope))
    }

    fn error_handlers(&self) -> Vec<&ErrorHandlers> {
        self.outermost_first().rev().map(|scope| &scope.error_handlers).collect()
    }
}

impl Application {
    /// Handles one request: every request ends in a response.
    ///
    /// Dropping the future gives the request up: the view is dropped at its `.await`, teardown still runs.
    pub async fn call(&self, request: http::Request<Body>) -> Response {
        let method = request.method().clone();
        let path = percent_decode_str(request.uri().path()).decode_utf8_lossy().into_owned();
        let Matching { target, matched, scopes } = self.find_target(&request, &path);
        let current = &self.tables().current;
        let request = Request::new(request, path, matched, current.config().max_content_length);
        let context = Context::new(current.clone(), request);
        let life = Life::new(self.clone(), context.clone(), scopes.clone());
        let (mut response, unhandled) = context.scope(respond(&context, &scopes, target)).await;
        tracing::info!("{method} {} {}", context.request.full_path(), response.status().as_u16());
        if let Some(error) = unhandled.clone() {
            // For the test client; a server does not look.
            response.extensions_mut().insert(Unhandled(error));
        }
        life.end(unhandled).await;
        response::finish(&mut response, &method);
        response
    }

    /// Step 2: what the path and the method lead to.
    fn find_target(&self, request: &http::Request<Body>, path: &str) -> Matching<'_> {
        let method = request.method();
        match self.tables().router.find(method, path) {
            Found::Route(route, values) => {
                let names = route.rule.variables().map(|(name, _)| name.clone());
                self.matching(self.route_target(route, method, path), &route.target, names.zip(values).collect())
            }
            Found::Redirect => self.answering(add_slash(request)),
            Found::WrongMethod(allowed) => {
                self.answering(Err(Error::status(405).with_header(header::ALLOW, allow(allowed))))
            }
            Found::Missing => match &self.tables().fallback {
                Some(endpoint) => self.matching(Target::View(endpoint), endpoint, Vec::new()),
                None => self.answering(Err(Error::status(404))),
            },
        }
    }

    fn matching<'r>(&self, target: Target<'r>, endpoint: &Endpoint, view_args: ViewArgs) -> Matching<'r> {
        let markers = endpoint.view.markers().clone();
        let matched = Matched { endpoint: Some(endpoint.name.clone()), view_args, markers };
        Matching { target, matched, scopes: self.scopes(endpoint.scopes.clone()) }
    }

    fn answering(&self, answer: Result<Response, Error>) -> Matching<'_> {
        Matching { target: Target::Answer(answer), matched: Matched::default(), scopes: self.scopes([].into()) }
    }

    fn scopes(&self, blueprints: Arc<[Arc<Scope>]>) -> Scopes {
        Scopes { app: self.tables().scope.clone(), blueprints }
    }

    fn route_target<'r>(&self, route: &'r Route<Endpoint>, method: &Method, path: &str) -> Target<'r> {
        if method != Method::OPTIONS || route.target.handles_options {
            return Target::View(&route.target);
        }
        // No rule takes this method, so every rule of the path says which it does take.
        let methods = match self.tables().router.find(&Method::CONNECT, path) {
            Found::WrongMethod(allowed) => allowed,
            _ => route.methods.clone(),
        };
        let answer = ("", [(header::ALLOW, allow(methods))]).into_response();
        Target::Answer(answer)
    }
}

type ViewArgs = Vec<(Arc<str>, ArgValue)>;

/// Steps 3 to 8. Whatever goes wrong, there is a response; beside it the error that nobody handled.
async fn respond(context: &Context, scopes: &Scopes, target: Target<'_>) -> (Response, Option<Error>) {
    let answered = match caught(answer(context, scopes, target)).await {
        Ok(response) => Ok(response),
        Err(error) => caught(handle_user_error(scopes, error)).await,
    };
    let mut hooks: Hooks = scopes.outermost_first().flat_map(|scope| scope.after_request.iter().cloned()).collect();
    let finished = match answered {
        Ok(response) => caught(finalize(context, &mut hooks, response)).await,
        Err(error) => Err(error),
    };
    match finished {
        Ok(response) => (response, None),
        Err(error) => (handle_exception(context, scopes, &mut hooks, error.clone()).await, Some(error)),
    }
}

/// Steps 3 and 4: the first hook that answers, or the view.
async fn answer(context: &Context, scopes: &Scopes, target: Target<'_>) -> Result<Response, Error> {
    for hook in scopes.outermost_first().flat_map(|scope| &scope.before_request) {
        if let Some(response) = hook.call(()).await? {
            return Ok(response);
        }
    }
    match target {
        Target::View(endpoint) => endpoint.view.call(context.request.clone()).await,
        Target::Answer(answer) => answer,
    }
}

/// Step 5: the handler for `error`, or the default page of an HTTP error.
async fn handle_user_error(scopes: &Scopes, error: Error) -> Result<Response, Error> {
    match ErrorHandlers::find(&scopes.error_handlers(), &error) {
        Some(handler) => handler.call(error).await,
        None if matches!(error.kind(), ErrorKind::Status(_)) => Ok(response::error_page(&error)),
        None => Err(error),
    }
}

/// What nobody handled: it is logged, becomes a 500, and the hooks that have not run yet still do.
async fn handle_exception(context: &Context, scopes: &Scopes, hooks: &mut Hooks, error: Error) -> Response {
    tracing::error!("Exception on {} [{}]: {error:?}", context.request.path(), context.request.method());
    let page = match ErrorHandlers::find_last(&scopes.error_handlers()) {
        Some(handler) => caught(async { handler.call(error.clone()).await }).await,
        None => Ok(response::error_page(&error)),
    };
    let page = page.unwrap_or_else(|failed| {
        tracing::error!("Exception in an error handler: {failed:?}");
        response::error_page(&failed)
    });
    caught(finalize(context, hooks, page)).await.unwrap_or_else(|failed| {
        tracing::error!("Exception while ending a failed request: {failed:?}");
        response::error_page(&failed)
    })
}

/// The `after_request` functions that have not begun, the next one last.
type Hooks = Vec<Callable<Response, Response>>;

/// Steps 6 to 8. A hook that has begun is out of `hooks`, so none runs twice.
async fn finalize(context: &Context, hooks: &mut Hooks, mut response: Response) -> Result<Response, Error> {
    hooks.extend(context.take_after_this_request().into_iter().rev());
    while let Some(hook) = hooks.pop() {
        response = hook.call(response).await?;
    }
    save_session(context, &mut response)?;
    Ok(response)
}

/// Step 8: the cookie, and `Vary: Cookie` where the answer depends on it.
fn save_session(context: &Context, response: &mut Response) -> Result<(), Error> {
    let config = context.app.config();
    let saving = context.session.saving()?;
    if saving == Saving::Untouched {
        return Ok(());
    }
    response.headers_mut().append(header::VARY, HeaderValue::from_static("Cookie"));
    let cookie = |value| {
        let cookie = Cookie::build((config.session_cookie_name.clone(), value)).path("/").http_only(true);
        cookie.secure(config.session_cookie_secure)
    };
    let cookie = match saving {
        Saving::Write(value) => cookie(value).build(),
        Saving::Delete => cookie(String::new()).removal().build(),
        Saving::Untouched | Saving::Read => return Ok(()),
    };
    response.headers_mut().append(header::SET_COOKIE, HeaderValue::try_from(cookie.to_string())?);
    Ok(())
}

/// Runs one step of a request; a panic in it is an error like any other.
async fn caught<T>(step: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match AssertUnwindSafe(step).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(payload) => Err(Error::from_panic(&*payload)),
    }
}

fn add_slash(request: &http::Request<Body>) -> Result<Response, Error> {
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    // One slash in front: two, or a backslash, would make a host of what follows.
    let location = format!("/{}/{query}", request.uri().path().trim_start_matches(['/', '\\']));
    response::redirect_with(&location, StatusCode::PERMANENT_REDIRECT)
}

fn allow(methods: impl IntoIterator<Item = String>) -> HeaderValue {
    let list = methods.into_iter().collect::<Vec<_>>().join(", ");
    HeaderValue::try_from(list).unwrap_or(HeaderValue::from_static(""))
}

/// Steps 9 and 10: sees to it that teardown runs once, also for a request that is dropped on its way.
struct Life {
    application: Application,
    context: Context,
    scopes: Scopes,
    /// What teardown functions are told.
    unhandled: Option<Error>,
    ended: bool,
}

impl Life {
    fn new(application: Application, context: Context, scopes: Scopes) -> Self {
        Self { application, context, scopes, unhandled: Some(Error::cancelled()), ended: false }
    }

    /// Teardown before the response goes out, unless sync code of this request is still on a worker. It is a
    /// task of its own, so that a client that leaves now does not end it.
    async fn end(mut self, unhandled: Option<Error>) {
        self.unhandled = unhandled;
        if self.context.has_jobs() {
            return;
        }
        let (over, wait) = oneshot::channel::<()>();
        self.start(Some(over));
        // Fails when it is over, as nothing is sent.
        let _ = wait.await;
    }

    /// Starts teardown, once the request's sync code is done; `over` is dropped at its end.
    fn start(&mut self, over: Option<oneshot::Sender<()>>) {
        self.ended = true;
        if self.scopes.outermost_first().all(|scope| scope.teardown_request.is_empty()) {
            return;
        }
        let (scopes, context, error) = (self.scopes.clone(), self.context.clone(), self.unhandled.take());
        let task = self.application.tables().tasks.track_future(async move {
            context.jobs_done().await;
            teardown(&scopes, &context, error).await;
            drop(over);
        });
        self.context.app.bridge().spawn(Box::pin(task));
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        if !self.ended {
            self.start(None);
        }
    }
}

/// Step 9: the latest registered first; one that fails does not stop the others.
async fn teardown(scopes: &Scopes, context: &Context, error: Option<Error>) {
    let all = async {
        for hook in scopes.outermost_first().flat_map(|scope| &scope.teardown_request).rev() {
            if let Err(failed) = caught(async { hook.call(error.clone()).await }).await {
                tracing::error!("Exception in teardown_request on {}: {failed:?}", context.request.path());
            }
        }
    };
    context.scope(all).await;
}
