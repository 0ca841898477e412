//! The life of a request, from its context to its teardown.
//!
//! 1. match the rule, enter the context, open the session; 2. `url_value_preprocessor`; 3. `before_request`; 4. the
//!    view, through its decorators; 5. an error handler if one is needed; 6. `after_this_request`; 7. `after_request`;
//!    8. save the session; 9. teardown, always and once; 10. leave the context.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Either};
use http::{Method, StatusCode, header, response};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::Instrument;

use super::inspect::{InspectRequested, Inspection, is_linted};
use super::match_request::{MatchedRequest, Target};
use super::request_log::{RequestLog, span};
use super::teardown::TeardownGuard;
use crate::context::{
    APPCONTEXT_PUSHED, ActiveRequest, AppHandle, Application, Context, Endpoint, GOT_REQUEST_EXCEPTION,
    REQUEST_FINISHED, REQUEST_STARTED,
};
use crate::error::Error;
use crate::execution::{
    Callable, Colour, Crossing, Recorder, StepKind, catch_panic, end_if_abandoned, on_worker, timeout,
};
use crate::hooks::{ErrorHandlers, HookChain};
use crate::http_types::{
    Body, IntoResponse, Peer, Request, Response, abort, apply_proxy_fix, debug_page, error_page, frame_for_wire,
    has_events, needs_host, no_host, redirect_with, settle_host, take_aborted,
};
use crate::routing::UrlValues;
use crate::session::Saving;
use crate::trace::trace_page;
use crate::websocket::WebSocket;

impl Application {
    /// Handles one request: every request ends in a response.
    ///
    /// Dropping the future cancels the request: the view is dropped at its `.await`, teardown still runs.
    pub fn call(&self, request: http::Request<Body>) -> impl Future<Output = Response> + Send + use<> {
        self.call_as(Peer::attached(&request), request, true)
    }

    /// Handles one request of a client of our own server, which frames the response itself.
    pub(crate) fn call_from_server(&self, peer: Peer, request: http::Request<Body>) -> Running {
        self.call_as(peer, request, false)
    }

    /// Matches a request after its proxies' headers are read. One of our own server must name its host, others need not.
    pub(super) fn match_received(
        &self,
        peer: &mut Peer,
        request: &mut http::Request<Body>,
        is_ours: bool,
    ) -> MatchedRequest {
        apply_proxy_fix(self.handle().config().server.proxy_fix, request, peer);
        match settle_host(request) {
            Ok(is_named) if is_ours && needs_host(request, is_named) => self.refused(no_host()),
            Ok(_) => self.match_request(request),
            Err(error) => self.refused(error),
        }
    }

    fn call_as(&self, mut peer: Peer, mut request: http::Request<Body>, states_length: bool) -> Running {
        let matched = self.match_received(&mut peer, &mut request, !states_length);
        #[cfg(feature = "websocket")]
        if matched.is_websocket() {
            return Either::Right(self.clone().call_websocket(peer, request, matched).boxed());
        }
        let entered = self.enter_matched(peer, request, matched, None);
        self.run_in_mode(EnteredRequest { states_length, ..entered })
    }

    /// Runs step 1 except opening the session, which may have to wait.
    pub(crate) fn enter(&self, request: http::Request<Body>) -> EnteredRequest {
        let (matched, peer) = (self.match_request(&request), Peer::attached(&request));
        self.enter_matched(peer, request, matched, None)
    }

