//! Session protection: whether a session comes from the browser and address that signed in.

use costrel::{Error, Request, request, session};
use sha2::{Digest, Sha512};

use crate::options::Login;
use crate::remember::mark;
use crate::settings::{Mode, SessionProtection};
use crate::signals::{News, SESSION_PROTECTED};
use crate::visit::{FRESH, ID, Mark, NEXT, REMEMBER_SECONDS, USER_ID, forget};

/// Compares the session's identifier with the client's, and changes the session if they differ. Returns whether the user
/// in it may stay.
pub(crate) fn protect(login: &Login, news: &mut News) -> bool {
    let (protection, session) = (login.protection(), session());
    // Flask-Login takes a session that holds a flashed message alone for a stolen one.
    let has_no_user = if login.is_safe() { !session.contains(USER_ID) } else { session.is_empty() };
    let id = session.get::<String>(ID);
    if protection == SessionProtection::None || has_no_user || is_of_this_client(id.as_deref(), login.mode) {
        return true;
    }
    news.push(&SESSION_PROTECTED);
    let may_stay = protection == SessionProtection::Basic || session.is_permanent();
    if !may_stay {
        forget(&[USER_ID, REMEMBER_SECONDS, ID, FRESH, NEXT]);
        not_too_late(mark(Mark::Clear));
    } else if session.get(FRESH) != Some(false) {
        // Written once, so that the cookie is not sent with each response.
        not_too_late(session.set(FRESH, false));
    }
    may_stay
}

/// Logs a change of the session that comes after the head of the response, as in a streamed body. The next request makes
/// the change again, so this one goes on.
pub(crate) fn not_too_late(change: Result<(), Error>) {
    if let Err(error) = change {
        tracing::debug!("the session stays as it was: {error}");
    }
}

/// Gives a session that is kept on the server a new id, because another may have given the client the old one. Flask-Login
/// does not.
pub(crate) fn renew_session(login: &Login) -> Result<(), Error> {
    if login.is_safe() { session().regenerate() } else { Ok(()) }
}

/// Returns the identifier of the client of this request, by its address and browser, to store in the session.
pub(crate) fn identifier(mode: Mode) -> String {
    // Looked at aside, because no page depends on it: it only says whether the session is believed.
    request().aside(|request| match mode {
        Mode::FlaskLogin06 => of_version_06(request, true),
        Mode::Safe | Mode::FlaskLogin07 => of_version_07(request),
    })
}

/// Whether a session's identifier is that of the client of this request. The safe mode knows those of both versions, so
/// that users stay signed in when a Flask app is replaced.
fn is_of_this_client(id: Option<&str>, mode: Mode) -> bool {
    let is_of_version_06 = |id| id == request().aside(|request| of_version_06(request, false));
    id.is_some_and(|id| id == identifier(mode) || (mode == Mode::Safe && is_of_version_06(id)))
}

/// Hashes Python's spelling of the bytes, and may believe any client that sends `X-Forwarded-For`.
fn of_version_06(request: &Request, believe_header: bool) -> String {
    let forwarded = believe_header.then(|| header(request, "x-forwarded-for")).flatten();
    let address = forwarded.or_else(|| address(request));
    let address = address.as_deref().and_then(|list| list.split(',').next()).map(str::trim);
    let agent = header(request, "user-agent");
    let [address, agent] = [address, agent.as_deref()].map(|text| text.map_or("None".to_owned(), python_bytes));
    hex::encode(Sha512::digest(format!("{address}|{agent}")))
}

fn of_version_07(request: &Request) -> String {
    let address = address(request).unwrap_or_else(|| "None".to_owned());
    let agent = header(request, "user-agent").unwrap_or_default();
    hex::encode(Sha512::digest(format!("{address}|{agent}")))
}

fn address(request: &Request) -> Option<String> {
    request.remote_addr().map(|address| address.ip().to_string())
}

/// The value of a header, each byte as a letter, as WSGI gives it to an app.
fn header(request: &Request, name: &str) -> Option<String> {
    Some(request.header_values(name).next()?.as_bytes().iter().map(|byte| char::from(*byte)).collect())
}

/// Writes the UTF-8 bytes of `text` as Python's `repr` does.
fn python_bytes(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let written = text.bytes().map(|byte| match byte {
        b'"' => "\"".to_owned(),
        b'\'' if quote == '"' => "'".to_owned(),
        byte => byte.escape_ascii().to_string(),
    });
    format!("b{quote}{}{quote}", written.collect::<String>())
}
