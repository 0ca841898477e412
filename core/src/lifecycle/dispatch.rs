//! The life of a request, from its first byte of context to its last teardown.
//!
//! 1. match the rule, enter the context, open the session; 2. `url_value_preprocessor`; 3. `before_request`; 4. the
//!    view, through its decorators; 5. an error handler if one is needed; 6. `after_this_request`; 7. `after_request`;
//!    8. save the session; 9. teardown, always and once; 10. leave the context.

use std::pin::pin;
use std::time::Instant;

use http::{Method, response};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::match_request::{MatchedRequest, Target};
use super::teardown::{HookChain, TeardownGuard};
use crate::context::{
    APPCONTEXT_PUSHED, Application, Context, GOT_REQUEST_EXCEPTION, REQUEST_FINISHED, REQUEST_STARTED,
};
use crate::error::{Error, ErrorKind, abort};
use crate::execution::{Callable, catch_panic, timeout};
use crate::hooks::ErrorHandlers;
use crate::http_types::{self, Body, Request, Response, debug_page, error_page, finish};
use crate::routing::UrlValues;
use crate::websocket::{Connection, WebSocket};

/// What the test client wants to know of a response and a client is not told.
#[derive(Clone)]
pub(crate) struct Inspection {
    pub(crate) context: Context,
    /// The error that nobody handled.
    pub(crate) unhandled: Option<Error>,
}

/// On a request: asks for [`Inspection`] on its response.
#[derive(Clone)]
pub(crate) struct InspectRequested;

impl Application {
    /// Handles one request: every request ends in a response.
    ///
    /// Dropping the future gives the request up: the view is dropped at its `.await`, teardown still runs.
    pub async fn call(&self, mut request: http::Request<Body>) -> Response {
        http_types::apply(self.handle().config().server.proxy_fix, &mut request);
        let matched = self.match_request(&request);
        if !matched.is_websocket() {
            return self.live_in_mode(self.enter_matched(request, matched, None)).await;
        }
        // Elsewhere, so that requests that are none need not make room for it.
        Box::pin(self.converse(request, matched)).await
    }

    async fn converse(&self, mut request: http::Request<Body>, matched: MatchedRequest) -> Response {
        let connection = match Connection::new(&mut request, self.handle().config().server.clone()) {
            Ok(connection) => connection,
            Err(error) => return error_page(&error),
        };
        let entered = self.enter_matched(request, matched, Some(connection.socket()));
        let application = self.clone();
        let life = Box::pin(async move { application.live_in_mode(entered).await });
        let (response, conversation) = connection.shake_hands(life, self.handle().stopping()).await;
        if let Some(conversation) = conversation {
            // It goes on when the handshake has been answered, and a server that stops waits for it.
            let conversation = self.handle().teardowns().track_future(conversation);
            self.handle().bridge().spawn(Box::pin(conversation));
        }
        response
    }

    /// A request's life here, on the event loop, or on a thread that it holds.
    async fn live_in_mode(&self, entered: (Visit, Target)) -> Response {
        let Some(threaded) = &self.tables().threaded else { return self.live(entered).await };
        let application = self.clone();
        // Given up, its thread is not done with it at once, and a server that stops waits for its teardown.
        let living = self.handle().teardowns().track_future(async move { application.live(entered).await });
        let answered = Box::pin(threaded.run(living)).await;
        answered.unwrap_or_else(|error| error_page(&error))
    }

    /// A request's life, from its context to its teardown.
    async fn live(&self, (visit, target): (Visit, Target)) -> Response {
        let began = Instant::now();
        let Visit { context, scopes, taken, method, inspected } = visit;
        // Where a request holds a thread, what it started and did not await ends with it.
        let stop = self.tables().threaded.as_ref().map(|_| CancellationToken::new());
        let context = match &stop {
            Some(stop) => context.with_stop_of_tasks(stop.clone()),
            None => context,
        };
        let _tasks_end = stop.map(CancellationToken::drop_guard);
        let life = TeardownGuard::new(context.clone(), Some(scopes.clone()));
        let span = span(&context);
        let answering = respond(&context, &scopes, taken, target).instrument(span.clone());
        let (mut response, unhandled) = context.scope(answering).await;
        span.in_scope(|| log(&context, &response, began));
        if inspected {
            let (context, unhandled) = (context.clone(), unhandled.clone());
            response.extensions_mut().insert(Inspection { context, unhandled });
        }
        response.body_mut().answers(|| context.what());
        life.end(unhandled).await;
        finish(&mut response, &method);
        response
    }

    /// Step 1, but for the session, which may have to be waited for.
    pub(crate) fn enter(&self, request: http::Request<Body>) -> (Visit, Target) {
        let matched = self.match_request(&request);
        self.enter_matched(request, matched, None)
    }

    fn enter_matched(
        &self,
        request: http::Request<Body>,
        matched: MatchedRequest,
        websocket: Option<WebSocket>,
    ) -> (Visit, Target) {
        let MatchedRequest { target, path, matched, taken, scopes } = matched;
        let (app, method) = (self.handle(), request.method().clone());
        // Only a test client asks; a response on its way to a socket carries nothing of the inside.
        let inspected = request.extensions().get::<InspectRequested>().is_some();
        let request = Request::new(request, path, matched, app.config().into());
        let context = Context::new(app.clone(), request, websocket);
        (Visit { context, scopes, taken, method, inspected }, target)
    }
}

/// A request that has entered its context.
pub(crate) struct Visit {
    pub(crate) context: Context,
    pub(crate) scopes: HookChain,
    pub(crate) taken: UrlValues,
    method: Method,
    inspected: bool,
}