    pub(super) fn enter_matched(
        &self,
        mut peer: Peer,
        mut request: http::Request<Body>,
        matched: MatchedRequest,
        websocket: Option<WebSocket>,
    ) -> EnteredRequest {
        let MatchedRequest { target, route, url_values, hooks, on_path } = matched;
        if let Target::ClaimedOptions(_, automatic) = &target {
            request.extensions_mut().insert(automatic.clone());
        }
        let (app, method) = (self.handle(), request.method().clone());
        let inspected = request.extensions().get::<InspectRequested>();
        let is_traced = inspected.is_some_and(|inspected| inspected.with_trace);
        // The lint reads the timeline too.
        let is_recorded = app.config().traces_to_keep() > 0 || is_linted(app, inspected.is_some());
        let recorder = (is_traced || (is_recorded && !matches!(target, Target::Traces(_))))
            .then(|| Recorder::start(format!("{method} {}", request.uri())));
        let is_inspected = inspected.is_some();
        peer.root = peer.root.or_else(|| app.script_root().cloned());
        let request = Request::new(request, peer, route, app.config().into());
        let view = if let Target::View(view) | Target::ClaimedOptions(view, _) = &target {
            Some(view)
        } else {
            on_path.as_ref()
        };
        let early = view.map(|view| &view.opens_session_early);
        let session = app.sessions().new_session(&request, app.config(), early);
        let active = ActiveRequest { request, session, websocket };
        let context = Context::new(app.clone(), active.clone(), recorder);
        EnteredRequest {
            context,
            active,
            hooks,
            url_values,
            target,
            on_path,
            method,
            states_length: true,
            is_inspected,
        }
    }

    /// Runs the request on the event loop and workers, or on a thread that it holds.
    pub(super) fn run_in_mode(&self, entered: EnteredRequest) -> Running {
        let context = entered.context.clone();
        match &self.tables().thread_per_request {
            None => Either::Left(context.crossing(lost, run_request(entered))),
            Some(_) => Either::Right(self.clone().hold_thread(entered).boxed()),
        }
    }

    async fn hold_thread(self, entered: EnteredRequest) -> Response {
        let Some(threads) = &self.tables().thread_per_request else { return run_request(entered).await };
        let leaving = entered.has_response_hooks().then(|| entered.clone());
        let log = RequestLog::begin(&entered.active, &span(&entered.active.request));
        // Read before a thread is taken, so that a slow client holds none, and no place in the queue either.
        if entered.may_read_body() && !entered.active.is_conversation() {
            entered.context.clone().run(entered.active.request.prefetch_body()).await;
        }
        let permit = match threads.admit() {
            Ok(permit) => permit,
            Err(error) => return leave(leaving, log.refused(&error)),
        };
        // A cancelled request may still occupy its thread; tracked, so that shutdown waits for its teardown.
        let running = self.handle().run_state().teardowns().track_future(async move {
            log.hand_over();
            let (entered, _stop_tasks) = entered.stopping_tasks_at_its_end();
            let context = entered.context.clone();
            context.run(run_request(entered)).await
        });
        let answered = threads.run(permit, running).await;
        answered.unwrap_or_else(|error| leave(leaving, error_page(&error)))
    }
}

/// Shows a response that was made outside of the request's own steps to the functions that see every response.
pub(super) fn leave(entered: Option<EnteredRequest>, mut response: Response) -> Response {
    if let Some(entered) = entered {
        entered.context.run_sync(|| entered.call_response_hooks(&mut response));
    }
    response
}

/// The response to a request that the app's bridge has lost.
fn lost(error: Error) -> Response {
    tracing::error!("a request was lost: {error:?}");
    error_page(&error)
}

/// A request that is handled: as a `Crossing`, or another boxed future.
pub(crate) type Running = Either<Crossing<Response>, BoxFuture<'static, Response>>;

/// A request that has entered its context, on its way from step to step.
#[derive(Clone)]
pub(crate) struct EnteredRequest {
    pub(crate) context: Context,
    pub(super) active: ActiveRequest,
    pub(crate) hooks: HookChain,
    /// The values that the functions of `url_value_preprocessor` get.
    url_values: UrlValues,
    pub(super) target: Target,
    /// An endpoint of the request's path, if the target is none.
    pub(super) on_path: Option<Arc<Endpoint>>,
    pub(super) method: Method,
    /// Whether the response gets a `Content-Length`.
    states_length: bool,
    pub(super) is_inspected: bool,
}

