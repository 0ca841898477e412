//! The settings of an app, which are set before it serves.

mod sources;
mod server;
mod texts;

use std::collections::BTreeMap;
use std::time::Duration;

use cookie::SameSite as CookieSameSite;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Error;

pub use server::{ProxyFix, ServerConfig};
pub use texts::Texts;

/// The settings of an app; each has Flask's name in lower case and, unless noted, Flask's default.
///
/// Each setting is a field, and can also be set from files, the environment and other values by Flask's upper-case
/// name. Names that Costrel does not know are the app's own settings, for [`get`](Self::get).
///
/// ```
/// use serde_json::json;
///
/// let mut app = costrel::App::new("shop");
/// assert_eq!(app.config.max_content_length, Some(16 << 20));
/// app.config.from_mapping(json!({ "SECRET_KEY": "dev", "CURRENCY": "EUR", "ignored": 1 }))?;
/// assert_eq!(app.config.secret_key.as_deref(), Some("dev"));
/// assert_eq!(app.config.get::<String>("CURRENCY").as_deref(), Some("EUR"));
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// Book: [Settings](../costrel_book/config/index.html).
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", default)]
#[non_exhaustive]
#[allow(clippy::struct_excessive_bools, reason = "settings that are on or off, each by its own name")]
pub struct Config {
    /// Whether errors are shown in the browser and templates are read anew each time; never in production.
    /// Default: no.
    pub debug: bool,
    /// Whether the app runs in tests: the test client returns unhandled errors as errors. Default: no.
    pub testing: bool,
    /// Whether the test client returns unhandled errors as errors. Default: if `debug` or `testing`.
    pub propagate_exceptions: Option<bool>,
    /// The number of last requests whose timelines are kept, for [`AppHandle::traces`](crate::AppHandle::traces) and the
    /// page `/_trace/` of debug mode. Default: 50 in debug mode, else 0.
    pub kept_traces: Option<usize>,
    /// The key that signs sessions. Default: none, so sessions cannot be written.
    pub secret_key: Option<String>,
    /// Former secret keys that are still accepted.
    pub secret_key_fallbacks: Vec<String>,
    /// The lifetime of a permanent session, and the maximum age of any session cookie. Default: 31 days.
    #[serde(with = "seconds")]
    pub permanent_session_lifetime: Duration,
    /// Whether a permanent session's cookie is sent with every response. Default: yes.
    pub session_refresh_each_request: bool,
    /// The name of the session's cookie. Default: `session`.
    pub session_cookie_name: String,
    /// The domain of the session's cookie. Default: none, so only the host that set it gets it.
    pub session_cookie_domain: Option<String>,
    /// The path of the session's cookie. Default: `application_root`.
    pub session_cookie_path: Option<String>,
    /// Whether scripts cannot read the session's cookie. Default: yes.
    pub session_cookie_httponly: bool,
    /// Whether the session's cookie is only sent over HTTPS. Default: no.
    pub session_cookie_secure: bool,
    /// Whether the session's cookie is kept apart for each site that embeds this one. Default: no.
    pub session_cookie_partitioned: bool,
    /// Whether the session's cookie is sent with requests from other sites. Default: the browser's.
    pub session_cookie_samesite: Option<SameSite>,
    /// The maximum size of a request's body in bytes; `None` for no limit. Default: 16 MiB, as in Quart.
    pub max_content_length: Option<u64>,
    /// The maximum size in bytes of the form fields that are not files; `None` for no limit. Default: 500,000.
    pub max_form_memory_size: Option<usize>,
    /// The maximum number of parts of a multipart form; `None` for no limit. Default: 1,000.
    pub max_form_parts: Option<usize>,
    /// The host and port that `url_for` uses outside of requests, and below which subdomains are. Default: none.
    pub server_name: Option<String>,
    /// Whether rules may be for hosts, by [`RuleBuilder::host`](crate::RuleBuilder::host): Flask's `host_matching`. Default:
    /// no.
    pub host_matching: bool,
    /// Whether rules are for subdomains of `server_name`, by [`RuleBuilder::subdomain`](crate::RuleBuilder::subdomain), and
    /// those without one for `server_name` alone: Flask's `subdomain_matching`. Requests for other hosts get a 404. Default:
    /// no.
    pub subdomain_matching: bool,
    /// The path the app is under. Default: `/`.
    pub application_root: String,
    /// The scheme that `url_for` uses outside of requests. Default: `http`.
    pub preferred_url_scheme: String,
    /// The hosts that requests may be for; a host with a dot in front includes its subdomains. Requests for other
    /// hosts get a 400. One text stands for a list of one. Default: all.
    #[serde(deserialize_with = "Texts::optional_list")]
    pub trusted_hosts: Option<Vec<String>>,
    /// The origins of the pages that may open WebSockets, beside those of the request's own host, such as
    /// `https://app.example.com`; `*` for all. A handshake from another page gets a 403, and a line in the log. A client
    /// that sends no `Origin`, which is no browser, is let in. One text stands for a list of one. Default: none.
    #[serde(deserialize_with = "Texts::list")]
    pub websocket_origins: Vec<String>,
    /// The seconds that browsers may keep files without asking again. Default: none, so they ask each time.
    pub send_file_max_age_default: Option<u64>,
    /// Whether OPTIONS is answered for rules that do not set this themselves. Default: yes.
    pub provide_automatic_options: bool,
    /// The maximum number of sync functions that run at once; twice as many for a while, if all of them stay blocked and
    /// requests that have begun need a worker to go on. A setting of Costrel's own; default: 64.
    pub workers: usize,
    /// The maximum number of sync functions that wait for a worker; a request that needs one more gets a 503 with
    /// `Retry-After`. A setting of Costrel's own; default: 1,024.
    pub max_queued: usize,
    /// The maximum number of steps of streamed bodies' iterators, and of sync functions of conversations and of what streamed
    /// bodies call, that run at once; others wait. They take no worker from a view, so such code may block for as long as it
    /// likes, and holds one of these meanwhile. A setting of Costrel's own; default: 256.
    pub stream_workers: usize,
    /// The maximum number of sync background tasks, and sync functions that such tasks call, that run at once; others wait.
    /// They take no worker from a view. A setting of Costrel's own; default: 64.
    pub background_workers: usize,
    /// Whether sync code whose calls have been short runs in place, on a thread that the event loop has to spare, instead
    /// of crossing to a worker. The event loop of [`App::run`](crate::App::run) has such threads; one of your own has as
    /// many as it has beyond one for each core. A view can say it for itself:
    /// [`View::runs_in_place`](crate::View::runs_in_place) names what such code must not do. A setting of Costrel's own;
    /// default: no.
    pub runs_in_place: bool,
    /// The number of requests handled at once, each on a thread of its own that it holds to its end, as in WSGI
    /// servers; `None` to handle them on the event loop. A setting of Costrel's own; default: the environment's
    /// `COSTREL_THREADS`, which must be a number above zero or empty, else `None`.
    pub threads: Option<usize>,
    /// The time that shutdown waits for background tasks. Default: 5 seconds, as in Quart.
    #[serde(with = "seconds")]
    pub background_task_shutdown_timeout: Duration,
    /// The settings of the server: limits, timeouts and trust.
    #[serde(flatten)]
    pub server: ServerConfig,
    /// The app's own settings, which Costrel does not know.
    #[serde(flatten)]
    own: BTreeMap<String, Value>,
}

