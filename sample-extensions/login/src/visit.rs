//! What is known of a user: in one request, kept on `g`, and in the session.

use std::sync::Arc;

use costrel::{g, session};
use parking_lot::Mutex;

use crate::current_user::CurrentUser;

/// What one request knows of its user.
#[derive(Default)]
pub(crate) struct Visit {
    /// The user, once it is known.
    pub(crate) user: Mutex<Option<CurrentUser>>,
    /// Held by the task of this request that loads the user.
    pub(crate) loading: tokio::sync::Mutex<()>,
    /// What becomes of the remember cookie.
    pub(crate) mark: Mutex<Option<Mark>>,
}

/// What becomes of the remember cookie at the end of the request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Set,
    Clear,
    /// The response has the cookie.
    Done,
}

impl Visit {
    /// The visit of the current request.
    pub(crate) fn current() -> Arc<Self> {
        g().get(VISIT).unwrap_or_else(|| g().set_default(VISIT, Arc::default()))
    }
}

/// Takes these keys out of the session.
pub(crate) fn forget(keys: &[&str]) {
    for key in keys {
        session().remove(key);
    }
}

/// The key on `g`.
const VISIT: &str = "_login";

/// The session's key for the user's id; this and the others are Flask-Login's.
pub(crate) const USER_ID: &str = "_user_id";
/// Whether the user gave a password in this session.
pub(crate) const FRESH: &str = "_fresh";
/// The identifier of the client that signed in.
pub(crate) const ID: &str = "_id";
/// What becomes of the remember cookie: `set` or `clear`. Gone before the session is saved.
pub(crate) const REMEMBER: &str = "_remember";
/// The lifetime of the remember cookie in seconds, if a login has set it.
pub(crate) const REMEMBER_SECONDS: &str = "_remember_seconds";
/// The URL to return to, with `USE_SESSION_FOR_NEXT`.
pub(crate) const NEXT: &str = "next";
