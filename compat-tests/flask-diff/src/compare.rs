//! Two responses, compared by costrel-shadow without the parts that change from run to run.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use costrel::http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use costrel::{Bytes, Error, StatusCode, testing::TestResponse};
use costrel_shadow::Rules;
use flate2::read::{GzDecoder, ZlibDecoder};
use serde::Deserialize;
use serde_json::Value;

/// A response in the form in which Flask's responses were recorded.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    /// Whether the body is not text, and so written in base64.
    #[serde(default)]
    base64: bool,
    /// The content of the session's cookie, if the response sets it.
    session: Option<Value>,
    /// Whether the body is a page of the framework's own, with a sentence of the framework's own.
    #[serde(default)]
    default_page: bool,
    /// The error that no handler took.
    #[serde(skip)]
    error: Option<String>,
}

/// A difference between two responses.
#[derive(Debug)]
pub(crate) struct Difference {
    subject: String,
    flask: String,
    costrel: String,
}

/// The encodings in which bodies are sent.
const DECODED: [&str; 4] = ["zstd", "br", "gzip", "deflate"];

/// The beginning of the URL of a redirect that Flask's routing made.
const ORIGIN: &str = "http://localhost";

/// The number of characters shown of a line, and below it of each side of a difference.
const WIDTH: usize = 200;
const SIDE: usize = 75;

impl Answer {
    /// Makes an answer of Costrel's response, normalised as Flask's responses were.
    pub(crate) fn of(response: &TestResponse) -> Result<Self, Error> {
        let (mut headers, mut session) = (Vec::new(), None);
        for (name, value) in response.headers() {
            let value = String::from_utf8_lossy(value.as_bytes());
            if let Some(cookie) = session_cookie(&value).filter(|_| name.as_str() == "set-cookie") {
                session = Some(payload(cookie)?);
            }
            headers.push((name.as_str().to_owned(), without_clock(name.as_str(), &value)));
        }
        let encoding = response.header("content-encoding").filter(|name| DECODED.contains(name));
        if encoding.is_some() {
            // Each library compresses to a length of its own.
            let lengths = headers.iter_mut().filter(|(name, _)| name == "content-length");
            lengths.for_each(|(_, value)| "LENGTH".clone_into(value));
        }
        let data = decoded(encoding, response.data())?;
        let (body, base64) = match std::str::from_utf8(&data) {
            Ok(text) => (text.to_owned(), false),
            Err(_) => (STANDARD.encode(&data), true),
        };
        let error = response.error().map(ToString::to_string);
        let status = response.status().as_u16();
        Ok(Self { status, headers, body, base64, session, default_page: false, error })
    }

    /// Whether the response is a redirect that Flask's routing made.
    fn is_routed_redirect(&self) -> bool {
        let mut locations = self.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("location"));
        locations.any(|(_, value)| value.strip_prefix(ORIGIN).is_some_and(|path| path.starts_with('/')))
    }

    /// The response for the comparison. Without a body and its length, where Flask's is a page of its own.
    fn for_shadow(&self, with_body: bool) -> Result<costrel_shadow::Answer, Error> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let value =
                if name.eq_ignore_ascii_case("location") { value.strip_prefix(ORIGIN) } else { None }.unwrap_or(value);
            headers.append(HeaderName::try_from(name)?, HeaderValue::from_bytes(value.as_bytes())?);
        }
        let body = if self.base64 { STANDARD.decode(&self.body)? } else { self.body.clone().into_bytes() };
        if !with_body {
            headers.remove(CONTENT_LENGTH);
        }
        let body = if with_body { body.into() } else { Bytes::new() };
        let status = StatusCode::from_u16(self.status)?;
        Ok(costrel_shadow::Answer { status, headers, body, error: self.error.clone() })
    }

    fn status_line(&self) -> String {
        let error = self.error.as_ref().map(|error| format!(" for {error}"));
        format!("{}{}", self.status, error.unwrap_or_default())
    }
}

/// Returns the differences between two responses, which must be written alike.
pub(crate) fn compare(flask: &Answer, costrel: &Answer) -> Result<Vec<Difference>, Error> {
    let with_body = !flask.default_page && !flask.is_routed_redirect();
    let exact = Rules { exact: true, ..Rules::default() };
    let found = costrel_shadow::compare(&flask.for_shadow(with_body)?, &costrel.for_shadow(with_body)?, &exact);
    let mut found: Vec<_> = found.iter().map(|found| Difference::new(&found.part, &found.old, &found.new)).collect();
    if flask.session != costrel.session {
        let text = |session: &Option<Value>| session.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
        found.push(Difference::new("session", &text(&flask.session), &text(&costrel.session)));
    }
    Ok(found)
}

