//! Why a request is refused.

use std::fmt;

use costrel::Error;

use crate::token::Token;

/// The source of the error of a request that is refused, for `errorhandler(of_type::<JwtError>(), f)`, and the argument of the
/// functions that answer: Flask-JWT-Extended's exceptions.
#[derive(Clone, Debug)]
pub struct JwtError {
    kind: JwtErrorKind,
    message: String,
    token: Option<Token>,
}

/// The kinds of [`JwtError`], which differ in their answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JwtErrorKind {
    /// The request has no token, or no second token against CSRF. 401.
    Unauthorized,
    /// The token cannot be read, was not signed by this app, or is for something else. 422.
    Invalid,
    /// The token has expired. 401.
    Expired,
    /// The token is not fresh. 401.
    NotFresh,
    /// The token has been revoked. 401.
    Revoked,
    /// The token's user cannot be loaded. 401.
    UserNotFound,
    /// The function of `token_verification_loader` refuses the token. 400.
    NotVerified,
}

impl JwtError {
    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self { kind: JwtErrorKind::Unauthorized, message: message.into(), token: None }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self { kind: JwtErrorKind::Invalid, message: message.into(), token: None }
    }

    /// The refusal of a token that was read.
    pub(crate) fn of(token: &Token, kind: JwtErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), token: Some(token.clone()) }
    }

    /// The kind of the refusal.
    pub fn kind(&self) -> JwtErrorKind {
        self.kind
    }

    /// The message for the client.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The token, which is valid but for the reason of the refusal; empty for the kinds `Unauthorized` and `Invalid`.
    pub fn token(&self) -> Token {
        self.token.clone().unwrap_or_default()
    }

    /// The status of the answer, if the app does not give another.
    pub fn status(&self) -> u16 {
        match self.kind {
            JwtErrorKind::Invalid => 422,
            JwtErrorKind::NotVerified => 400,
            _ => 401,
        }
    }

    /// The error that refuses the request. It has no status, as in Flask, so that a blueprint's handler for 401 leaves it to
    /// the functions that answer.
    pub(crate) fn refusal(self) -> Error {
        self.into()
    }
}

impl fmt::Display for JwtError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for JwtError {}
