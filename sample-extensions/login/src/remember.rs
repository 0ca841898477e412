//! The remember cookie, which signs a user in again when the session is over; bit for bit Flask-Login's.

use costrel::{
    Error, Response, add_vary, after_this_request, current_app, delete_cookie, request, session, set_cookie,
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;
use subtle::ConstantTimeEq;

use crate::options::Login;
use crate::settings::Mode;
use crate::visit::{Mark, REMEMBER, REMEMBER_SECONDS, USER_ID, Visit};

/// The remember cookie of a request.
pub(crate) enum Remembered {
    /// There is none, or it is to be deleted.
    Absent,
    /// The cookie is not signed with this app's key.
    Forged,
    User(String),
}

/// Returns the value of a remember cookie for this text, such as a user's id: the text, a `|` and its HMAC-SHA-512.
///
/// ```
/// use costrel_login::{decode_cookie, encode_cookie};
///
/// let cookie = encode_cookie("1", b"deterministic");
/// assert!(cookie.starts_with("1|0e9e6e9855fbe6df"));
/// assert_eq!(decode_cookie(&cookie, b"deterministic"), Some("1"));
/// assert_eq!(decode_cookie(&cookie, b"another key"), None);
/// ```
pub fn encode_cookie(payload: &str, key: &[u8]) -> String {
    format!("{payload}|{}", digest(payload, key))
}

/// Returns the text in a remember cookie, if it was signed with this key.
pub fn decode_cookie<'c>(cookie: &'c str, key: &[u8]) -> Option<&'c str> {
    let (payload, signature) = cookie.rsplit_once('|')?;
    let is_right = digest(payload, key).as_bytes().ct_eq(signature.as_bytes());
    bool::from(is_right).then_some(payload)
}

fn digest(payload: &str, key: &[u8]) -> String {
    // HMAC takes keys of any length, so the error the signature allows for cannot occur.
    let mut mac = Hmac::<Sha512>::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes any key"));
    mac.update(payload.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// Whether the request has a remember cookie that is valid and stays.
///
/// # Errors
/// If the [`Login`] extension was not initialised.
///
/// # Panics
/// Outside a request, with a message that names the remedy.
pub fn login_remembered() -> Result<bool, Error> {
    Ok(matches!(remembered(&*Login::current()?), Remembered::User(_)))
}

/// Reads the remember cookie of the request.
pub(crate) fn remembered(login: &Login) -> Remembered {
    let is_over = current_mark(login) == Some(Mark::Clear);
    let Some(cookie) = request().cookie(login.settings().cookie_name()).filter(|_| !is_over) else {
        return Remembered::Absent;
    };
    let app = current_app();
    // Flask-Login knows no former keys.
    let former = app.config().secret_key_fallbacks.iter().filter(|_| login.is_safe());
    // An empty key counts as none, because any client could sign with it.
    let secrets = app.config().secret_key.iter().chain(former).filter(|secret| !secret.is_empty());
    let payload = secrets.into_iter().find_map(|secret| decode_cookie(&cookie, &key(secret)));
    payload.map_or(Remembered::Forged, |id| Remembered::User(id.to_owned()))
}

/// Sets or deletes the cookie at the end of this request; the last mark of a request counts.
///
/// # Errors
/// If the head of the response has left already.
pub(crate) fn mark(mark: Mark) -> Result<(), Error> {
    session().set(REMEMBER, if mark == Mark::Set { "set" } else { "clear" })?;
    *Visit::current().mark.lock() = Some(mark);
    after_this_request(write);
    Ok(())
}

/// The mark in force. Flask-Login keeps it in the session alone, so that `session.clear()` loses it.
fn current_mark(login: &Login) -> Option<Mark> {
    let mark = *Visit::current().mark.lock();
    mark.filter(|_| login.is_safe() || session().contains(REMEMBER))
}

async fn write(mut response: Response) -> Result<Response, Error> {
    let login = Login::current()?;
    let mark = current_mark(&login);
    *Visit::current().mark.lock() = Some(Mark::Done);
    session().remove(REMEMBER);
    match mark {
        Some(Mark::Set) => set(&login, &mut response)?,
        Some(Mark::Clear) => clear(&login, &mut response)?,
        Some(Mark::Done) | None => {}
    }
    Ok(response)
}

/// Sets the cookie anew, with `REMEMBER_COOKIE_REFRESH_EACH_REQUEST`, unless this request has settled it.
pub(crate) async fn refresh(mut response: Response) -> Result<Response, Error> {
    let login = Login::current()?;
    if !login.settings().remember_cookie_refresh_each_request || Visit::current().mark.lock().is_some() {
        return Ok(response);
    }
    let remembered = remembered(&login);
    // Flask-Login 0.6 remembers every user then, also those who did not ask for it.
    if login.mode != Mode::FlaskLogin06 && !matches!(remembered, Remembered::User(_)) {
        return Ok(response);
    }
    // The session may be on a server, so loading it may wait; it also holds the duration that the login has set.
    session().load().await?;
    let user = session().get::<String>(USER_ID);
    // A user who signed in after the one whom the cookie remembers has not asked for it.
    if !login.is_safe() || matches!(remembered, Remembered::User(id) if user.as_ref() == Some(&id)) {
        add_vary(&mut response, "Cookie");
        set(&login, &mut response)?;
    }
    Ok(response)
}

/// Sets the cookie for the user in the session.
fn set(login: &Login, response: &mut Response) -> Result<(), Error> {
    let Some(id) = session().get::<String>(USER_ID) else { return Ok(()) };
    let (app, mut cookie) = (current_app(), login.settings().cookie());
    cookie.set_value(encode_cookie(&id, &key(app.config().secret_key.as_deref().unwrap_or_default())));
    cookie.set_expires(login.settings().expires(session().get(REMEMBER_SECONDS))?);
    set_cookie(response, cookie)
}

fn clear(login: &Login, response: &mut Response) -> Result<(), Error> {
    let settings = login.settings();
    // Flask-Login leaves the attributes out, and then browsers ignore it in an embedded page.
    delete_cookie(response, if login.is_safe() { settings.cookie() } else { settings.bare_cookie() })
}

/// Returns the key in Latin-1, as Flask-Login encodes it; in UTF-8 if it has other letters, with which Flask-Login fails.
fn key(secret: &str) -> Vec<u8> {
    let latin1: Option<_> = secret.chars().map(|letter| u8::try_from(letter).ok()).collect();
    latin1.unwrap_or_else(|| secret.into())
}
