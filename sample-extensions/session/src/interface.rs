//! When a session is opened and saved.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use costrel::http::StatusCode;
use costrel::http::header::{HeaderValue, RETRY_AFTER};
use costrel::{Config, Error, ErrorKind, Request, Response, Session, SessionInterface, Waiting};
use costrel::{add_vary, current_app, session, session_cookie, set_cookie};
use costrel_stores::Entries;
use parking_lot::Mutex;
use serde_json::{Map, Value};

use crate::id;
use crate::save::{Outcome, PERMANENT, Saver, Stored, is_empty};
use crate::settings::Settings;

/// The interface through which an app has its sessions on the server.
#[derive(Clone, Debug)]
pub(crate) struct OnServer {
    pub(crate) store: Arc<dyn Entries>,
    pub(crate) settings: Arc<Settings>,
}

/// What is known of a session in one request: its id and its value in the store, if it is there.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    stored: Mutex<Option<Stored>>,
    /// Whether the store was asked.
    is_opened: AtomicBool,
}

/// The id of the current session: Flask-Session's `session.sid`. `None` for one that is not in the store yet.
///
/// ```
/// use costrel::{App, Error, session};
/// use costrel_session::{Sessions, session_id};
///
/// let mut app = App::new("docs");
/// app.init(Sessions::new())?;
/// app.route("/", || {
///     session().set("n", 1)?;
///     Ok::<_, Error>(session_id().unwrap_or_default())
/// });
/// let client = app.test_client();
/// assert_eq!(client.get("/").wait()?.text(), "");
/// let id = client.cookie("session");
/// assert_eq!(client.get("/").wait()?.text(), id.unwrap_or_default());
/// # Ok::<(), Error>(())
/// ```
///
/// # Panics
/// Outside a request, with a message that names the remedy.
pub fn session_id() -> Option<String> {
    let session = session();
    // Any look opens the session.
    session.is_empty();
    session.note::<Kept>().get().map(|stored| stored.id)
}

impl Kept {
    fn get(&self) -> Option<Stored> {
        self.stored.lock().clone()
    }

    fn set(&self, stored: Option<Stored>) {
        *self.stored.lock() = stored;
        self.is_opened.store(true, Ordering::Release);
    }
}

impl OnServer {
    /// The id in the session's cookie, if it may be one.
    fn id_of_client(&self, session: &Session) -> Option<String> {
        let value = session.cookie()?;
        let id = self.settings.signer.as_ref().map_or(Some(value), |signer| signer.verify(value))?;
        id::is_well_formed(id).then(|| id.to_owned())
    }

    fn saver(&self, config: &Config) -> Saver {
        let (store, settings) = (self.store.clone(), self.settings.clone());
        Saver { store, settings, lifetime: config.permanent_session_lifetime }
    }

    /// Saves a session, and tells the client its id or that it is over.
    async fn save(&self, session: &Session, response: &mut Response) -> Result<(), Error> {
        let (app, kept) = (current_app(), session.note::<Kept>());
        let config = app.config();
        let stored = kept.get();
        if session.is_late() && stored.is_none() {
            tracing::error!("A change of the session after the response is lost, because the client has no id of it.");
            return Ok(());
        }
        let changes = session.changes();
        let cookie = match self.saver(config).save(session, stored).await? {
            Outcome::Kept(stored, data) => {
                let value = self.cookie_value(&stored.id);
                let permanent = data.get(PERMANENT).and_then(Value::as_bool).unwrap_or(false);
                let is_sent = session.is_modified() || (permanent && config.session_refresh_each_request);
                kept.set(Some(stored));
                session.note_saved(changes, data);
                is_sent.then(|| session_cookie(config, &value, permanent))
            }
            Outcome::Ended => {
                kept.set(None);
                session.note_saved(changes, Map::new());
                Some(session_cookie(config, "", false))
            }
            Outcome::Gone => None,
        };
        if let Some(cookie) = cookie {
            set_cookie(response, cookie)?;
            add_vary(response, "Cookie");
        }
        Ok(())
    }

    fn cookie_value(&self, id: &str) -> String {
        self.settings.signer.as_ref().map_or_else(|| id.to_owned(), |signer| signer.sign(id))
    }
}

/// Makes a 503 of the store one that stays so, because any other error at the end of a request becomes a 500.
fn as_busy(error: Error) -> Error {
    if error.kind() != ErrorKind::Status(StatusCode::SERVICE_UNAVAILABLE) {
        return error;
    }
    Error::new(ErrorKind::Busy, error.message()).with_header(RETRY_AFTER, HeaderValue::from_static("1"))
}

impl SessionInterface for OnServer {
    fn open_session(&self, _: Request) -> Waiting<Map<String, Value>> {
        let session = session();
        let Some(id) = self.id_of_client(&session) else { return Waiting::ready(Ok(Map::new())) };
        let reading = self.saver(current_app().config());
        Waiting::new(async move {
            let (stored, data) = reading.read(id).await.map_err(as_busy)?.unzip();
            session.note::<Kept>().set(stored);
            Ok(data.unwrap_or_default())
        })
    }

    fn save_session(&self, session: Session, mut response: Response) -> Waiting<Response> {
        let is_looked_at = session.varies(&response);
        if is_looked_at {
            add_vary(&mut response, "Cookie");
        }
        let is_stored = || session.note::<Kept>().get().is_some();
        let refreshes =
            current_app().config().session_refresh_each_request && (is_looked_at || self.settings.is_compat);
        if !(session.is_modified() || refreshes && is_stored()) {
            return Waiting::ready(Ok(response));
        }
        let interface = self.clone();
        Waiting::new(async move {
            interface.save(&session, &mut response).await.map_err(as_busy)?;
            Ok(response)
        })
    }

    fn opens_when_looked_at(&self) -> bool {
        !self.settings.is_compat
    }

    fn saves_without_response(&self) -> bool {
        true
    }

    /// Whether the client has an id, or gets one now.
    fn is_known_to_client(&self, session: &Session) -> bool {
        if session.is_modified() {
            return !is_empty(&session.data());
        }
        let kept = session.note::<Kept>();
        if kept.is_opened.load(Ordering::Acquire) { kept.get().is_some() } else { self.id_of_client(session).is_some() }
    }
}
