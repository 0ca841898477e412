//! A request on its way to the old app, and its response on its way back.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use costrel::http::header::{self, HeaderMap, HeaderValue};
use costrel::{Body, Error, Request, Response, StatusCode};
use hyper::body::Incoming;

use crate::body::Download;
use crate::error::LegacyError;
use crate::front::Front;
use crate::hop_by_hop;
use crate::old_app::OldApp;
use crate::outgoing::{asks_for_websocket, rewrite, set_forwarded};
use crate::seam::{OwnNames, adapt, note_cookies, set_each_cookie_once};
use crate::tunnel::{ClientSide, Tunnel};

/// The number of apps of this kind that a request may have passed. More are a loop of several processes.
const MOST_HOPS: usize = 8;

/// The beginning of the name by which each of these apps knows itself in `Via`.
const PSEUDONYM: &str = "costrel-";

/// The way from the front to the old app and back.
#[derive(Debug)]
pub(crate) struct Proxy {
    old_app: OldApp,
    host: Option<HeaderValue>,
    sets_forwarded: bool,
    idle_timeout: Duration,
    /// The front's entry in `Via`; RFC 9110, 7.6.3.
    via: HeaderValue,
    pseudonym: String,
}

impl Proxy {
    pub(crate) fn new(
        old_app: OldApp,
        host: Option<HeaderValue>,
        sets_forwarded: bool,
        idle_timeout: Duration,
    ) -> Self {
        let pseudonym = format!("{PSEUDONYM}{:016x}", RandomState::new().hash_one(0));
        let via = HeaderValue::try_from(format!("1.1 {pseudonym}")).unwrap_or(HeaderValue::from_static("1.1 costrel"));
        Self { old_app, host, sets_forwarded, idle_timeout, via, pseudonym }
    }

    /// Whether the request has been here before.
    fn is_loop(&self, headers: &HeaderMap) -> bool {
        let passed: Vec<_> = headers.get_all(header::VIA).iter().filter_map(|value| value.to_str().ok()).collect();
        passed.iter().any(|via| via.contains(&self.pseudonym))
            || passed.iter().map(|via| via.matches(PSEUDONYM).count()).sum::<usize>() >= MOST_HOPS
    }

    /// Returns the response as the client gets it, but for its cookies that the front sets too.
    fn answer(&self, response: costrel::http::Response<Incoming>, own: &OwnNames<'_>, front: &Front) -> Response {
        let (mut head, body) = response.into_parts();
        hop_by_hop::remove(&mut head.headers);
        adapt(&mut head.headers, own, front);
        head.extensions.clear();
        let is_events = head.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(EVENTS));
        let limit = (!is_events).then_some(self.idle_timeout);
        let mut response = Response::from_parts(head, Body::new(Download::new(body, limit)));
        note_cookies(&mut response);
        response
    }
}

/// The content type of server-sent events, which may be silent for as long as they like.
const EVENTS: &[u8] = b"text/event-stream";

/// Sends a request to the old app.
///
/// # Errors
/// Those of a [`LegacyError`], and those of the request's body.
pub(crate) async fn forward(proxy: Arc<Proxy>, request: Request) -> Result<Response, Error> {
    let front = Front::of(&request);
    let mut outgoing = request.to_http().await?;
    if proxy.is_loop(outgoing.headers()) {
        return Err(LegacyError::Loop.refusal());
    }
    let client = asks_for_websocket(&outgoing).then(|| ClientSide::of(&mut outgoing)).transpose()?;
    let authority = proxy.old_app.address.authority();
    rewrite(&mut outgoing, &authority, proxy.host.as_ref(), client.is_some())?;
    let headers = outgoing.headers_mut();
    headers.append(header::VIA, proxy.via.clone());
    if proxy.sets_forwarded {
        set_forwarded(headers, &front);
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
    let response = proxy.old_app.send(outgoing).await?;
    let own = OwnNames([authority.as_str(), &host]);
    match (response.status(), client) {
        (StatusCode::SWITCHING_PROTOCOLS, Some(client)) => Ok(switch_protocols(client, response, &own, &front)),
        (StatusCode::SWITCHING_PROTOCOLS, None) => Err(LegacyError::Unreadable.refusal()),
        _ => Ok(proxy.answer(response, &own, &front)),
    }
}

/// Returns the 101, after which the client talks with the old app.
fn switch_protocols(
    client: ClientSide,
    response: costrel::http::Response<Incoming>,
    own: &OwnNames<'_>,
    front: &Front,
) -> Response {
    let mut headers = response.headers().clone();
    hop_by_hop::remove(&mut headers);
    adapt(&mut headers, own, front);
    hop_by_hop::set_upgrade(&mut headers);
    let mut agreed = Response::new(Body::empty());
    *agreed.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *agreed.headers_mut() = headers;
    note_cookies(&mut agreed);
    agreed.extensions_mut().insert(Tunnel::new(client, response));
    agreed
}

/// Sees the response of the old app when it leaves the front, after hooks and decorators have changed it.
pub(crate) fn leave(request: &Request, response: &mut Response) {
    set_each_cookie_once(request, response);
    Tunnel::open(response);
}