impl EnteredRequest {
    /// Returns the request with a guard that cancels its tasks when dropped. A request that holds a thread ends the
    /// tasks that it started and did not await.
    fn stopping_tasks_at_its_end(self) -> (Self, DropGuard) {
        let stop = CancellationToken::new();
        let context = self.context.with_stop_of_tasks(stop.clone());
        (Self { context, ..self }, stop.drop_guard())
    }

    /// Whether code of the app may read the body: a view, or a hook before whatever the target is.
    fn may_read_body(&self) -> bool {
        let mut sets = self.hooks.outermost_first();
        matches!(self.target, Target::View(_)) || sets.any(|set| !self.context.hooks(set).before.is_empty())
    }

    /// Whether a sync view may follow other sync code. They run on one worker, which must not wait for a slow client, so
    /// that the body has to be read before.
    fn may_cross_before_its_view(&self) -> bool {
        let (Target::View(endpoint) | Target::ClaimedOptions(endpoint, _)) = &self.target else { return false };
        let parts = self.context.app().parts();
        let has_other_code = || {
            let mut sets = self.hooks.outermost_first();
            !parts.subscribers.is_empty()
                || parts.sessions.may_run_sync_code()
                || sets.any(|set| {
                    let before = &self.context.hooks(set).before;
                    let sync_hook = before.iter().any(|hook| hook.colour() == Colour::Sync);
                    sync_hook || set.url_value_preprocessors.iter().any(|taker| taker.f.colour() == Colour::Sync)
                })
        };
        endpoint.view.colour() == Colour::Sync && !on_worker() && has_other_code()
    }

    /// The `after_request` functions of all the request's hook sets.
    fn after_hooks(&self) -> AfterHooks {
        self.hooks.outermost_first().flat_map(|set| &self.context.hooks(set).after).cloned().collect()
    }
}

/// Runs steps 1 to 10 in the request's context: its life, to its teardown.
#[allow(clippy::manual_async_fn, reason = "its future would have room for `entered` twice")]
fn run_request(entered: EnteredRequest) -> impl Future<Output = Response> + Send {
    async move {
        let teardown = TeardownGuard::new(entered.context.clone(), Some(entered.hooks.clone()));
        let span = span(&entered.active.request);
        let log = RequestLog::begin(&entered.active, &span);
        let mut response = Response::default();
        let unhandled = respond(&entered, &mut response).instrument(span.clone()).await;
        entered.call_response_hooks(&mut response);
        log.answered(&response);
        if entered.is_inspected {
            Inspection::attach(&mut response, &entered.context, unhandled.as_ref());
        }
        if response.body().is_stream() {
            follow_stream(&entered, &mut response);
        }
        teardown.finish(unhandled).await;
        if let Some(recorder) = entered.context.recorder() {
            entered.finish_record(recorder, &response);
        }
        frame_for_wire(&mut response, &entered.method, entered.states_length);
        response
    }
}

/// Names a streamed body for the log, and ends one that has no end of its own when the server shuts down.
fn follow_stream(entered: &EnteredRequest, response: &mut Response) {
    response.body_mut().set_log_label(entered.active.describe());
    let has_length = response.body().length().is_some();
    if !has_length && (has_events(response.headers()) || response.body().is_until_shutdown()) {
        let stopping = entered.context.app().run_state().stopping();
        response.body_mut().end_at(stopping.cancelled_owned());
    }
}

/// Runs steps 1 to 8. There is always a response; returned is the error that had no handler, if there was one.
///
/// The response stays in its place from step to step, because moving it costs more than most steps do.
async fn respond(entered: &EnteredRequest, response: &mut Response) -> Option<Error> {
    let mut hooks = AfterHooks::new();
    let error = match catch_panic(answer_and_finalize(entered, &mut hooks, response)).await {
        Ok(()) => return None,
        Err(error) => error,
    };
    // `hooks` still has the hooks that have not begun, so each runs once, on this response or on the failed one.
    *response = Box::pin(handle_exception(entered, &mut hooks, &error)).await;
    Some(error)
}

