//! What a request must have.

use std::collections::HashSet;

use costrel::{Error, MultiDict, Request};

use crate::error::CsrfError;
use crate::settings::Settings;
use crate::token::validate;

/// How a request shows that a page of this app sent it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Proof {
    /// By a token.
    #[default]
    Token,
    /// By what the browser says.
    FetchMetadata,
}

/// Checks a request: Flask-WTF's `protect`.
///
/// # Errors
/// A 400 that says why it is refused.
pub(crate) async fn check(proof: Proof, settings: &Settings, request: &Request) -> Result<(), Error> {
    if !settings.methods.iter().any(|method| method == request.method().as_str()) {
        return Ok(());
    }
    match proof {
        Proof::FetchMetadata => check_metadata(request),
        Proof::Token => {
            let token = find_token(settings, request).await?;
            validate(settings, token.as_deref())?;
            if request.is_secure() && settings.ssl_strict { check_referrer(request) } else { Ok(()) }
        }
    }
}

/// Returns the token in the form, under the field's name or behind a prefix, or else in a header.
async fn find_token(settings: &Settings, request: &Request) -> Result<Option<String>, Error> {
    let form = request.form().await?;
    let name = settings.field_name.as_str();
    let own = form.get(name).filter(|token| !token.is_empty());
    if let Some(token) = own.or_else(|| prefixed(&form, name)) {
        return Ok(Some(token.to_owned()));
    }
    let mut headers = settings.headers.iter().filter_map(|name| request.header(name));
    Ok(headers.find(|token| !token.is_empty()).map(str::to_owned))
}

/// Returns the first token under the field's name behind a prefix. The first value of each field counts, as in Flask.
fn prefixed<'f>(form: &'f MultiDict, name: &str) -> Option<&'f str> {
    let mut seen = HashSet::new();
    let firsts = form.iter().filter(|(field, _)| field.ends_with(name) && seen.insert(*field));
    firsts.map(|(_, token)| token).find(|token| !token.is_empty())
}

/// Checks that a page of this very host sent the request.
fn check_referrer(request: &Request) -> Result<(), Error> {
    let Some(referrer) = request.referrer().filter(|referrer| !referrer.is_empty()) else {
        return Err(CsrfError::ReferrerMissing.refusal());
    };
    let origin = format!("https://{}", request.host());
    match referrer.strip_prefix(&origin) {
        Some(rest) if rest.is_empty() || rest.starts_with(['/', '?', '#']) => Ok(()),
        _ => Err(CsrfError::ReferrerMismatch.refusal()),
    }
}

/// Checks `Sec-Fetch-Site`, which pages cannot forge, and in older browsers `Origin`. A client that sends neither is no
/// browser, so no page can have misled it.
fn check_metadata(request: &Request) -> Result<(), Error> {
    let is_own = match (request.header("sec-fetch-site"), request.header("origin")) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin == format!("{}://{}", request.scheme(), request.host()),
        (None, None) => true,
    };
    if is_own { Ok(()) } else { Err(CsrfError::CrossSite.refusal()) }
}
