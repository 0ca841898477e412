//! A token that was read.

use std::fmt;
use std::sync::Arc;

use costrel::{Error, ErrorKind};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::settings::Location;

/// The members of a token's header or payload, by name.
pub type Claims = Map<String, Value>;

/// A token that was read. A handle, cheap to clone.
///
/// Where a view lets clients through without a token, theirs is empty: it has no claims, and no location.
#[derive(Clone, Default)]
pub struct Token {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    header: Claims,
    claims: Claims,
    location: Option<Location>,
    identity_claim: String,
}

impl Token {
    pub(crate) fn new(header: Claims, claims: Claims, location: Option<Location>, identity_claim: &str) -> Self {
        let identity_claim = identity_claim.to_owned();
        Self { inner: Arc::new(Inner { header, claims, location, identity_claim }) }
    }

    /// The members of the header, such as `alg` and `kid`.
    pub fn header(&self) -> &Claims {
        &self.inner.header
    }

    /// The claims, such as `sub`, `exp` and `jti`, and the app's own.
    pub fn claims(&self) -> &Claims {
        &self.inner.claims
    }

    /// The claim `name`; `None` if there is none, or it is no `T`.
    pub fn claim<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_value(self.inner.claims.get(name)?.clone()).ok()
    }

    /// The identity for which the token was made.
    ///
    /// # Errors
    /// If it is no `T`. Where there may be no token, `T` is an `Option`.
    pub fn identity<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let identity = self.inner.claims.get(&self.inner.identity_claim).cloned().unwrap_or_default();
        serde_json::from_value(identity).map_err(|error| {
            let remedy = "read it as the type for which it was made, and as an `Option` where a token is optional";
            Error::new(ErrorKind::Other, format!("the identity of the token: {error}: {remedy}"))
        })
    }

    /// Where the request had the token; `None` if there is no token, or it was not read from a request.
    pub fn location(&self) -> Option<Location> {
        self.inner.location
    }
}

/// Leaves out what the token says, because it is about a person.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("location", &self.inner.location).finish_non_exhaustive()
    }
}
