//! Tokens that are read: their parts, their signature and their claims, checked in `PyJWT`'s order and with its words.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use costrel::{Error, Waiting};
use costrel_ext_kit::secrets::compare_digest;
use serde_json::Value;

use crate::error::{JwtError, JwtErrorKind};
use crate::keys::Signed;
use crate::options::Jwt;
use crate::settings::{Common, Location, Settings};
use crate::token::{Claims, Token};

/// Reads a token and checks its signature and its claims: `.await` it in async code, `.wait()` for it in sync code. Nothing is
/// asked of blocklist and user lookup.
///
/// # Errors
/// An error whose source is a [`JwtError`] if the token is not valid; the errors of `decode_key_loader`.
pub fn decode_token(encoded: impl Into<String>) -> Waiting<Token> {
    decode_with(encoded.into(), Expected::default())
}

/// Reads a token as [`decode_token`] does, and takes one too that has expired.
///
/// # Errors
/// Those of [`decode_token`].
pub fn decode_expired_token(encoded: impl Into<String>) -> Waiting<Token> {
    decode_with(encoded.into(), Expected { may_be_expired: true, ..Expected::default() })
}

/// Returns the header of a token whose signature is not checked.
///
/// # Errors
/// An error whose source is a [`JwtError`] if it cannot be read.
pub fn get_unverified_jwt_headers(encoded: &str) -> Result<Claims, Error> {
    Ok(Parts::read(encoded).map_err(JwtError::refusal)?.header)
}

/// Returns the claims of a token whose signature is not checked.
pub(crate) fn unverified_claims(encoded: &str) -> Result<Claims, Error> {
    Ok(Parts::read(encoded).map_err(JwtError::refusal)?.claims)
}

fn decode_with(encoded: String, expected: Expected) -> Waiting<Token> {
    Waiting::new(async move { decode(&*Jwt::current()?, &encoded, expected).await })
}

/// What a token is expected to be.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    pub(crate) location: Option<Location>,
    /// The token against CSRF that came beside it.
    pub(crate) csrf: Option<String>,
    pub(crate) may_be_expired: bool,
}

pub(crate) async fn decode(jwt: &Jwt, encoded: &str, expected: Expected) -> Result<Token, Error> {
    let settings = jwt.settings()?;
    let mut parts = Parts::read(encoded).map_err(JwtError::refusal)?;
    let token = |header, claims| Token::new(header, claims, expected.location, &settings.common.identity_claim);
    let given = match &jwt.decode_key {
        Some(load) => Some(load.call(token(parts.header.clone(), parts.claims.clone())).await?),
        None => None,
    };
    let algorithm = parts.algorithm(settings).map_err(JwtError::refusal)?;
    let key_id = parts.header.get("kid").and_then(Value::as_str);
    let signed = Signed { algorithm, key_id, message: parts.message.as_bytes(), signature: parts.signature };
    if !settings.keys.verify(&signed, given.as_deref())? {
        return Err(JwtError::invalid("Signature verification failed").refusal());
    }
    let has_expired =
        check(&settings.common, &mut parts.claims, expected.csrf.as_deref()).map_err(JwtError::refusal)?;
    let token = token(parts.header, parts.claims);
    if has_expired && !expected.may_be_expired {
        return Err(JwtError::of(&token, JwtErrorKind::Expired, "Token has expired").refusal());
    }
    Ok(token)
}

/// The parts of a token.
struct Parts<'t> {
    header: Claims,
    claims: Claims,
    /// What is signed.
    message: &'t str,
    signature: Vec<u8>,
}

impl<'t> Parts<'t> {
    fn read(encoded: &'t str) -> Result<Self, JwtError> {
        let parts = encoded.rsplit_once('.').and_then(|(message, signature)| {
            let (header, payload) = message.split_once('.')?;
            Some((message, header, payload, signature))
        });
        let (message, header, payload, signature) = parts.ok_or_else(|| invalid("Not enough segments"))?;
        let header = object(&bytes(header, "header")?, "header")?;
        let (payload, signature) = (bytes(payload, "payload")?, bytes(signature, "crypto")?);
        check_header(&header)?;
        Ok(Self { header, claims: object(&payload, "payload")?, message, signature })
    }

    fn algorithm(&self, settings: &Settings) -> Result<jsonwebtoken::Algorithm, JwtError> {
        let name = self.header.get("alg").ok_or_else(|| invalid("Algorithm not specified"))?;
        let accepted = name.as_str().and_then(|name| settings.keys.accepted(name));
        accepted.ok_or_else(|| invalid("The specified alg value is not allowed"))
    }
}

/// Reads base64 for URLs, with padding or without, and with no bit too many.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn bytes(encoded: &str, part: &str) -> Result<Vec<u8>, JwtError> {
    BASE64.decode(encoded).map_err(|_| invalid(format!("Invalid {part} padding")))
}

