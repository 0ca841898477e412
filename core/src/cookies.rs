//! Cookies on responses.

use cookie::Cookie;
use cookie::time::{Duration, OffsetDateTime};
use http::header::{self, HeaderValue};

use crate::error::Error;
use crate::response::{Response, ResponsePart};

/// Sets a cookie, as Flask's `response.set_cookie` does; its path is `/` unless it has one.
///
/// ```
/// use costrel::{Cookie, IntoResponse, set_cookie};
///
/// let mut response = "hello".into_response()?;
/// set_cookie(&mut response, Cookie::build(("theme", "dark")).http_only(true).build())?;
/// assert_eq!(response.headers()["set-cookie"], "theme=dark; HttpOnly; Path=/");
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Errors
/// If it holds characters that no header may.
pub fn set_cookie(response: &mut Response, mut cookie: Cookie<'static>) -> Result<(), Error> {
    if cookie.path().is_none() {
        cookie.set_path("/");
    }
    response.headers_mut().append(header::SET_COOKIE, HeaderValue::try_from(cookie.to_string())?);
    Ok(())
}

/// Makes the client forget a cookie, as Flask's `response.delete_cookie` does. Path and domain must be those it was
/// set with.
///
/// ```
/// let mut response = costrel::Response::default();
/// costrel::delete_cookie(&mut response, costrel::Cookie::from("theme"))?;
/// assert!(response.headers()["set-cookie"].to_str()?.starts_with("theme=; Path=/; Max-Age=0"));
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Errors
/// If it holds characters that no header may.
pub fn delete_cookie(response: &mut Response, mut cookie: Cookie<'static>) -> Result<(), Error> {
    cookie.set_value("");
    cookie.set_max_age(Duration::ZERO);
    cookie.set_expires(epoch());
    set_cookie(response, cookie)
}

/// The time that lies far enough back for every client.
pub(crate) fn epoch() -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH
}

/// Beside the body in a view's tuple: sets the cookie.
impl ResponsePart for Cookie<'static> {
    fn apply(self, response: &mut Response) -> Result<(), Error> {
        set_cookie(response, self)
    }
}
