//! The session at both ends of a request: opened when it begins, saved when it is over.

use std::time::SystemTime;

use http::header::{self, HeaderValue};
use serde_json::Value;

use crate::config::Config;
use crate::context::Visit;
use crate::cookies::set_cookie;
use crate::current_app::CurrentApp;
use crate::error::Error;
use crate::request::Request;
use crate::response::Response;
use crate::session_interface::session_cookie;

/// Fills the session, if the app keeps its sessions itself; a cookie is only read when somebody looks.
pub(crate) async fn open_session(app: &CurrentApp, visit: &Visit) -> Result<(), Error> {
    if let Some(interface) = app.session_interface() {
        visit.session.fill(interface.open_session(visit.request.clone()).await?);
    }
    Ok(())
}

/// Keeps the session and tells the client.
pub(crate) async fn save_session(app: &CurrentApp, visit: &Visit, mut response: Response) -> Result<Response, Error> {
    match app.session_interface() {
        // What could not be opened must not take the place of what is kept.
        Some(_) if !visit.session.can_be_saved() => Ok(response),
        Some(interface) => interface.save_session(visit.session.clone(), response).await,
        None => save_in_cookie(app, visit, &mut response).map(|()| response),
    }
}

/// Saves the session of a request in its cookie, and says `Vary: Cookie` where the answer depends on it.
fn save_in_cookie(app: &CurrentApp, visit: &Visit, response: &mut Response) -> Result<(), Error> {
    let (session, config) = (&visit.session, app.config());
    let Some(signer) = app.signer() else { return Ok(()) };
    let (accessed, modified) = (session.accesses() > 0, session.is_modified());
    // Nobody looked: neither cookie nor `Vary`, so that caches may share the answer.
    if !accessed && !may_need_refresh(config, &visit.request) {
        return Ok(());
    }
    let data = session.data();
    let permanent = data.get("_permanent").and_then(Value::as_bool).unwrap_or(false);
    let refresh = permanent && config.session_refresh_each_request;
    // Emptied: the cookie goes, also one that was never good.
    if modified && data.is_empty() {
        set_cookie(response, session_cookie(config, "", false))?;
    } else if modified || refresh {
        set_cookie(response, session_cookie(config, &signer.sign(&data, SystemTime::now())?, permanent))?;
    }
    if accessed || refresh {
        add_vary_cookie(response);
    }
    Ok(())
}

/// Only a session that came with the request can be one to refresh.
fn may_need_refresh(config: &Config, request: &Request) -> bool {
    config.session_refresh_each_request && request.cookie(&config.session_cookie_name).is_some()
}

fn add_vary_cookie(response: &mut Response) {
    let varies = |value: &HeaderValue| {
        value.to_str().is_ok_and(|names| names.split(',').any(|name| name.trim().eq_ignore_ascii_case("cookie")))
    };
    if !response.headers().get_all(header::VARY).iter().any(varies) {
        response.headers_mut().append(header::VARY, HeaderValue::from_static("Cookie"));
    }
}
