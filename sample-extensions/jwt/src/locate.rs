//! Where in a request the token is.

use std::borrow::Cow;

use costrel::{Error, Request};
use serde_json::Value;

use crate::error::JwtError;
use crate::settings::{Common, Kind, Location, Settings};

/// What was found at one place.
pub(crate) enum Sought<'r> {
    Found {
        encoded: Cow<'r, str>,
        /// The token against CSRF beside it.
        csrf: Option<String>,
    },
    Missing(Missing),
}

/// Why there is no token at a place. Without a text, which is made for a refusal only.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Missing {
    Absent,
    /// The header is there, and has another type than `Bearer`.
    OtherType,
    /// The body is not JSON.
    OtherContent,
}

/// Looks for a token at one place.
///
/// # Errors
/// If what is there is no token, or has no token against CSRF beside it; the errors of reading the body.
pub(crate) async fn locate<'r>(
    settings: &Settings,
    kind: Kind,
    location: Location,
    request: &'r Request,
) -> Result<Sought<'r>, Error> {
    match location {
        Location::Headers => in_headers(&settings.common, request).map_err(JwtError::refusal),
        Location::Cookies => in_cookies(settings, kind, request).await,
        Location::QueryString => in_query(&settings.common, request).map_err(JwtError::refusal),
        Location::Json => in_json(&settings.common, kind, request).await,
    }
}

/// Reads `Authorization: Bearer <token>`, which may be one of several credentials with commas between them.
fn in_headers<'r>(settings: &Common, request: &'r Request) -> Result<Sought<'r>, JwtError> {
    let (name, kind) = (&settings.header_name, settings.header_type.as_str());
    // In bytes, because what is no ASCII is no token, but is not nothing either.
    let lines = request.header_values(name).flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let mut fields = lines.map(<[u8]>::trim_ascii).filter(|field| !field.is_empty()).peekable();
    if fields.peek().is_none() {
        return Ok(Sought::Missing(Missing::Absent));
    }
    let is_typed = !kind.is_empty();
    let mut own = fields.filter(|field| !is_typed || words(field).next() == Some(kind.as_bytes()));
    let (first, second) = (own.next(), own.next());
    if is_typed && (first.is_none() || second.is_some()) {
        return Ok(Sought::Missing(Missing::OtherType));
    }
    let mut words = words(first.unwrap_or_default()).skip(usize::from(is_typed));
    match (words.next(), words.next(), second) {
        (Some(token), None, None) => Ok(Sought::Found { encoded: String::from_utf8_lossy(token), csrf: None }),
        _ => Err(JwtError::invalid(format!("Bad {name} header. Expected '{}'", form(settings)))),
    }
}

fn words(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    field.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// The form of the header.
fn form(settings: &Common) -> String {
    let (name, kind) = (&settings.header_name, &settings.header_type);
    if kind.is_empty() { format!("{name}: <JWT>") } else { format!("{name}: {kind} <JWT>") }
}

async fn in_cookies<'r>(settings: &Settings, kind: Kind, request: &'r Request) -> Result<Sought<'r>, Error> {
    let (common, own) = (&settings.common, settings.of(kind));
    let is_full = |text: &String| !text.is_empty();
    let Some(encoded) = request.cookie(&own.cookie_name).filter(is_full) else {
        return Ok(Sought::Missing(Missing::Absent));
    };
    let encoded = encoded.into();
    if !common.cookie_csrf_protect || !common.csrf_methods.iter().any(|name| request.method() == name.as_str()) {
        return Ok(Sought::Found { encoded, csrf: None });
    }
    let mut csrf = request.header(&own.csrf_header_name).map(str::to_owned).filter(is_full);
    if csrf.is_none() && common.csrf_check_form {
        // Boxed, because few requests read a body, and all of them would move its room.
        csrf = Box::pin(request.form()).await?.get(&own.csrf_field_name).map(str::to_owned).filter(is_full);
    }
    match csrf {
        None => Err(JwtError::unauthorized("Missing CSRF token").refusal()),
        csrf => Ok(Sought::Found { encoded, csrf }),
    }
}

fn in_query<'r>(settings: &Common, request: &'r Request) -> Result<Sought<'r>, JwtError> {
    let (name, prefix) = (&settings.query_string_name, &settings.query_string_value_prefix);
    // A query says where a request goes, but this one says whom it is from. A cache learns that by a look at the headers.
    let _ = request.headers();
    let value = request.uri().query().and_then(|_| request.args().get(name).map(str::to_owned));
    let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(Sought::Missing(Missing::Absent)) };
    if let Some(token) = value.strip_prefix(prefix.as_str()) {
        return Ok(Sought::Found { encoded: token.to_owned().into(), csrf: None });
    }
    let begins = format!("Expected the value to start with '{prefix}'");
    Err(JwtError::invalid(format!("Invalid value for query parameter '{name}'. {begins}")))
}

async fn in_json<'r>(settings: &Common, kind: Kind, request: &'r Request) -> Result<Sought<'r>, Error> {
    if !request.is_json() {
        return Ok(Sought::Missing(Missing::OtherContent));
    }
    let body = Box::pin(request.get_json_silent::<Value>()).await?.unwrap_or_default();
    match body.get(json_key(settings, kind)) {
        None | Some(Value::Null) => Ok(Sought::Missing(Missing::Absent)),
        Some(Value::String(token)) if token.is_empty() => Ok(Sought::Missing(Missing::Absent)),
        Some(Value::String(token)) => Ok(Sought::Found { encoded: token.clone().into(), csrf: None }),
        Some(_) => Err(JwtError::invalid("Invalid token type. Token must be text").refusal()),
    }
}

fn json_key(settings: &Common, kind: Kind) -> &str {
    if kind == Kind::Access { &settings.json_key } else { &settings.refresh_json_key }
}

/// Says why there is no token at one of these places, in Flask-JWT-Extended's words.
pub(crate) fn describe(settings: &Settings, kind: Kind, places: &[(Location, Missing)]) -> String {
    let details: Vec<_> = places.iter().map(|(location, why)| describe_one(settings, kind, *location, *why)).collect();
    let names: Vec<_> = places.iter().map(|(location, _)| location.name()).collect();
    match names.split_last() {
        Some((last, others)) if !others.is_empty() => {
            format!("Missing JWT in {} or {last} ({})", others.join(", "), details.join("; "))
        }
        _ => details.concat(),
    }
}

fn describe_one(settings: &Settings, kind: Kind, location: Location, why: Missing) -> String {
    let common = &settings.common;
    let header = &common.header_name;
    match (location, why) {
        (_, Missing::OtherType) => {
            format!("Missing '{}' type in '{header}' header. Expected '{}'", common.header_type, form(common))
        }
        (_, Missing::OtherContent) => "Invalid content-type. Must be application/json.".to_owned(),
        (Location::Headers, _) => format!("Missing {header} Header"),
        (Location::Cookies, _) => format!("Missing cookie \"{}\"", settings.of(kind).cookie_name),
        // Spelled as the original has it.
        (Location::QueryString, _) => format!("Missing '{}' query paramater", common.query_string_name),
        (Location::Json, _) => format!("Missing \"{}\" key in json data.", json_key(common, kind)),
    }
}
