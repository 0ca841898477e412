//! The headers that tell a client how its limits stand.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use costrel::{Error, HeaderMap, HeaderName, HeaderValue, Response};

use crate::request_limit::RequestLimit;
use crate::settings::{RetryAfter, Settings};

/// The headers of a limiter: their names, and which of them it sends.
pub(crate) struct Headers {
    /// The names of the limit, what remains, and the reset; `None` if the client is not told by these.
    names: Option<[HeaderName; 3]>,
    /// Whether the client is told by the fields of the IETF's draft.
    draft: bool,
    retry_after: HeaderName,
    as_date: bool,
    is_compat: bool,
}

impl Headers {
    pub(crate) fn new(settings: &Settings, is_compat: bool) -> Result<Self, Error> {
        let Settings { header_limit, header_remaining, header_reset, header_retry_after, .. } = settings;
        let names = [
            name(header_limit.as_deref(), "x-ratelimit-limit")?,
            name(header_remaining.as_deref(), "x-ratelimit-remaining")?,
            name(header_reset.as_deref(), "x-ratelimit-reset")?,
        ];
        Ok(Self {
            names: (settings.headers_enabled == Some(true)).then_some(names),
            draft: settings.draft_headers == Some(true),
            retry_after: name(header_retry_after.as_deref(), "retry-after")?,
            as_date: settings.header_retry_after_value == Some(RetryAfter::HttpDate),
            is_compat,
        })
    }

    pub(crate) fn is_any(&self) -> bool {
        self.names.is_some() || self.draft
    }

    /// Adds to a refusal when to come back.
    pub(crate) fn tell_when(&self, error: Error, seconds: u64) -> Error {
        error.with_header(self.retry_after.clone(), self.when(Duration::from_secs(seconds)))
    }

    /// Writes the headers for a request: `current` is the limit to show, `all` are those that have counted the request.
    pub(crate) fn write(&self, response: &mut Response, current: &RequestLimit, all: &[RequestLimit]) {
        let headers = response.headers_mut();
        if self.draft {
            write_draft(headers, all);
        }
        let Some(names) = &self.names else { return };
        let reset = (current.reset_at() + Duration::from_secs(1)).duration_since(UNIX_EPOCH).unwrap_or_default();
        let numbers = [current.limit.amount, current.remaining, reset.as_secs()];
        // Another limiter may have told the client already; the one that allows less counts.
        let is_tightest = headers.get(&names[1]).and_then(number_of).is_none_or(|said| current.remaining <= said);
        for (name, number) in names.iter().zip(numbers) {
            if self.is_compat {
                headers.append(name, number.into());
            } else if is_tightest {
                headers.insert(name, number.into());
            }
        }
        if self.is_compat {
            // On every response, unless the view tells the client to wait longer.
            let of_view = headers.get(&self.retry_after).and_then(wait_of).unwrap_or_default();
            headers.insert(&self.retry_after, self.when(of_view.max(current.resets_in)));
        }
    }

    fn when(&self, wait: Duration) -> HeaderValue {
        let date = || HeaderValue::try_from(httpdate::fmt_http_date(SystemTime::now() + wait)).ok();
        self.as_date.then(date).flatten().unwrap_or_else(|| wait.as_secs().into())
    }
}

fn name(set: Option<&str>, usual: &str) -> Result<HeaderName, Error> {
    let name = set.unwrap_or(usual);
    HeaderName::try_from(name)
        .map_err(|_| Error::setup(format!("{name:?} in RATELIMIT_HEADER_.. is no name of a header")))
}

fn number_of(value: &HeaderValue) -> Option<u64> {
    value.to_str().ok()?.parse().ok()
}

/// The time that a `Retry-After` tells the client to wait, in seconds or as a date.
fn wait_of(value: &HeaderValue) -> Option<Duration> {
    let date = || httpdate::parse_http_date(value.to_str().ok()?).ok()?.duration_since(SystemTime::now()).ok();
    number_of(value).map(Duration::from_secs).or_else(date)
}

/// Writes the fields of `draft-ietf-httpapi-ratelimit-headers`: the policies, and what each of them still allows. Two limits
/// of one name are told of once, by the one that allows less.
fn write_draft(headers: &mut HeaderMap, all: &[RequestLimit]) {
    let mut all: Vec<_> = all.iter().collect();
    all.sort_by_key(|known| known.remaining);
    for (at, RequestLimit { limit, remaining, resets_in, .. }) in all.iter().enumerate() {
        if all[..at].iter().all(|known| known.limit != *limit) {
            let policy = format!("\"{limit}\";q={};w={}", limit.amount, limit.window().as_secs());
            let left = format!("\"{limit}\";r={remaining};t={}", seconds_up(*resets_in));
            for (name, text) in [("ratelimit-policy", policy), ("ratelimit", left)] {
                headers.extend(HeaderValue::try_from(text).ok().map(|value| (HeaderName::from_static(name), value)));
            }
        }
    }
}

/// Rounds up, so that a client that waits so long gets through.
pub(crate) fn seconds_up(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}
