//! Cookies: set and deleted on responses, parsed from requests.

use cookie::Cookie;
use cookie::time::{Duration, OffsetDateTime};
use http::header::{self, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

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
/// As in Werkzeug, characters in the path that URLs do not have are percent-encoded, a domain's port and the dot in
/// front of it are left out, and a cookie with `Max-Age` alone gets the `Expires` that it means. A cookie of more than
/// 4,093 bytes is set, with a warning in the log, because browsers ignore it.
///
/// # Errors
/// If the name is not a word of letters, digits and ``!#$%&'*+-.^_`|~``, or the domain is not one in ASCII; if the path
/// has a `;` or a control character.
pub fn set_cookie(response: &mut Response, mut cookie: Cookie<'static>) -> Result<(), Error> {
    check_name(cookie.name())?;
    if let Some(path) = cookie.path().filter(|path| path.contains(|letter: char| letter == ';' || letter.is_control()))
    {
        return Err(refused(path, "leave `;` and control characters out of the path"));
    }
    cookie.set_path(utf8_percent_encode(cookie.path().unwrap_or("/"), NOT_IN_PATHS).to_string());
    if let Some(domain) = cookie.domain().map(bare_domain).transpose()? {
        cookie.set_domain(domain);
    }
    let value = quote(cookie.value());
    cookie.set_value(value);
    sync_expires(&mut cookie);
    let line = cookie.to_string();
    warn_if_too_large(&cookie, line.len());
    response.headers_mut().append(header::SET_COOKIE, HeaderValue::try_from(line)?);
    Ok(())
}

/// Gives a cookie that has `Max-Age` alone the date that it means, for clients that know `Expires` only.
fn sync_expires(cookie: &mut Cookie<'_>) {
    if let (None, Some(age)) = (cookie.expires(), cookie.max_age()) {
        // A lifetime below zero may reach back before the dates that a cookie can have.
        cookie.set_expires(OffsetDateTime::now_utc().saturating_add(age).max(epoch()));
    }
}

/// The characters that Werkzeug encodes in a cookie's path, so that none of them ends it.
const NOT_IN_PATHS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'%')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b'/')
    .remove(b':')
    .remove(b'=')
    .remove(b'@')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Checks that the name is a token (RFC 6265, section 4.1.1), because clients read any other name as another one.
fn check_name(name: &str) -> Result<(), Error> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name.is_empty() && name.bytes().all(is_token) {
        return Ok(());
    }
    let remedy = "use letters, digits and !#$%&'*+-.^_`|~ only, and put other text in the value";
    Err(refused(name, remedy))
}

/// Returns the domain without its port and the dot in front, which clients ignore.
fn bare_domain(domain: &str) -> Result<String, Error> {
    let bare = domain.split(':').next().unwrap_or_default().trim_start_matches('.');
    if !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) {
        return Ok(bare.to_owned());
    }
    Err(refused(domain, "write a domain in ASCII, such as \"example.com\" or \"xn--bcher-kva.example\""))
}

fn refused(part: &str, remedy: &str) -> Error {
    Error::new(ErrorKind::Other, format!("a cookie's name, path or domain cannot be {part:?}: {remedy}"))
}

/// The longest `Set-Cookie` that all browsers accept, in bytes; Werkzeug's limit.
const LONGEST: usize = 4093;

fn warn_if_too_large(cookie: &Cookie<'_>, length: usize) {
    if length > LONGEST {
        let (name, value) = (cookie.name(), cookie.value().len());
        tracing::warn!(
            "The {name:?} cookie is too large: the value has {value} bytes, the whole header {length}, and the limit is \
             {LONGEST}. Browsers may ignore it, and then the client keeps its old value. Keep less in it: put the data in a \
             database and its key in the cookie; for sessions, `app.set_session_interface` does that."
        );
    }
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
/// As [`set_cookie`].
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
        match (first, after.first_chunk().copied().and_then(octal), after.split_first()) {
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

/// The byte that three octal digits stand for; `None` if they are other letters or a larger number.
fn octal(digits: [u8; 3]) -> Option<u8> {
    // `from_str_radix` alone would take a sign too.
    let text = std::str::from_utf8(&digits).ok().filter(|_| digits.iter().all(u8::is_ascii_digit))?;
    u8::from_str_radix(text, 8).ok()
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
