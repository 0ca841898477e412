//! The extension: its options, and its set-up on an app.

use std::sync::Arc;

use costrel::{App, Error, Extension};
use costrel_stores::{Entries, MemoryEntries};

use crate::interface::OnServer;
use crate::settings::{AtOnce, Chosen, Settings};

/// Keeps sessions on the server: Flask-Session's `Session`.
///
/// The settings `SESSION_TYPE`, `SESSION_KEY_PREFIX` and so on are Flask-Session's; those of the cookie are the app's own, such as
/// `config.session_cookie_secure`.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    store: Option<Arc<dyn Entries>>,
    chosen: Chosen,
}

impl Sessions {
    /// Sessions in the memory of this process, or where the setting `SESSION_TYPE` says.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the store. One that may be away goes into a [`Failover`](costrel_stores::Failover), whose stand-in says what happens then:
    /// `FailClosed` answers the requests that look at their session with a 503, `FailOpen` takes every client for a new one.
    ///
    /// ```
    /// use costrel::{App, session};
    /// use costrel_session::Sessions;
    /// use costrel_stores::{FailClosed, Failover};
    /// use costrel_stores::FailAtOnce as Redis;
    ///
    /// let store = Redis; // one that is away
    /// let mut app = App::new("docs");
    /// app.init(Sessions::new().store(Failover::new(store, FailClosed)))?;
    /// app.route("/", || "no session");
    /// app.route("/me", || session().get::<String>("name").unwrap_or_default());
    /// let client = app.test_client();
    /// client.set_cookie("session", "4zgnSkZN5SYsHxBhbRRqwJA1UQMOGd9EXmXpVB0Uv2c");
    /// assert_eq!(client.get("/").wait()?.status(), 200);
    /// assert_eq!(client.get("/me").wait()?.status(), 503);
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[must_use]
    pub fn store(self, store: impl Entries) -> Self {
        Self { store: Some(Arc::new(store)), ..self }
    }

    /// Keeps sessions on a Redis server, where Flask-Session's are. While it is away, requests that look at their session get a
    /// 503.
    ///
    /// # Errors
    /// A set-up error if the URL is not one of a Redis server.
    #[cfg(feature = "redis")]
    #[track_caller]
    pub fn redis(self, url: &str) -> Result<Self, Error> {
        Ok(self.store(crate::settings::redis(url)?))
    }

    /// Sets what becomes of the changes of two requests of one client at a time. Default: [`AtOnce::Merge`], and in the compat mode
    /// [`AtOnce::LastWins`].
    #[must_use]
    pub fn at_once(mut self, at_once: AtOnce) -> Self {
        self.chosen.at_once = Some(at_once);
        self
    }

    /// Follows a version of Flask-Session response by response, for an app beside one in Flask: `"flask-session 0.8"`. Then every
    /// request opens its session and refreshes it. Default: the safe mode; COMPATIBILITY.md lists the differences. Keys, values
    /// and cookies are Flask-Session's in both.
    #[must_use]
    pub fn compat(mut self, version: &str) -> Self {
        self.chosen.compat = Some(version.to_owned());
        self
    }
}

impl Extension for Sessions {
    fn init_app(self, app: &mut App) -> Result<(), Error> {
        let settings = Settings::read(&app.config, &self.chosen)?;
        let store = match self.store {
            Some(store) => store,
            None => Settings::store_by_type(&app.config)?.unwrap_or_else(|| Arc::new(MemoryEntries::new())),
        };
        let interface = OnServer { store, settings: Arc::new(settings) };
        app.set_extension(interface.clone());
        app.set_session_interface(interface);
        Ok(())
    }
}
