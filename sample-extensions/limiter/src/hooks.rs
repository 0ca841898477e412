//! The hooks of a limiter on an app: app-wide limits before the view, headers after it, and a check at start-up.

use costrel::{App, Application, Error, Instance, IntoResponse, Method, Request, Response, current_app, request};

use crate::check::Asked;
use crate::exempt::{Exempt, Notes};
use crate::state::State;

/// Registers the hooks that a limiter needs, and no others, because each costs every request.
pub(crate) fn register(app: &mut App, state: &State) {
    let (limiter, options) = (state.limiter, &state.options);
    let app_wide = options.of_kind(Exempt::APPLICATION).chain(options.of_kind(Exempt::DEFAULT)).count();
    if app_wide + options.blueprints.len() > 0 {
        app.before_request(move || before(limiter)).before_websocket(move || before(limiter));
        app.after_request(move |response| after(limiter, response));
    }
    if state.headers.is_any() {
        app.on_response(move |_: &Request, response: &mut Response| drop(tell(limiter, response)));
    }
    let exempt = options.exempt_blueprints.iter().map(|(name, _)| name);
    let blueprints: Vec<_> = options.blueprints.iter().map(|(name, _)| name).chain(exempt).cloned().collect();
    app.on_build(move |app| blueprints.iter().try_for_each(|name| check_blueprint(app, name)));
}

/// Checks that a blueprint with a limit or an exemption has views, because a wrong name would leave them without it.
fn check_blueprint(app: &Application, name: &str) -> Result<(), Error> {
    let is_within = |endpoint: &str| endpoint.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
    if app.rules().iter().any(|rule| is_within(&rule.endpoint)) {
        return Ok(());
    }
    let remedy = "write the whole name of one that is registered, such as `shop.admin`";
    Err(Error::setup(format!("no view is in a blueprint `{name}`, of which the limiter was told: {remedy}")))
}

/// Counts a request against the app-wide limits. If its view has a limit of its own, the innermost decorator does that, in one call
/// with the view's limits; Flask-Limiter counts against the application limits first.
async fn before(limiter: Instance) -> Result<Option<Response>, Error> {
    let (state, request) = (current_app().extension_of::<State>(limiter)?, request());
    if *request.method() == Method::OPTIONS
        && !state.options.settings.counts_options.unwrap_or(state.options.is_compat())
    {
        return Ok(None);
    }
    let ledger = state.ledger().with(state.options.of_kind(Exempt::APPLICATION).cloned());
    match (Notes::is_limited(limiter, request.marker()), state.options.is_compat()) {
        (true, false) => Ok(None),
        (true, true) => state.count(&request, &ledger, Asked::Waiting).await,
        (false, _) => state.count(&request, &ledger, Asked::View).await,
    }
}

/// Counts a request that has not reached the decorator on its view, because a decorator further out has answered it.
async fn after(limiter: Instance, response: Response) -> Result<Response, Error> {
    let state = current_app().extension_of::<State>(limiter)?;
    match state.count(&request(), &state.ledger(), Asked::Waiting).await {
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
    let (limits, now) = (state.ledger().counted(), state.options.clock.now());
    let limits: Vec<_> = limits.iter().map(|limit| (&limit.limit, limit.counted_at(now, state.strategy))).collect();
    state.headers.write(response.headers_mut(), &limits);
    Ok(())
}
