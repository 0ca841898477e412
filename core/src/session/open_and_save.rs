//! The sessions of an app: opened when a request begins, saved when it is over.

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Map, Value};

use super::Session;
use super::interface::{SessionInterface, session_cookie};
use super::signing::Signer;
use crate::config::Config;
use crate::error::Error;
use crate::execution::Waiting;
use crate::http_types::{Request, Response, add_vary, set_cookie};

/// The place where an app keeps its sessions.
pub(crate) enum Sessions {
    /// A signed cookie; nowhere if there is no key to sign it with.
    Cookie(Option<Signer>),
    /// The app's own interface.
    Custom(Arc<dyn SessionInterface>),
}

impl Sessions {
    pub(crate) fn new(interface: Option<Arc<dyn SessionInterface>>, config: &Config) -> Self {
        interface.map_or_else(|| Self::Cookie(signer(config)), Self::Custom)
    }

    /// Whether opening a session may run sync code, before anything else of the request does.
    pub(crate) fn may_run_sync_code(&self) -> bool {
        matches!(self, Self::Custom(_))
    }

    /// Makes the session of a request, which is not read yet.
    pub(crate) fn new_session(&self, request: &Request, config: &Config) -> Session {
        match self {
            Self::Cookie(signer) => {
                let cookie = signer.as_ref().and_then(|_| request.cookie_unwatched(&config.session_cookie_name));
                Session::in_cookie(signer.clone(), config.permanent_session_lifetime, cookie)
            }
            // `open` fills it before a hook or a view can read it.
            Self::Custom(_) => Session::given(Map::new()),
        }
    }

    /// Begins to fill the session from the app's own interface; `None` for a cookie, which is read at the first access.
    pub(crate) fn open(&self, request: &Request) -> Option<Waiting<Map<String, Value>>> {
        match self {
            Self::Cookie(_) => None,
            Self::Custom(interface) => Some(interface.open_session(request.clone())),
        }
    }

    /// Whether a session can be saved when its response has left.
    #[cfg(feature = "websocket")]
    pub(crate) fn save_without_response(&self) -> bool {
        matches!(self, Self::Custom(interface) if interface.saves_without_response())
    }

    /// Saves the session in the cookie that the client needs, which `response` gets; or begins to save it in the app's
    /// own interface, which takes the response and returns it. The response of a handshake may be followed by the conversation's own.
    ///
    /// # Errors
    /// If the cookie cannot be made.
    pub(crate) fn save(
        &self,
        session: &Session,
        config: &Config,
        response: &mut Response,
        is_handshake: bool,
    ) -> Result<Option<Waiting<Response>>, Error> {
        match self {
            // Nothing to close, because without a key every change is an error.
            Self::Cookie(None) => {}
            Self::Cookie(Some(signer)) => save_in_cookie(session, signer, config, response)?,
            // Never overwrite a stored session that failed to load. One that is closed was saved with the handshake.
            Self::Custom(_) if !session.can_be_saved() || (!is_handshake && session.is_closed()) => {}
            Self::Custom(interface) => {
                // A handshake closed it before, unless it is saved once more.
                if !is_handshake {
                    session.close();
                }
                return Ok(Some(interface.save_session(session.clone(), std::mem::take(response))));
            }
        }
        Ok(None)
    }
}

fn signer(config: &Config) -> Option<Signer> {
    let mut secrets = config.secrets().map(str::as_bytes).peekable();
    secrets.peek()?;
    Some(Signer::of_sessions(secrets))
}

/// Saves the session of a request in its cookie, and sets `Vary: Cookie` if the response depends on it.
fn save_in_cookie(session: &Session, signer: &Signer, config: &Config, response: &mut Response) -> Result<(), Error> {
    // Closed first, so that a task that runs beside this gets an error instead of a change that is lost.
    let (reads, modified) = session.close();
    let accessed = reads > 0 || (response.body().as_bytes().is_none() && session.may_be_read_later());
    // Without an access there is neither cookie nor `Vary`, so that caches may share the response.
    let may_need_refresh = config.session_refresh_each_request && session.came_with_cookie();
    if !accessed && !may_need_refresh {
        return Ok(());
    }
    let data = session.saved_data();
    let permanent = data.get("_permanent").and_then(Value::as_bool).unwrap_or(false);
    let refresh = permanent && config.session_refresh_each_request;
    // A session that was emptied deletes the client's cookie, even one that was never valid.
    if modified && data.is_empty() {
        set_cookie(response, session_cookie(config, "", false))?;
    } else if modified || refresh {
        set_cookie(response, session_cookie(config, &signer.sign_ascii(&data, SystemTime::now())?, permanent))?;
    }
    if accessed || refresh {
        add_vary(response, "Cookie");
    }
    Ok(())
}
