//! What can be set on an app before it serves.

use std::time::Duration;

use crate::session::signing::Signer;

/// The settings of an app; each has Flask's name in lower case and, unless noted, Flask's default.
///
/// ```
/// let mut app = costrel::App::new("shop");
/// assert_eq!(app.config.max_content_length, Some(16 << 20));
/// app.config.secret_key = Some("from the environment".into());
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    /// What sessions are signed with. Default: none, and sessions cannot be written.
    pub secret_key: Option<String>,
    /// Keys that `secret_key` replaced and that are still accepted.
    pub secret_key_fallbacks: Vec<String>,
    /// The name of the session's cookie. Default: `session`.
    pub session_cookie_name: String,
    /// Whether the session's cookie is only sent over HTTPS. Default: no.
    pub session_cookie_secure: bool,
    /// How old a session cookie may be. Default: 31 days.
    pub permanent_session_lifetime: Duration,
    /// How many bytes a request's body may have; `None` for no limit. Default: 16 MiB, as Quart has it.
    pub max_content_length: Option<u64>,
    /// How many sync functions may run at once. A number of Costrel's own; default: 64.
    pub workers: usize,
}

impl Config {
    pub(crate) fn signer(&self) -> Option<Signer> {
        // An empty key is none: anybody could sign with it.
        let current = self.secret_key.as_ref().filter(|key| !key.is_empty())?;
        let replaced = self.secret_key_fallbacks.iter().filter(|key| !key.is_empty());
        Some(Signer::new(std::iter::once(current).chain(replaced).map(String::as_bytes)))
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            secret_key: None,
            secret_key_fallbacks: Vec::new(),
            session_cookie_name: "session".into(),
            session_cookie_secure: false,
            permanent_session_lifetime: Duration::from_secs(31 * 24 * 60 * 60),
            max_content_length: Some(16 << 20),
            workers: 64,
        }
    }
}

/// Without the secrets.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("max_content_length", &self.max_content_length)
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}
