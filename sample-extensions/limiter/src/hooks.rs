//! The hooks of a limiter on an app: app-wide limits before the view, headers after it.

use costrel::{App, Error, Instance, IntoResponse, Method, Request, Response, current_app, request};

use crate::exempt::{Note, Notes};
use crate::ledger::Ledger;
use crate::request_limit::RequestLimit;
use crate::state::State;

/// Registers the hooks that a limiter needs, and no others, because each costs every request.
pub(crate) fn register(app: &mut App, state: &State) {
    let limiter = state.limiter;
    if state.options.limits_every_view() {
        app.before_request(move || before(limiter)).before_websocket(move || before(limiter));
        app.after_request(move |response| after(limiter, response));
    }
    if state.headers.is_any() {
        app.on_response(move |_: &Request, response: &mut Response| drop(tell(limiter, response)));
    }
}

/// Counts a request against the app-wide limits. If its view has a limit of its own, the innermost decorator does that, in one call
/// with the view's limits; Flask-Limiter counts against the application limits first.
async fn before(limiter: Instance) -> Result<(), Error> {
    let (state, request) = (current_app().extension_of::<State>(limiter)?, request());
    let is_counted = *request.method() != Method::OPTIONS || state.counts_options();
    if !is_counted || state.passes_by(&request).await? {
        return Ok(());
    }
    let application = state.application_limits(&request);
    let is_limited = Notes::of(limiter, request.marker()).any(|note| note == Note::Limited);
    if is_limited && !state.options.is_compat {
        Ledger::of(limiter).let_wait(application);
        return Ok(());
    }
    let due = if is_limited { application } else { state.view_limits(&request, application).await? };
    state.check(&request, due, None).await
}

/// Counts a request that has not reached the decorator on its view, because a decorator further out has answered it.
async fn after(limiter: Instance, response: Response) -> Result<Response, Error> {
    let waiting = Ledger::of(limiter).take_waiting();
    if waiting.is_empty() {
        return Ok(response);
    }
    match current_app().extension_of::<State>(limiter)?.count(&request(), waiting, None).await {
        Ok(answer) => Ok(answer.unwrap_or(response)),
        // A page, because an error would be a 500 here.
        Err(error) if error.status_code() == 429 => {
            let mut page = (error.message().to_owned(), 429).into_response()?;
            page.headers_mut().extend(error.headers().clone());
            Ok(page)
        }
        Err(error) => Err(error),
    }
}

/// Writes the headers from what the store said when the request was counted.
fn tell(limiter: Instance, response: &mut Response) -> Result<(), Error> {
    let state = current_app().extension_of::<State>(limiter)?;
    let now = state.options.clock.now();
    let at_now = |limit: RequestLimit| limit.at(now, state.strategy);
    if let (Some(current), all) = Ledger::of(limiter).shown() {
        let all: Vec<_> = all.into_iter().map(at_now).collect();
        state.headers.write(response, &at_now(current), &all);
    }
    Ok(())
}
