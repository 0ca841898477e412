//! Cookies: set and deleted on responses, parsed from requests.

use cookie::Cookie;
use cookie::time::{Duration, OffsetDateTime};
use http::header::{self, HeaderValue};

use super::response::{Response, ResponsePart};
use crate::error::{Error, ErrorKind};

/// Sets a cookie, as Flask's `response.set_cookie` does. The path is `/` unless the cookie has one, and a value with
/// characters that no cookie may have is written in quotes.
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
/// If the cookie holds characters that no header may.
pub fn set_cookie(response: &mut Response, mut cookie: Cookie<'static>) -> Result<(), Error> {
    if cookie.path().is_none() {
        cookie.set_path("/");
    }
    let parts = [Some(cookie.name()), cookie.path(), cookie.domain()];
    if let Some(part) =
        parts.into_iter().flatten().find(|part| part.contains(|letter: char| letter == ';' || letter.is_control()))
    {
        return Err(Error::new(ErrorKind::Other, format!("a cookie's name, path or domain cannot be {part:?}")));
    }
    let value = quote(cookie.value());
    cookie.set_value(value);
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
/// If the cookie holds characters that no header may.
pub fn delete_cookie(response: &mut Response, mut cookie: Cookie<'static>) -> Result<(), Error> {
    cookie.set_value("");
    cookie.set_max_age(Duration::ZERO);
    cookie.set_expires(epoch());
    set_cookie(response, cookie)
}

/// Parses a `Cookie` header into names and values, without the quotes around a value.
pub(super) fn parse(header: &str) -> Vec<(String, String)> {
    let pairs = header.split(';').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs
        .map(|(name, value)| (name.trim().to_owned(), unquote(value.trim())))
        .filter(|(name, _)| !name.is_empty())
        .collect()
}

/// Quotes a value as Werkzeug and Python do, if it has characters that would end it or mean something else.
fn quote(value: &str) -> String {
    // The letters that Werkzeug leaves bare, so that both write the same.
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"_!#$%&'()*+-./:<=>?@[]^`{|}~".contains(&byte);
    if value.bytes().all(harmless) {
        return value.to_owned();
    }
    let mut quoted = String::from("\"");
    for byte in value.bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', byte as char]),
            b' '..=b'~' if byte != b',' && byte != b';' => quoted.push(byte as char),
            other => quoted.extend(format!("\\{other:03o}").chars()),
        }
    }
    quoted + "\""
}

fn unquote(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return value.to_owned() };
    let (mut bytes, mut rest) = (Vec::new(), inner.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match (first, octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()), after.split_first()) {
            (b'\\', Some(byte), _) => {
                bytes.push(byte);
                rest = &after[3..];
            }
            (b'\\', None, Some((escaped, after))) => {
                bytes.push(*escaped);
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The start of 1970: an expiry date that is past for every client.
pub(crate) fn epoch() -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH
}

/// Sets the cookie that stands beside the body in a view's tuple.
impl ResponsePart for Cookie<'static> {
    fn apply(self, response: &mut Response) -> Result<(), Error> {
        set_cookie(response, self)
    }
}
