//! The token, and the session's secret in it.

use std::time::Duration;

use costrel::{BadSignature, Error, Serializer, current_app, g, session};
use costrel_ext_kit::secrets::{compare_digest, token_hex};

use crate::error::CsrfError;
use crate::settings::Settings;

/// The purpose of the signature, which is Flask-WTF's.
const SALT: &str = "wtf-csrf-token";

/// Returns the token of this request: Flask-WTF's `generate_csrf`. The session gets a secret, unless it has one.
///
/// # Errors
/// If the app has no secret key, or no random bytes are to be had.
pub(crate) fn generate(settings: &Settings) -> Result<String, Error> {
    let name = &settings.field_name;
    if let Some(token) = g().get::<String>(name) {
        return Ok(token);
    }
    let secret = match session().get::<String>(name) {
        Some(secret) => Ok(secret),
        None => new_secret(name),
    }?;
    let token = serializer(settings)?.dumps(&secret)?;
    g().set(name.clone(), token.clone());
    Ok(token)
}

/// Checks a token against the session: Flask-WTF's `validate_csrf`.
///
/// # Errors
/// Why it does not hold; an error of set-up if the app has no secret key.
pub(crate) fn validate(settings: &Settings, token: Option<&str>) -> Result<(), Error> {
    let refuse = |error: CsrfError| Err(error.refusal());
    let Some(token) = token.filter(|token| !token.is_empty()) else { return refuse(CsrfError::TokenMissing) };
    let Some(secret) = session().get::<String>(&settings.field_name) else {
        return refuse(CsrfError::SessionTokenMissing);
    };
    let signed = serializer(settings)?.loads::<String>(token, settings.time_limit.unwrap_or(Duration::MAX));
    match signed {
        Ok(signed) if compare_digest(&signed, &secret) => Ok(()),
        Ok(_) => refuse(CsrfError::Mismatch),
        Err(error) if error.downcast_ref() == Some(&BadSignature::Expired) => refuse(CsrfError::Expired),
        Err(_) => refuse(CsrfError::Invalid),
    }
}

fn serializer(settings: &Settings) -> Result<Serializer, Error> {
    match &settings.secret_key {
        Some(secret) => Ok(Serializer::new([secret], SALT)),
        None => current_app().serializer(SALT),
    }
}

/// Gives the session a secret of 40 random digits, as many as Flask-WTF's.
fn new_secret(name: &str) -> Result<String, Error> {
    let secret = token_hex(20)?;
    session().set(name, &secret)?;
    Ok(secret)
}
