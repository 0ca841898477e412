//! What the client sent.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use costrel::http::header::AUTHORIZATION;
use costrel::{HeaderName, Request};

/// The credentials that a client sent.
pub(crate) enum Sent {
    /// What stands behind the scheme in `Authorization`.
    Authorization(String),
    /// The whole value of a header of another name.
    Header(String),
}

impl Sent {
    /// Reads the credentials of this scheme, from `header` or else from `Authorization`.
    pub(crate) fn read(request: &Request, scheme: &str, header: Option<&HeaderName>) -> Option<Self> {
        if let Some(name) = header {
            return request.header(name.as_str()).map(|value| Self::Header(value.to_owned()));
        }
        let (own, credentials) = request.header(AUTHORIZATION.as_str())?.trim().split_once(' ')?;
        own.eq_ignore_ascii_case(scheme).then(|| Self::Authorization(credentials.trim().to_owned()))
    }

    /// The name and the password, in base64. A header of another name has the scheme before them.
    pub(crate) fn into_pair(self) -> Option<(String, String)> {
        let encoded = match &self {
            Self::Authorization(credentials) => credentials,
            Self::Header(value) => value.split_once(' ')?.1.trim(),
        };
        let text = STANDARD.decode(encoded).ok()?;
        // RFC 7617 leaves the encoding open, and some clients use Latin-1, in which all bytes are letters.
        let text = String::from_utf8(text)
            .unwrap_or_else(|error| error.as_bytes().iter().map(|byte| char::from(*byte)).collect());
        let (name, password) = text.split_once(':')?;
        Some((name.to_owned(), password.to_owned()))
    }

    /// The token.
    pub(crate) fn into_token(self) -> String {
        match self {
            Self::Header(text) | Self::Authorization(text) => text,
        }
    }
}
