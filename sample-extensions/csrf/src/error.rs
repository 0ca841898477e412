//! Why a request is refused.

use std::fmt;

use costrel::Error;

/// The source of the 400 of a request that is refused, for `errorhandler(of_type::<CsrfError>(), f)`: Flask-WTF's `CSRFError`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CsrfError {
    /// The request has no token.
    TokenMissing,
    /// The client's session has no token.
    SessionTokenMissing,
    /// The token is older than `WTF_CSRF_TIME_LIMIT`.
    Expired,
    /// The app has not signed the token.
    Invalid,
    /// The token is that of another session.
    Mismatch,
    /// The request came over HTTPS without `Referer`.
    ReferrerMissing,
    /// The page that sent the request is on another host.
    ReferrerMismatch,
    /// The browser says that another site's page sent the request.
    CrossSite,
}

impl fmt::Display for CsrfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TokenMissing => "The CSRF token is missing.",
            Self::SessionTokenMissing => "The CSRF session token is missing.",
            Self::Expired => "The CSRF token has expired.",
            Self::Invalid => "The CSRF token is invalid.",
            Self::Mismatch => "The CSRF tokens do not match.",
            Self::ReferrerMissing => "The referrer header is missing.",
            Self::ReferrerMismatch => "The referrer does not match the host.",
            Self::CrossSite => "The request came from another site.",
        })
    }
}

impl std::error::Error for CsrfError {}

impl CsrfError {
    /// The error that refuses the request.
    pub(crate) fn refusal(self) -> Error {
        Error::status(400).with_message(self.to_string()).with_source(self)
    }
}