/// Runs steps 1 to 8, up to the first error that has no handler.
async fn answer_and_finalize(
    entered: &EnteredRequest,
    hooks: &mut AfterHooks,
    response: &mut Response,
) -> Result<(), Error> {
    let answered = answer_in_time(entered, response).await;
    // Code that looked at a session which could not be opened has answered as if it were empty.
    let answered = entered.active.session.check_opened().and(answered);
    if answered.is_err() {
        end_if_abandoned(entered.context.app().config().threads.is_some()).await;
    }
    *hooks = entered.after_hooks();
    if let Err(error) = answered {
        *response = Box::pin(handle_user_error(entered, error)).await?;
    }
    finalize(entered, hooks, response).await
}

/// Runs steps 1 to 4, within `request_timeout`.
async fn answer_in_time(entered: &EnteredRequest, response: &mut Response) -> Result<(), Error> {
    let limit = entered.context.app().config().server.request_timeout;
    if limit.is_none() || entered.active.is_conversation() {
        return catch_panic(answer(entered, response)).await;
    }
    let (context, entered) = (entered.context.clone(), entered.clone());
    // A `Crossing` of its own, which can be dropped while a worker runs its sync code. Dropped here, so that a view that
    // times out, and all it holds, is gone before the error handler runs.
    let answering = context.crossing_steps(Err, async move {
        let mut response = Response::default();
        catch_panic(answer(&entered, &mut response)).await.map(|()| response)
    });
    *response = timeout(limit, answering).await.unwrap_or_else(|| abort(504))?;
    Ok(())
}

/// Runs steps 1 to 4: the first hook that answers, or else the view.
async fn answer(entered: &EnteredRequest, response: &mut Response) -> Result<(), Error> {
    let (app, ActiveRequest { request, session, .. }) = (entered.context.app(), &entered.active);
    if entered.may_cross_before_its_view() {
        request.prefetch_body().await;
    }
    APPCONTEXT_PUSHED.emit(app, || ()).await?;
    if let Some(opening) = app.sessions().open(session, request) {
        session.fill(opening.recorded_as(StepKind::OpenSession).await?);
    }
    REQUEST_STARTED.emit(app, || request.clone()).await?;
    if let Some(early) = preprocess(entered).await? {
        *response = early;
        return Ok(());
    }
    *response = match &entered.target {
        Target::View(endpoint) => endpoint.view.call(request.clone()).await,
        Target::ClaimedOptions(endpoint, automatic) => match &endpoint.options {
            Some(claiming) => claiming.call(request.clone()).await,
            None => automatic.answer(),
        },
        Target::Options(automatic) => automatic.answer(),
        Target::Redirect(path) => {
            redirect_with(&format!("{}{path}", request.script_root()), StatusCode::PERMANENT_REDIRECT)
        }
        Target::Refusal(error) => Err(error.clone()),
        Target::Traces(number) => show_traces(app, *number),
    }?;
    Ok(())
}

/// Answers with the page of debug mode that shows the last requests, or one of them.
fn show_traces(app: &AppHandle, number: Option<u64>) -> Result<Response, Error> {
    let page = trace_page(&app.run_state().traces(), number).ok_or_else(|| Error::status(404))?;
    (page, [(header::CONTENT_TYPE, "text/html; charset=utf-8")]).into_response()
}

/// Runs steps 2 and 3: Flask's `preprocess_request`.
pub(crate) async fn preprocess(entered: &EnteredRequest) -> Result<Option<Response>, Error> {
    for preprocessor in entered.hooks.outermost_first().flat_map(|set| &set.url_value_preprocessors) {
        preprocessor.f.call_as(StepKind::UrlValuePreprocessor, entered.url_values.clone()).await?;
    }
    for hook in entered.hooks.outermost_first().flat_map(|set| &entered.context.hooks(set).before) {
        if let Some(response) = hook.call_as(StepKind::BeforeRequest, ()).await? {
            return Ok(Some(response));
        }
    }
    Ok(None)
}