impl Difference {
    fn new(subject: &str, flask: &str, costrel: &str) -> Self {
        let same = flask.chars().zip(costrel.chars()).take_while(|(left, right)| left == right).count();
        Self { subject: subject.to_owned(), flask: part(flask, same), costrel: part(costrel, same) }
    }

    /// Makes the difference for a request that Costrel did not answer.
    pub(crate) fn failed(flask: &Answer, error: &Error) -> Self {
        Self::new("no answer", &flask.status_line(), &error.to_string())
    }

    /// Formats the difference as a line of the report; `mark` says whether it is known.
    pub(crate) fn line(&self, step: &str, mark: &str) -> String {
        let line = format!("{mark} {step}: {}: {} <> {}", self.subject, self.flask, self.costrel);
        line.chars().take(WIDTH).collect()
    }
}

/// Returns the part of `text` that differs from the other text; the first `same` characters are the same.
fn part(text: &str, same: usize) -> String {
    let begin = if text.chars().count() <= SIDE { 0 } else { same.saturating_sub(12) };
    let shown: String = text.chars().skip(begin).take(SIDE).collect();
    format!("{}{shown:?}", if begin == 0 { "" } else { "…" })
}

/// The session's cookie in a `Set-Cookie` header, unless the header deletes the cookie.
fn session_cookie(value: &str) -> Option<&str> {
    let (cookie, _) = value.strip_prefix("session=")?.split_once(';')?;
    (!cookie.is_empty()).then_some(cookie)
}

/// Decodes the content of a signed cookie.
fn payload(cookie: &str) -> Result<Value, Error> {
    let encoded = cookie.trim_start_matches('.').split('.').next().unwrap_or_default();
    let data = URL_SAFE_NO_PAD.decode(encoded)?;
    if !cookie.starts_with('.') {
        return Ok(serde_json::from_slice(&data)?);
    }
    let mut inflated = Vec::new();
    ZlibDecoder::new(data.as_slice()).read_to_end(&mut inflated)?;
    Ok(serde_json::from_slice(&inflated)?)
}

/// Returns a body without its `Content-Encoding`.
fn decoded(encoding: Option<&str>, body: &[u8]) -> Result<Vec<u8>, Error> {
    let mut plain = Vec::new();
    match encoding {
        // The answer to HEAD has the header and no body.
        Some(_) if body.is_empty() => {}
        Some("br") => brotli_decompressor::BrotliDecompress(&mut &*body, &mut plain)?,
        Some("gzip") => drop(GzDecoder::new(body).read_to_end(&mut plain)?),
        Some("deflate") => drop(ZlibDecoder::new(body).read_to_end(&mut plain)?),
        Some("zstd") => drop(zstd::Decoder::new(body)?.read_to_end(&mut plain)?),
        _ => plain.extend_from_slice(body),
    }
    Ok(plain)
}

/// Returns a header's value without the parts that depend on the time.
fn without_clock(name: &str, value: &str) -> String {
    match name {
        "set-cookie" if session_cookie(value).is_some() => {
            let attributes = value.split(';').skip(1).map(|attribute| without_date(attribute.trim()));
            std::iter::once("session=SESSION").chain(attributes).collect::<Vec<_>>().join("; ")
        }
        "set-cookie" if value.starts_with("sid=") && !value.starts_with("sid=;") => {
            let attributes = value.split(';').skip(1).map(|attribute| without_date(attribute.trim()));
            std::iter::once("sid=ID").chain(attributes).collect::<Vec<_>>().join("; ")
        }
        "date" | "expires" => "DATE".to_owned(),
        // The ETag is made of the file's path and time.
        "etag" if !value.contains("fixed") => "\"ETAG\"".to_owned(),
        _ => value.to_owned(),
    }
}

fn without_date(attribute: &str) -> &str {
    match attribute.strip_prefix("Expires=") {
        Some(date) if !date.starts_with("Thu, 01 Jan 1970") => "Expires=DATE",
        _ => attribute,
    }
}