/// Whether a cookie is sent with requests from other sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum SameSite {
    /// Only when the user follows a link to this site.
    Lax,
    /// Never.
    Strict,
    /// Always; browsers want `secure` with it.
    None,
}

impl From<SameSite> for CookieSameSite {
    fn from(same_site: SameSite) -> Self {
        match same_site {
            SameSite::Lax => Self::Lax,
            SameSite::Strict => Self::Strict,
            SameSite::None => Self::None,
        }
    }
}

impl Config {
    /// The value of a setting of the app's own; `None` if there is none or if it is not a `T`.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        self.try_get(key).ok().flatten()
    }

    /// The value of a setting of the app's own; `None` if there is none. For extensions, whose users must hear of a value
    /// that does not fit, instead of getting the default.
    ///
    /// ```
    /// let mut app = costrel::App::new("docs");
    /// app.config.set("TIME_LIMIT", "60")?;
    /// assert_eq!(app.config.try_get::<u32>("TIMEOUT")?, None);
    /// let error = app.config.try_get::<u32>("TIME_LIMIT").unwrap_err();
    /// assert_eq!(error.message(), "the setting TIME_LIMIT: invalid type: string \"60\", expected u32");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the value is not a `T`.
    pub fn try_get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        let Some(value) = self.own.get(key) else { return Ok(None) };
        serde_json::from_value(value.clone()).map(Some).map_err(|error| unfit(key, &error))
    }

    /// The secret key, then those it replaced; nothing without a secret key. An empty key counts as none, because any
    /// client could sign with it.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        let current = self.secret_key.as_deref().filter(|key| !key.is_empty());
        let replaced = self.secret_key_fallbacks.iter().map(String::as_str).filter(|key| !key.is_empty());
        current.into_iter().chain(replaced.filter(move |_| current.is_some()))
    }

    /// The value of any setting by its upper-case name, for templates; `None` for secrets.
    #[cfg(feature = "templates")]
    pub(crate) fn value(&self, key: &str) -> Option<Value> {
        if key.contains("SECRET") { None } else { entries_of(self).ok()?.remove(key) }
    }

    /// The domain of a request for `host` in rules: the host, or its subdomain of `server_name`; `None` if it is in no rule.
    pub(crate) fn domain_of(&self, host: &str) -> Option<String> {
        let bare = |host: &str| {
            let host = host.strip_suffix(":80").or(host.strip_suffix(":443")).unwrap_or(host);
            host.to_ascii_lowercase()
        };
        let host = bare(host);
        if self.host_matching {
            return Some(host);
        }
        let rest = host.strip_suffix(&bare(self.server_name.as_deref()?))?;
        if rest.is_empty() { Some(String::new()) } else { rest.strip_suffix('.').map(str::to_owned) }
    }

    /// The host of a rule's domain.
    pub(crate) fn host_on(&self, domain: &str) -> String {
        match &self.server_name {
            Some(name) if self.subdomain_matching && domain.is_empty() => name.clone(),
            Some(name) if self.subdomain_matching => format!("{domain}.{name}"),
            _ => domain.to_owned(),
        }
    }

    /// The number of timelines to keep.
    pub(crate) fn traces_to_keep(&self) -> usize {
        self.kept_traces.unwrap_or(if self.debug { 50 } else { 0 })
    }

    /// Whether unhandled errors go to the caller.
    pub(crate) fn propagates(&self) -> bool {
        self.propagate_exceptions.unwrap_or(self.testing || self.debug)
    }
}

