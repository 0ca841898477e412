//! The sessions of an app: opened when a request begins, saved when it is over.

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Map, Value};

use super::Session;
use super::deferred::{Deferred, Early};
use super::interface::{SessionInterface, saves_late, session_cookie};
use super::signing::Signer;
use crate::config::Config;
use crate::error::Error;
use crate::execution::Waiting;
use crate::http_types::{Request, Response, add_vary, set_cookie};

/// The place where an app keeps its sessions.
pub(crate) enum Sessions {
    /// A signed cookie; nowhere if there is no key to sign it with.
    Cookie(Option<Signer>),
    /// The app's own interface, and what is known of requests without a view.
    Custom(Arc<dyn SessionInterface>, Early),
}

/// The moment at which a session is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saving {
    /// The response is about to leave.
    Response,
    /// The response to a handshake is about to leave, and the conversation follows.
    Handshake,
    /// The request is over, and its response has left before.
    End,
}

impl Sessions {
    pub(crate) fn new(interface: Option<Arc<dyn SessionInterface>>, config: &Config) -> Self {
        interface.map_or_else(|| Self::Cookie(signer(config)), |interface| Self::Custom(interface, Early::default()))
    }

    /// Whether opening a session may run sync code, before anything else of the request does.
    pub(crate) fn may_run_sync_code(&self) -> bool {
        matches!(self, Self::Custom(..))
    }

    /// Makes the session of a request, which is not read yet. `early` is what is known of the request's view.
    pub(crate) fn new_session(&self, request: &Request, config: &Config, early: Option<&Early>) -> Session {
        let cookie = || request.cookie_unwatched(&config.session_cookie_name);
        match self {
            Self::Cookie(signer) => {
                let cookie = signer.as_ref().and_then(|_| cookie());
                Session::in_cookie(signer.clone(), config.permanent_session_lifetime, cookie)
            }
            Self::Custom(interface, rest) if interface.opens_when_looked_at() => {
                let early = early.unwrap_or(rest).clone();
                Session::deferred(Deferred::new(interface.clone(), request.clone(), cookie(), early))
            }
            // `open` fills it before a hook or a view can read it.
            Self::Custom(..) => Session::given(cookie()),
        }
    }

    /// Begins to fill the session from the app's own interface; `None` if the first access does.
    pub(crate) fn open(&self, session: &Session, request: &Request) -> Option<Waiting<Map<String, Value>>> {
        match self {
            Self::Custom(interface, _) if !session.may_open_later() => Some(interface.open_session(request.clone())),
            _ => None,
        }
    }

    /// Whether a session can be saved when its response has left.
    #[cfg(feature = "websocket")]
    pub(crate) fn saves_without_response(&self, session: &Session) -> bool {
        matches!(self, Self::Custom(interface, _) if saves_late(&**interface, session))
    }

    /// Saves the session in the cookie that the client needs, which `response` gets; or begins to save it in the app's
    /// own interface, which takes the response and returns it.
    ///
    /// # Errors
    /// If the cookie cannot be made.
    pub(crate) fn save(
        &self,
        session: &Session,
        config: &Config,
        response: &mut Response,
        saving: Saving,
    ) -> Result<Option<Waiting<Response>>, Error> {
        let interface = match self {
            // Nothing to close, because without a key every change is an error.
            Self::Cookie(None) => return Ok(None),
            Self::Cookie(Some(signer)) => return save_in_cookie(session, signer, config, response).map(|()| None),
            Self::Custom(interface, _) => interface,
        };
        // One that is closed was saved with the handshake, which closed it before unless it is saved once more.
        if saving != Saving::Handshake && session.is_closed() {
            return Ok(None);
        }
        match saving {
            Saving::Handshake => {}
            Saving::Response => session.close_unless(saves_late(&**interface, session)),
            Saving::End => drop(session.close()),
        }
        let is_changed = session.begin_saving(saving == Saving::End);
        // Never overwrite a stored session that failed to load.
        if !session.can_be_saved() || (saving == Saving::End && !is_changed) {
            return Ok(None);
        }
        Ok(Some(interface.save_session(session.clone(), std::mem::take(response))))
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
    let modified = session.close();
    let accessed = session.varies(response);
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