fn object(json: &[u8], part: &str) -> Result<Claims, JwtError> {
    match serde_json::from_slice(json) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(invalid(format!("Invalid {part} string: must be a json object"))),
        Err(error) => Err(invalid(format!("Invalid {part} string: {error}"))),
    }
}

/// Checks what the header asks of its reader; no extension is known here.
fn check_header(header: &Claims) -> Result<(), JwtError> {
    if header.get("kid").is_some_and(|id| !id.is_string()) {
        return Err(invalid("Key ID header parameter must be a string"));
    }
    if header.get("b64") == Some(&Value::Bool(false)) {
        return Err(invalid("Payload segment must be empty when 'b64' is false."));
    }
    let Some(critical) = header.get("crit") else { return Ok(()) };
    let name = critical.as_array().and_then(|names| names.first()).and_then(Value::as_str);
    Err(invalid(name.map_or_else(
        || "Invalid 'crit' header: must be a non-empty list".to_owned(),
        |name| format!("Unsupported critical extension: {name}"),
    )))
}

/// Checks the claims, and adds those that tokens of other makers lack. Returns whether the token has expired.
fn check(settings: &Common, claims: &mut Claims, csrf: Option<&str>) -> Result<bool, JwtError> {
    let has_expired = check_times(claims, settings.decode_leeway)?;
    check_issuer(claims, &settings.decode_issuer)?;
    check_audience(claims, &settings.decode_audience)?;
    let is_text = |name: &str| claims.get(name).is_none_or(Value::is_string);
    if settings.verify_sub && !is_text("sub") {
        return Err(invalid("Subject must be a string"));
    }
    if !is_text("jti") {
        return Err(invalid("JWT ID must be a string"));
    }
    if !claims.contains_key(&settings.identity_claim) {
        return Err(invalid(format!("Missing claim: {}", settings.identity_claim)));
    }
    for (name, default) in [("type", "access".into()), ("fresh", false.into()), ("jti", Value::Null)] {
        claims.entry(name).or_insert(default);
    }
    match csrf {
        Some(csrf) => check_csrf(claims, csrf).map(|()| has_expired),
        None => Ok(has_expired),
    }
}

/// Checks the times; returns whether the token has expired.
fn check_times(claims: &Claims, leeway: f64) -> Result<bool, JwtError> {
    let now = now().as_secs_f64();
    let seconds = |name: &str, what: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => match value.as_f64() {
            Some(seconds) => Ok(Some(seconds.trunc())),
            None => Err(invalid(format!("{what} claim ({name}) must be an integer."))),
        },
    };
    for (name, what) in [("iat", "Issued At"), ("nbf", "Not Before")] {
        if seconds(name, what)?.is_some_and(|begins| begins > now + leeway) {
            return Err(invalid(format!("The token is not yet valid ({name})")));
        }
    }
    Ok(seconds("exp", "Expiration Time")?.is_some_and(|ends| ends <= now - leeway))
}

/// The time since 1970.
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn check_issuer(claims: &Claims, issuers: &[String]) -> Result<(), JwtError> {
    match claims.get("iss") {
        _ if issuers.is_empty() => Ok(()),
        None => Err(invalid("Token is missing the \"iss\" claim")),
        Some(Value::String(issuer)) if issuers.contains(issuer) => Ok(()),
        Some(Value::String(_)) => Err(invalid("Invalid issuer")),
        Some(_) => Err(invalid("Payload Issuer (iss) must be a string")),
    }
}

fn check_audience(claims: &Claims, audiences: &[String]) -> Result<(), JwtError> {
    let claimed = match claims.get("aud") {
        _ if audiences.is_empty() => return Ok(()),
        Some(Value::Array(claimed)) => claimed.as_slice(),
        Some(claim) if !claim.is_null() && *claim != "" => std::slice::from_ref(claim),
        _ => &[],
    };
    if claimed.is_empty() {
        return Err(invalid("Token is missing the \"aud\" claim"));
    }
    let claimed: Option<Vec<_>> = claimed.iter().map(Value::as_str).collect();
    let claimed = claimed.ok_or_else(|| invalid("Invalid claim format in token"))?;
    let is_meant = audiences.iter().any(|audience| claimed.contains(&audience.as_str()));
    is_meant.then_some(()).ok_or_else(|| invalid("Audience doesn't match"))
}

fn check_csrf(claims: &Claims, csrf: &str) -> Result<(), JwtError> {
    let own = claims.get("csrf").ok_or_else(|| invalid("Missing claim: csrf"))?;
    let is_same = own.as_str().is_some_and(|own| compare_digest(own, csrf));
    is_same.then_some(()).ok_or_else(|| JwtError::unauthorized("CSRF double submit tokens do not match"))
}

fn invalid(message: impl Into<String>) -> JwtError {
    JwtError::invalid(message)
}
