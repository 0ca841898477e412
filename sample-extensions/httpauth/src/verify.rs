//! How each scheme reads and checks what the client sent.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use costrel::{Authorization, Callable, Error, HeaderName, Request};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::digest::Digest;

/// Returns the user that a request names and proves to be; `None` if there is none.
pub(crate) type Verify<U> =
    Arc<dyn Fn(Option<Sent>, Request) -> BoxFuture<'static, Result<Option<U>, Error>> + Send + Sync>;

/// The credentials that a client sent.
pub(crate) enum Sent {
    /// The credentials in `Authorization`.
    Authorization(Authorization),
    /// The whole value of a header of another name.
    Header(String),
}

impl Sent {
    /// Reads the credentials of this scheme, from `header` or else from `Authorization`.
    pub(crate) fn read(request: &Request, scheme: &str, header: Option<&HeaderName>) -> Option<Self> {
        if let Some(name) = header {
            return request.header(name.as_str()).map(|value| Self::Header(value.to_owned()));
        }
        let authorization = request.authorization()?;
        authorization.scheme().eq_ignore_ascii_case(scheme).then_some(Self::Authorization(authorization))
    }

    /// The name and the password, which a header of another name, or a scheme that the app has renamed, has in base64 too.
    fn into_pair(self) -> Option<(String, String)> {
        let encoded = match &self {
            Self::Authorization(sent) => match (sent.username(), sent.password()) {
                (Some(name), Some(password)) => return Some((name.to_owned(), password.to_owned())),
                _ => sent.token()?,
            },
            Self::Header(value) => value.split_once(' ')?.1,
        };
        let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (name, password) = text.split_once(':')?;
        Some((name.to_owned(), password.to_owned()))
    }

    fn into_token(self) -> String {
        match self {
            Self::Header(value) => value,
            Self::Authorization(authorization) => authorization.token().unwrap_or_default().to_owned(),
        }
    }
}

/// Checks a name and a password. A client that sent none is checked with empty ones, as in Flask-HTTPAuth, so that an app may
/// let it in.
pub(crate) fn basic<U: Send + 'static>(verify: Callable<(String, String), Option<U>>) -> Verify<U> {
    Arc::new(move |sent, _| {
        let pair = sent.and_then(Sent::into_pair).unwrap_or_default();
        verify.call(pair).into_future().boxed()
    })
}

/// Checks a token; an empty one if the client sent none.
pub(crate) fn token<U: Send + 'static>(verify: Callable<String, Option<U>>) -> Verify<U> {
    Arc::new(move |sent, _| verify.call(sent.map(Sent::into_token).unwrap_or_default()).into_future().boxed())
}

/// Checks the answer to a challenge against the password of the user that it names.
pub(crate) fn digest(digest: Digest, password_of: Callable<String, Option<String>>) -> Verify<String> {
    Arc::new(move |sent, request| {
        let (digest, password_of) = (digest.clone(), password_of.clone());
        async move {
            let Some(Sent::Authorization(sent)) = sent else { return Ok(None) };
            let Some(username) = sent.username().map(str::to_owned) else { return Ok(None) };
            // An empty password is that of an account whose password was never set.
            let password = password_of.call(username.clone()).await?.filter(|password| !password.is_empty());
            let Some(password) = password else { return Ok(None) };
            Ok(digest.accepts(&sent, &request, &password)?.then_some(username))
        }
        .boxed()
    })
}