/// Runs step 5: the handler for `error`, or the default page of an HTTP error.
async fn handle_user_error(entered: &EnteredRequest, error: Error) -> Result<Response, Error> {
    if let Some(response) = take_aborted(&error) {
        return Ok(response);
    }
    match ErrorHandlers::find(&entered.hooks.error_handlers(), &error) {
        Some(handler) => handler.call_as(StepKind::ErrorHandler, error).await,
        None if error.http_status().is_some() => Ok(error_page(&error)),
        None => Err(error),
    }
}

/// The `after_request` functions that have not begun, the next one last.
type AfterHooks = Vec<Callable<Response, Response>>;

/// Runs steps 6 to 8. A hook is removed from `hooks` before it begins, so none runs twice.
async fn finalize(entered: &EnteredRequest, hooks: &mut AfterHooks, response: &mut Response) -> Result<(), Error> {
    let add_registered = |hooks: &mut AfterHooks| {
        let registered = entered.context.take_after_this_request(hooks.is_empty());
        hooks.extend(registered.into_iter().rev());
    };
    add_registered(hooks);
    while let Some(hook) = hooks.pop() {
        *response = hook.call_as(StepKind::AfterRequest, std::mem::take(response)).await?;
        // A hook may register functions too.
        add_registered(hooks);
    }
    // A hook may be the first to look at the session.
    entered.active.session.check_opened()?;
    let app = entered.context.app();
    let saving = if entered.active.is_accepted() { Saving::End } else { Saving::Response };
    if let Some(saving) = app.sessions().save(&entered.active.session, app.config(), response, saving)? {
        *response = saving.recorded_as(StepKind::SaveSession).await?;
    }
    REQUEST_FINISHED.emit(app, || parts(response)).await
}

/// Answers an error that has no handler: it is logged, becomes a 500, and the hooks that have not run yet still do.
async fn handle_exception(entered: &EnteredRequest, hooks: &mut AfterHooks, error: &Error) -> Response {
    let (app, description) = (entered.context.app(), entered.active.describe());
    entered.context.reopen_response();
    tracing::error!("Exception on {description}: {error:?}");
    GOT_REQUEST_EXCEPTION.emit_logged(app, || error.clone()).await;
    let error = error.unhandled();
    let handlers = entered.hooks.error_handlers();
    let page = match ErrorHandlers::find_last(&handlers).filter(|_| !app.config().propagates()) {
        Some(handler) => catch_panic(async { handler.call_as(StepKind::ErrorHandler, error.clone()).await }).await,
        None if app.config().debug => Ok(debug_page(&error, &description)),
        None => Ok(error_page(&error)),
    };
    let mut page = page.unwrap_or_else(|failed| {
        tracing::error!("Exception in an error handler: {failed:?}");
        error_page(&failed.unhandled())
    });
    // The hooks consume the page, and one that fails does not give it back.
    let kept = copy_of(&page);
    if let Err(failed) = catch_panic(finalize(entered, hooks, &mut page)).await {
        tracing::error!("Exception while ending a failed request: {failed:?}");
        page = kept.unwrap_or_else(|| error_page(&failed.unhandled()));
    }
    page
}

/// Returns a copy of a response; `None` if its body is a stream.
fn copy_of(response: &Response) -> Option<Response> {
    let mut copy = Response::new(response.body().as_bytes()?.clone().into());
    *copy.status_mut() = response.status();
    *copy.headers_mut() = response.headers().clone();
    Some(copy)
}

fn parts(response: &Response) -> response::Parts {
    let (mut parts, ()) = http::Response::new(()).into_parts();
    parts.status = response.status();
    parts.headers = response.headers().clone();
    parts
}

#[cfg(test)]
mod tests;