/// Steps 1 to 8. Whatever goes wrong, there is a response; beside it the error that nobody handled.
async fn respond(context: &Context, scopes: &HookChain, taken: UrlValues, target: Target) -> (Response, Option<Error>) {
    let limit = context.app.config().server.request_timeout.filter(|_| !context.is_conversation());
    let answered = {
        // Dropped here: what a view that takes too long still holds, its handler may need.
        let answering = pin!(catch_panic(answer(context, scopes, taken, target)));
        timeout(limit, answering).await.unwrap_or_else(|| abort(504))
    };
    let answered = match answered {
        Ok(response) => Ok(response),
        Err(error) => Box::pin(catch_panic(handle_user_error(scopes, error))).await,
    };
    let hooks = scopes.outermost_first().flat_map(|scope| &context.hooks(scope).after);
    let mut hooks: AfterHooks = hooks.cloned().collect();
    let finished = match answered {
        Ok(response) => catch_panic(finalize(context, &mut hooks, response)).await,
        Err(error) => Err(error),
    };
    match finished {
        Ok(response) => (response, None),
        // The hooks that have not begun are still in `hooks`: each runs once, on whichever response there is.
        Err(error) => (Box::pin(handle_exception(context, scopes, &mut hooks, error.clone())).await, Some(error)),
    }
}

/// Steps 1 to 4: the first hook that answers, or the view.
async fn answer(context: &Context, scopes: &HookChain, taken: UrlValues, target: Target) -> Result<Response, Error> {
    let visit = context.visit()?;
    APPCONTEXT_PUSHED.emit(&context.app, || ()).await?;
    context.app.sessions().open(&visit.session, &visit.request).await?;
    REQUEST_STARTED.emit(&context.app, || visit.request.clone()).await?;
    if let Some(response) = preprocess(context, scopes, taken).await? {
        return Ok(response);
    }
    match target {
        Target::View(endpoint) => endpoint.view.call(visit.request.clone()).await,
        Target::Answer(answer) => answer,
    }
}

/// Steps 2 and 3: Flask's `preprocess_request`.
pub(crate) async fn preprocess(
    context: &Context,
    scopes: &HookChain,
    taken: UrlValues,
) -> Result<Option<Response>, Error> {
    for preprocessor in scopes.outermost_first().flat_map(|scope| &scope.url_value_preprocessors) {
        preprocessor.f.call(taken.clone()).await?;
    }
    for hook in scopes.outermost_first().flat_map(|scope| &context.hooks(scope).before) {
        if let Some(response) = hook.call(()).await? {
            return Ok(Some(response));
        }
    }
    Ok(None)
}

/// Step 5: the handler for `error`, or the default page of an HTTP error.
async fn handle_user_error(scopes: &HookChain, error: Error) -> Result<Response, Error> {
    match ErrorHandlers::find(&scopes.error_handlers(), &error) {
        Some(handler) => handler.call(error).await,
        None if matches!(error.kind(), ErrorKind::Status(_)) => Ok(error_page(&error)),
        None => Err(error),
    }
}

/// What nobody handled: it is logged, becomes a 500, and the hooks that have not run yet still do.
async fn handle_exception(context: &Context, scopes: &HookChain, hooks: &mut AfterHooks, error: Error) -> Response {
    tracing::error!("Exception on {}: {error:?}", context.what());
    GOT_REQUEST_EXCEPTION.emit_logged(&context.app, || error.clone()).await;
    let config = context.app.config();
    let handlers = scopes.error_handlers();
    let page = match ErrorHandlers::find_last(&handlers).filter(|_| !config.propagates()) {
        Some(handler) => catch_panic(async { handler.call(error.clone()).await }).await,
        None if config.debug => Ok(debug_page(&error, &context.what())),
        None => Ok(error_page(&error)),
    };
    let page = page.unwrap_or_else(|failed| {
        tracing::error!("Exception in an error handler: {failed:?}");
        error_page(&failed)
    });
    catch_panic(finalize(context, hooks, page)).await.unwrap_or_else(|failed| {
        tracing::error!("Exception while ending a failed request: {failed:?}");
        error_page(&failed)
    })
}

/// The `after_request` functions that have not begun, the next one last.
type AfterHooks = Vec<Callable<Response, Response>>;

/// Steps 6 to 8. A hook that has begun is out of `hooks`, so none runs twice.
async fn finalize(context: &Context, hooks: &mut AfterHooks, mut response: Response) -> Result<Response, Error> {
    hooks.extend(context.take_after_this_request().into_iter().rev());
    while let Some(hook) = hooks.pop() {
        response = hook.call(response).await?;
    }
    let (visit, app) = (context.visit()?, &context.app);
    let response = app.sessions().save(&visit.session, &visit.request, app.config(), response).await?;
    REQUEST_FINISHED.emit(&context.app, || parts(&response)).await?;
    Ok(response)
}

fn parts(response: &Response) -> response::Parts {
    let (mut parts, ()) = http::Response::new(()).into_parts();
    parts.status = response.status();
    parts.headers = response.headers().clone();
    parts
}

/// The span around all that a request does.
fn span(context: &Context) -> tracing::Span {
    let Ok(visit) = context.visit() else { return tracing::Span::none() };
    let (method, path, endpoint) = (visit.request.method(), visit.request.path(), visit.request.endpoint());
    tracing::info_span!("request", %method, path, endpoint)
}

fn log(context: &Context, response: &Response, began: Instant) {
    let Ok(visit) = context.visit() else { return };
    let (request, status) = (&visit.request, response.status().as_u16());
    // To the microsecond.
    let ms = (began.elapsed().as_secs_f64() * 1e6).round() / 1e3;
    tracing::info!(status, ms, "{} {} {status}", request.method(), request.full_path());
}
