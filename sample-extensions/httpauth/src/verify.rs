//! How each scheme checks what the client sent.

use costrel::{Callable, Error, Request};

use crate::checked::Checked;
use crate::digest::Digest;
use crate::sent::Sent;

/// How a scheme finds the user in what the client of a request sent.
pub(crate) enum Verify<U> {
    /// By a name and a password.
    Basic(Callable<(String, String), Option<U>>),
    /// By a token.
    Token(Callable<String, Option<U>>),
    /// By the answer to a challenge, and then by the name in it.
    Digest(Digest, Callable<String, Option<U>>),
}

impl<U: Send + 'static> Verify<U> {
    /// Checks what the client sent. If that is nothing, a name, a password or a token is checked that is empty, as in
    /// Flask-HTTPAuth, so that an app may let the client in.
    ///
    /// # Errors
    /// Those of the app's function; for `Digest`, if the app has no secret key.
    pub(crate) async fn check(&self, sent: Option<Sent>, request: &Request) -> Result<Checked<U>, Error> {
        let user = match self {
            Self::Basic(verify) => verify.call(sent.and_then(Sent::into_pair).unwrap_or_default()).await?,
            Self::Token(verify) => verify.call(sent.map(Sent::into_token).unwrap_or_default()).await?,
            Self::Digest(digest, user_of) => match digest.check(sent, request).await? {
                Checked::User(name) => user_of.call(name).await?,
                Checked::Unknown => None,
                Checked::Stale => return Ok(Checked::Stale),
            },
        };
        Ok(user.into())
    }

    /// Makes another user of the one that is found.
    pub(crate) fn then<V: Send + 'static>(self, load: Callable<U, Option<V>>) -> Verify<V> {
        match self {
            Self::Basic(verify) => Verify::Basic(in_turn(verify, load)),
            Self::Token(verify) => Verify::Token(in_turn(verify, load)),
            Self::Digest(digest, user_of) => Verify::Digest(digest, in_turn(user_of, load)),
        }
    }
}

fn in_turn<T, U, V>(first: Callable<T, Option<U>>, second: Callable<U, Option<V>>) -> Callable<T, Option<V>>
where
    T: Send + 'static,
    U: Send + 'static,
    V: Send + 'static,
{
    Callable::new_async(move |sent| {
        let (first, second) = (first.call(sent), second.clone());
        async move {
            match first.await? {
                Some(user) => second.call(user).await,
                None => Ok(None),
            }
        }
    })
}

impl<U> Clone for Verify<U> {
    fn clone(&self) -> Self {
        match self {
            Self::Basic(verify) => Self::Basic(verify.clone()),
            Self::Token(verify) => Self::Token(verify.clone()),
            Self::Digest(digest, user_of) => Self::Digest(digest.clone(), user_of.clone()),
        }
    }
}
