//! The answers to clients that are not let in: to sign in, or to give the password once more.

use costrel::{Error, Response, Waiting, abort, flash, redirect, request, session, url_for};

use crate::next_url::{login_url, next_param, with_host};
use crate::options::{Login, Refusal};
use crate::protection::identifier;
use crate::signals::{USER_NEEDS_REFRESH, USER_UNAUTHORIZED};
use crate::visit::{ID, NEXT};

/// Answers a client that is not signed in, as `login_required` does: with the app's handler, a redirect to the login view,
/// or a 401. For decorators of your own.
///
/// # Errors
/// 401 without a handler and a login view; the errors of the handler and of the subscribers of [`USER_UNAUTHORIZED`].
pub fn unauthorized() -> Waiting<Response> {
    Waiting::new(async {
        let login = Login::current()?;
        USER_UNAUTHORIZED.send(()).await?;
        let request = request();
        let own = request.blueprint().and_then(|blueprint| login.blueprint_views.get(blueprint));
        let view = own.unwrap_or(&login.unauthorized.view);
        refuse(&login, &login.unauthorized, view.as_deref(), "Please log in to access this page.").await
    })
}

/// Answers a client whose login is not fresh, as `fresh_login_required` does: with the app's handler, a redirect to the
/// refresh view, or a 401.
///
/// # Errors
/// 401 without a handler and a refresh view; the errors of the handler and of the subscribers of [`USER_NEEDS_REFRESH`].
pub fn needs_refresh() -> Waiting<Response> {
    Waiting::new(async {
        let login = Login::current()?;
        USER_NEEDS_REFRESH.send(()).await?;
        let (refusal, view) = (&login.needs_refresh, login.needs_refresh.view.as_deref());
        refuse(&login, refusal, view, "Please reauthenticate to access this page.").await
    })
}

async fn refuse(login: &Login, refusal: &Refusal, view: Option<&str>, message: &str) -> Result<Response, Error> {
    if let Some(handler) = &refusal.handler {
        return handler.call(()).await;
    }
    let Some(view) = view else { return abort(401) };
    let (message, category) = refusal.message.clone().unwrap_or_else(|| (message.into(), "message".into()));
    if !message.is_empty() {
        let message = match &login.localize {
            Some(translate) => translate.call(message).await?,
            None => message,
        };
        flash(message, &category).await?;
    }
    redirect(&login_page(login, &url_of(view)?)?)
}

/// The URL of a view: of an endpoint by its name; a path or a whole URL is used as it is.
fn url_of(view: &str) -> Result<String, Error> {
    if is_url(view) { Ok(view.to_owned()) } else { url_for(view).build() }
}

pub(crate) fn is_url(view: &str) -> bool {
    ["/", "http://", "https://"].iter().any(|start| view.starts_with(start))
}

/// The URL of the page at `page`, with the way back in its query or in the session.
fn login_page(login: &Login, page: &str) -> Result<String, Error> {
    let (settings, next) = (login.settings(), next_param(page, &request().url()));
    if settings.use_session_for_next {
        session().set(ID, identifier(login.mode))?;
        session().set(NEXT, next)?;
        return Ok(page.to_owned());
    }
    let url = login_url(page, &next);
    Ok(match &settings.force_host_for_redirects {
        Some(host) => with_host(&url, host),
        None => url,
    })
}
