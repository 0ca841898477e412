//! The token and the user of the current request.

use std::any::Any;
use std::sync::Arc;

use costrel::{Error, ErrorKind, g};
use serde::de::DeserializeOwned;

use crate::token::Token;
use crate::verify::{VERIFIED, Verified};

/// Returns the token of the current request. It is empty if there is none and the view lets such clients through.
///
/// # Errors
/// If the request was not checked, because the view is not behind `jwt_required`, or the method is OPTIONS.
///
/// # Panics
/// Outside a request and an app context, with a message that names the remedy.
pub fn get_jwt() -> Result<Token, Error> {
    Ok(verified()?.token.unwrap_or_default())
}

/// Returns the identity in the token of the current request: as text, `get_jwt_identity::<String>()`, and as an `Option` where
/// a token is optional.
///
/// # Errors
/// Those of [`get_jwt`]; if the identity is no `T`.
///
/// # Panics
/// Outside a request and an app context, with a message that names the remedy.
pub fn get_jwt_identity<T: DeserializeOwned>() -> Result<T, Error> {
    get_jwt()?.identity()
}

/// Returns the user that the function of [`Jwt::user_lookup_loader`](crate::Jwt::user_lookup_loader) has found; `None` if there
/// is no token, where it is optional.
///
/// ```
/// use costrel::{App, Error};
/// use costrel_jwt::{Jwt, Token, access_token, create_access_token, current_user, jwt_required};
///
/// struct User {
///     name: String,
/// }
///
/// let mut app = App::new("docs");
/// app.config.secret_key = Some("a secret that is long and random".into());
/// let load = async |token: Token| token.identity().map(|name| Some(User { name }));
/// app.init(Jwt::new().user_lookup_loader(load))?;
/// app.route("/login", || create_access_token("ada").wait());
/// app.rule("/me").decorate(jwt_required(access_token())).view(async || {
///     let user = current_user::<User>()?;
///     Ok::<_, Error>(user.map(|user| user.name.clone()).unwrap_or_default())
/// });
/// let client = app.test_client();
/// let bearer = format!("Bearer {}", client.get("/login").wait()?.text());
/// assert_eq!(client.get("/me").header("authorization", &bearer).wait()?.text(), "ada");
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// Those of [`get_jwt`]; if no such function is set, or the user is no `U`.
///
/// # Panics
/// Outside a request and an app context, with a message that names the remedy.
pub fn current_user<U: Any + Send + Sync>() -> Result<Option<Arc<U>>, Error> {
    let Verified { token, user } = verified()?;
    let wrong = |remedy: &str| Error::new(ErrorKind::Other, format!("there is no user of this type: {remedy}"));
    match user {
        None if token.is_none() => Ok(None),
        None => Err(wrong("write `Jwt::new().user_lookup_loader(f)`")),
        Some(user) => user.downcast().map(Some).map_err(|_| wrong("name the type that `user_lookup_loader` returns")),
    }
}

fn verified() -> Result<Verified, Error> {
    let remedy = "put `.decorate(jwt_required(access_token()))` on the rule, or call `verify_jwt_in_request` first";
    let unchecked = || Error::new(ErrorKind::Other, format!("the token of this request is not verified: {remedy}"));
    g().get(VERIFIED).ok_or_else(unchecked)
}
