//! The interface through which an app keeps its sessions elsewhere, and the attributes of the session's cookie.

use std::time::Duration;

use cookie::{Cookie, Expiration};
use serde_json::{Map, Value};

use super::Session;
use crate::config::Config;
use crate::error::Error;
use crate::execution::Waiting;
use crate::http_types::{Request, Response, epoch, set_cookie};

/// A place other than Costrel's cookie where an app keeps its sessions; set with
/// [`App::set_session_interface`](crate::App::set_session_interface).
///
/// Both functions return a [`Waiting`]: make it from a future with [`Waiting::new`], or from sync code that may block
/// with [`Waiting::from_sync`].
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use costrel::{App, Error, Request, Response, Session, SessionInterface, Waiting, session};
/// use serde_json::{Map, Value};
///
/// /// One session for all clients.
/// #[derive(Clone, Default)]
/// struct Shared(Arc<Mutex<Map<String, Value>>>);
///
/// impl SessionInterface for Shared {
///     fn open_session(&self, _request: Request) -> Waiting<Map<String, Value>> {
///         let shared = self.clone();
///         Waiting::new(async move { Ok(shared.0.lock().map_err(|_| Error::status(500))?.clone()) })
///     }
///
///     fn save_session(&self, session: Session, response: Response) -> Waiting<Response> {
///         let shared = self.clone();
///         Waiting::from_sync(move || {
///             *shared.0.lock().map_err(|_| Error::status(500))? = session.data();
///             Ok(response)
///         })
///     }
/// }
///
/// let mut app = App::new("docs");
/// app.set_session_interface(Shared::default());
/// app.route("/set", || session().set("n", 1).map(|()| "set"));
/// app.route("/get", || session().get("n").unwrap_or(0).to_string());
/// let application = app.build()?;
/// application.test_client().get("/set").wait()?;
/// assert_eq!(application.test_client().get("/get").wait()?.text(), "1");
/// # Ok::<(), Error>(())
/// ```
///
/// Book: [Sessions, cookies and messages](../costrel_book/sessions/index.html).
#[doc(alias = "session_interface")]
pub trait SessionInterface: Send + Sync + 'static {
    /// Returns the data kept for the client of this request; an empty map if there is none. What an interface needs to save the
    /// session, such as its id, it keeps in a [`Session::note`] of [`session()`](crate::session), which has no data yet.
    fn open_session(&self, request: Request) -> Waiting<Map<String, Value>>;

    /// Keeps [`Session::data`] if it [`is_modified`](Session::is_modified), and returns the response with what
    /// identifies the client next time; [`session_cookie`] makes a cookie for that.
    fn save_session(&self, session: Session, response: Response) -> Waiting<Response>;

    /// Whether [`open_session`](Self::open_session) is called when code of the request looks at the session first, so that a
    /// request that does not costs nothing. Then a session that cannot be opened fails the requests that look at it. Default:
    /// no, it is called when the request begins.
    fn opens_when_looked_at(&self) -> bool {
        false
    }

    /// Whether a session that was changed after the response has left can still be saved, because its data is not in the
    /// response. Then a WebSocket's session can be changed after the handshake, and any other in its streamed body:
    /// `save_session` is called with the response, and once more when conversation or body are over, with one that no client
    /// gets. Default: no, and such a change is an error.
    fn saves_without_response(&self) -> bool {
        false
    }

    /// Whether the client has what identifies `session` next time, or gets it with the response that is about to leave. If it does
    /// not, a change after the response would be lost, and is an error. Asked only of an interface that
    /// [`saves_without_response`](Self::saves_without_response). Default: yes.
    fn is_known_to_client(&self, session: &Session) -> bool {
        let _ = session;
        true
    }
}

/// Whether a change of `session` after the response has left reaches the client.
pub(super) fn saves_late(interface: &dyn SessionInterface, session: &Session) -> bool {
    interface.saves_without_response() && interface.is_known_to_client(session)
}

/// Checks the settings of the session cookie, because one that cannot be set would fail each response that sets it.
pub(crate) fn check_session_cookie(config: &Config) -> Result<(), Error> {
    let refused = |error| {
        Error::setup(format!(
            "the session cookie cannot be set, by `config.session_cookie_name`, `_domain` or `_path`: {error}"
        ))
    };
    set_cookie(&mut Response::default(), session_cookie(config, "", false)).map_err(refused)
}

/// Makes a cookie with the name and attributes that the app's settings give to session cookies; with an empty value
/// it deletes the client's. [`set_cookie`](crate::set_cookie) puts it on a response.
///
/// ```
/// let app = costrel::App::new("docs").build()?;
/// let cookie = costrel::session_cookie(app.handle().config(), "id", false);
/// assert_eq!(cookie.to_string(), "session=id; HttpOnly; Path=/");
/// # Ok::<(), costrel::Error>(())
/// ```
pub fn session_cookie(config: &Config, value: &str, permanent: bool) -> Cookie<'static> {
    let mut cookie = Cookie::new(config.session_cookie_name.clone(), value.to_owned());
    cookie.set_http_only(config.session_cookie_httponly);
    cookie.set_path(config.session_cookie_path.clone().unwrap_or_else(|| config.application_root.clone()));
    cookie.set_secure(config.session_cookie_secure.then_some(true));
    cookie.set_partitioned(config.session_cookie_partitioned.then_some(true));
    cookie.set_same_site(config.session_cookie_samesite.map(Into::into));
    if let Some(domain) = config.session_cookie_domain.as_ref().filter(|domain| !domain.is_empty()) {
        cookie.set_domain(domain.clone());
    }
    if value.is_empty() {
        cookie.set_max_age(cookie::time::Duration::ZERO);
        cookie.set_expires(epoch());
    } else if permanent {
        cookie.set_expires(expiration(config.permanent_session_lifetime));
    }
    cookie
}

fn expiration(lifetime: Duration) -> Expiration {
    cookie::time::OffsetDateTime::now_utc()
        .checked_add(lifetime.try_into().unwrap_or(cookie::time::Duration::MAX))
        .into()
}
