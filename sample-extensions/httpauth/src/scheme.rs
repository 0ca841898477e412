//! The options of a scheme, as its decorators have them.

use std::fmt;

use costrel::{Callable, Error, HeaderName, Response, StatusCode};

use crate::verify::Verify;

/// A scheme, and what its decorators need to know.
pub(crate) struct Scheme<U> {
    /// The name, such as `Basic`.
    pub(crate) name: String,
    pub(crate) header: Option<HeaderName>,
    pub(crate) verify: Verify<U>,
    pub(crate) roles: Option<Callable<U, Vec<String>>>,
    pub(crate) error_handler: Option<Callable<StatusCode, Response>>,
    /// Whether a refusal is Flask-HTTPAuth's text, and no error.
    pub(crate) is_plain: bool,
    pub(crate) realm: String,
}

impl<U> Scheme<U> {
    /// The challenge that a refusal carries; `is_stale` if the client has answered one that has expired.
    ///
    /// # Errors
    /// For `Digest`, if the app has no secret key.
    pub(crate) fn challenge(&self, is_stale: bool) -> Result<String, Error> {
        match &self.verify {
            Verify::Digest(digest, _) => digest.challenge(&self.name, &self.realm, is_stale),
            _ => Ok(format!("{} realm=\"{}\"", self.name, self.realm)),
        }
    }
}

impl<U> Clone for Scheme<U> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            header: self.header.clone(),
            verify: self.verify.clone(),
            roles: self.roles.clone(),
            error_handler: self.error_handler.clone(),
            is_plain: self.is_plain,
            realm: self.realm.clone(),
        }
    }
}

impl<U> fmt::Debug for Scheme<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheme").field("name", &self.name).field("realm", &self.realm).finish_non_exhaustive()
    }
}