fn unfit(key: &str, error: &serde_json::Error) -> Error {
    // The error contains the value, and a secret must not be logged.
    let what = if key.contains("SECRET") { "the value is not text".to_owned() } else { error.to_string() };
    Error::setup_without_line(format!("the setting {key}: {what}"))
}

fn entries_of(value: impl Serialize) -> Result<Map<String, Value>, Error> {
    match serde_json::to_value(value)? {
        Value::Object(entries) => Ok(entries),
        other => Err(Error::setup_without_line(format!("settings are a mapping or a struct, not {other}"))),
    }
}

/// Durations as seconds, Flask's unit.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(duration.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        Duration::try_from_secs_f64(seconds).map_err(serde::de::Error::custom)
    }

    /// Optional durations as seconds.
    pub(super) mod optional {
        use super::{Deserialize, Deserializer, Duration, Serializer};

        #[allow(clippy::ref_option, reason = "the form that serde calls")]
        pub(in crate::config) fn serialize<S: Serializer>(
            duration: &Option<Duration>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            match duration {
                Some(duration) => super::serialize(duration, serializer),
                None => serializer.serialize_none(),
            }
        }

        pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<Duration>, D::Error> {
            let seconds = Option::<f64>::deserialize(deserializer)?;
            seconds.map(|seconds| Duration::try_from_secs_f64(seconds).map_err(serde::de::Error::custom)).transpose()
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            debug: false,
            testing: false,
            propagate_exceptions: None,
            kept_traces: None,
            secret_key: None,
            secret_key_fallbacks: Vec::new(),
            permanent_session_lifetime: Duration::from_secs(31 * 24 * 60 * 60),
            session_refresh_each_request: true,
            session_cookie_name: "session".into(),
            session_cookie_domain: None,
            session_cookie_path: None,
            session_cookie_httponly: true,
            session_cookie_secure: false,
            session_cookie_partitioned: false,
            session_cookie_samesite: None,
            max_content_length: Some(16 << 20),
            max_form_memory_size: Some(500_000),
            max_form_parts: Some(1_000),
            server_name: None,
            host_matching: false,
            subdomain_matching: false,
            application_root: "/".into(),
            preferred_url_scheme: "http".into(),
            trusted_hosts: None,
            websocket_origins: Vec::new(),
            send_file_max_age_default: None,
            provide_automatic_options: true,
            workers: 64,
            stream_workers: 256,
            background_workers: 64,
            max_queued: 1_024,
            runs_in_place: false,
            threads: threads_of_environment().unwrap_or_default(),
            background_task_shutdown_timeout: Duration::from_secs(5),
            server: ServerConfig::default(),
            own: BTreeMap::new(),
        }
    }
}

/// The number of threads that the environment's `COSTREL_THREADS` asks for; `None` if it is unset or empty.
///
/// # Errors
/// If it is no number above zero.
pub(crate) fn threads_of_environment() -> Result<Option<usize>, Error> {
    let Some(text) = std::env::var_os("COSTREL_THREADS").filter(|text| !text.is_empty()) else { return Ok(None) };
    let threads = text.to_str().and_then(|text| text.trim().parse().ok()).filter(|threads| *threads > 0);
    threads.map(Some).ok_or_else(|| {
        let text = text.to_string_lossy();
        Error::setup_without_line(format!(
            "the environment has COSTREL_THREADS={text:?}: make it a number of threads, such as 8, or unset it to serve on \
             the event loop"
        ))
    })
}

/// Leaves out the secrets, and the app's own settings, because those may be secrets too.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("debug", &self.debug)
            .field("testing", &self.testing)
            .field("max_content_length", &self.max_content_length)
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}
