//! How each scheme reads and checks what the client sent.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use costrel::http::header::AUTHORIZATION;
use costrel::{Callable, Error, HeaderName, Request};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::checked::Checked;
use crate::digest::Digest;

/// Checks what the client of a request sent.
pub(crate) type Verify<U> =
    Arc<dyn Fn(Option<Sent>, Request) -> BoxFuture<'static, Result<Checked<U>, Error>> + Send + Sync>;

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
    fn into_pair(self) -> Option<(String, String)> {
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

    fn into_token(self) -> String {
        match self {
            Self::Header(text) | Self::Authorization(text) => text,
        }
    }
}

/// Checks a name and a password. A client that sent none is checked with empty ones, as in Flask-HTTPAuth, so that an app may
/// let it in.
pub(crate) fn basic<U: Send + 'static>(verify: Callable<(String, String), Option<U>>) -> Verify<U> {
    Arc::new(move |sent, _| {
        let pair = sent.and_then(Sent::into_pair).unwrap_or_default();
        checked(&verify, pair)
    })
}

/// Checks a token; an empty one if the client sent none.
pub(crate) fn token<U: Send + 'static>(verify: Callable<String, Option<U>>) -> Verify<U> {
    Arc::new(move |sent, _| checked(&verify, sent.map(Sent::into_token).unwrap_or_default()))
}

fn checked<T: Send + 'static, U: Send + 'static>(
    verify: &Callable<T, Option<U>>,
    sent: T,
) -> BoxFuture<'static, Result<Checked<U>, Error>> {
    let user = verify.call(sent);
    async move { Ok(user.await?.into()) }.boxed()
}

/// Checks the answer to a challenge against the password of the user that it names.
pub(crate) fn digest(digest: Digest, password_of: Callable<String, Option<String>>) -> Verify<String> {
    Arc::new(move |sent, request| {
        let (digest, password_of) = (digest.clone(), password_of.clone());
        async move {
            let sent = request.authorization().filter(|_| matches!(sent, Some(Sent::Authorization(_))));
            let Some(sent) = sent else { return Ok(Checked::Unknown) };
            let Some(username) = sent.username().map(str::to_owned) else { return Ok(Checked::Unknown) };
            // An empty password is that of an account whose password was never set.
            let password = password_of.call(username.clone()).await?.filter(|password| !password.is_empty());
            let Some(password) = password else { return Ok(Checked::Unknown) };
            digest.check(&sent, &request, &password, username)
        }
        .boxed()
    })
}
