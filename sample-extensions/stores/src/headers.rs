//! The headers that tell a client how its limits stand.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use costrel::{Error, ErrorKind, HeaderMap, HeaderName, HeaderValue};

use crate::counters::Counted;
use crate::rate::Rate;

/// The headers that tell a client how its limits stand: which of them a response has, and their names.
///
/// ```
/// use std::time::Duration;
/// use costrel::HeaderMap;
/// use costrel_stores::{Charge, Counters, Hit, LimitHeaders, MemoryCounters, Rate};
///
/// let (store, rate) = (MemoryCounters::new(), Rate::parse_all("10/minute")?[0].clone());
/// let counted = store.count(&[Hit::new("ada", rate.amount, rate.window())], Charge::AllOrNone).wait()?[0];
/// let mut headers = HeaderMap::new();
/// LimitHeaders { draft: true, ..LimitHeaders::default() }.write(&mut headers, &[(&rate, counted)]);
/// assert_eq!(headers["ratelimit"], "\"10 per 1 minute\";r=9;t=60");
/// assert_eq!(headers["ratelimit-policy"], "\"10 per 1 minute\";q=10;w=60");
/// # Ok::<(), costrel::Error>(())
/// ```
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "options that are on or off, each by its own name")]
pub struct LimitHeaders {
    /// Whether responses have `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset`. Default: no.
    pub legacy: bool,
    /// Whether responses have `RateLimit` and `RateLimit-Policy`, the fields of `draft-ietf-httpapi-ratelimit-headers`. Default:
    /// no.
    pub draft: bool,
    /// The names of the limit, what remains, and the reset.
    pub names: [HeaderName; 3],
    /// The name of the header that tells when to come back. Default: `Retry-After`.
    pub retry_after: HeaderName,
    /// Whether that time is a date. Default: no, seconds.
    pub as_date: bool,
    /// Whether a response has each header as often as something writes it, and tells when to come back though it is no refusal, as
    /// in Flask-Limiter. Default: no, of several limits a response tells of the one that allows less.
    pub as_flask_limiter: bool,
}

impl Default for LimitHeaders {
    fn default() -> Self {
        let names = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"].map(HeaderName::from_static);
        let retry_after = HeaderName::from_static("retry-after");
        Self { legacy: false, draft: false, names, retry_after, as_date: false, as_flask_limiter: false }
    }
}

impl LimitHeaders {
    /// Returns headers with other names, in place of `X-RateLimit-Limit`, `X-RateLimit-Remaining`, `X-RateLimit-Reset` and
    /// `Retry-After`; where a name is `None`, with the usual one.
    ///
    /// # Errors
    /// A set-up error, without a line, if one of them is no name of a header.
    pub fn named(names: [Option<&str>; 4]) -> Result<Self, Error> {
        let mut headers = Self::default();
        let usual = headers.names.iter_mut().chain([&mut headers.retry_after]);
        for (name, text) in usual.zip(names).filter_map(|(name, text)| Some((name, text?))) {
            let wrong = |_| Error::new(ErrorKind::Setup, format!("{text:?} is no name of a header"));
            *name = HeaderName::try_from(text).map_err(wrong)?;
        }
        Ok(headers)
    }

    /// Whether responses that are no refusals have any of the headers.
    pub fn is_any(&self) -> bool {
        self.legacy || self.draft
    }

    /// The header that tells a client when to come back.
    pub fn retry_after(&self, wait: Duration) -> (HeaderName, HeaderValue) {
        let date = || HeaderValue::try_from(httpdate::fmt_http_date(SystemTime::now() + wait)).ok();
        let date = self.as_date.then(date).flatten();
        (self.retry_after.clone(), date.unwrap_or_else(|| wait.as_secs().into()))
    }

    /// Writes the headers for limits as they stand. Those with one number tell of the first.
    pub fn write(&self, headers: &mut HeaderMap, limits: &[(&Rate, Counted)]) {
        if self.draft {
            write_draft(headers, limits);
        }
        let Some((rate, counted)) = limits.first().filter(|_| self.legacy) else { return };
        let reset = SystemTime::now() + counted.resets_in + Duration::from_secs(1);
        let reset = reset.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let is_tightest = headers.get(&self.names[1]).and_then(number_of).is_none_or(|said| counted.remaining <= said);
        for (name, number) in self.names.iter().zip([rate.amount, counted.remaining, reset]) {
            if self.as_flask_limiter {
                headers.append(name, number.into());
            } else if is_tightest {
                headers.insert(name, number.into());
            }
        }
        if self.as_flask_limiter {
            // The view may tell the client to wait longer.
            let of_view = headers.get(&self.retry_after).and_then(wait_of).unwrap_or_default();
            let (name, value) = self.retry_after(of_view.max(counted.resets_in));
            headers.insert(name, value);
        }
    }
}

fn number_of(value: &HeaderValue) -> Option<u64> {
    value.to_str().ok()?.parse().ok()
}

/// The time that a `Retry-After` tells the client to wait, in seconds or as a date.
fn wait_of(value: &HeaderValue) -> Option<Duration> {
    let date = || httpdate::parse_http_date(value.to_str().ok()?).ok()?.duration_since(SystemTime::now()).ok();
    number_of(value).map(Duration::from_secs).or_else(date)
}

/// Writes the fields of the draft: the policies, and what each of them still allows. Two limits of one name are told of once, by
/// the one that allows less.
fn write_draft(headers: &mut HeaderMap, limits: &[(&Rate, Counted)]) {
    let mut limits = limits.to_vec();
    limits.sort_by_key(|(_, counted)| counted.remaining);
    for (at, (rate, counted)) in limits.iter().enumerate() {
        if limits[..at].iter().all(|(known, _)| known != rate) {
            let policy = format!("\"{rate}\";q={};w={}", rate.amount, rate.window().as_secs());
            let left = format!("\"{rate}\";r={};t={}", counted.remaining, seconds_up(counted.resets_in));
            for (name, text) in [("ratelimit-policy", policy), ("ratelimit", left)] {
                headers.extend(HeaderValue::try_from(text).ok().map(|value| (HeaderName::from_static(name), value)));
            }
        }
    }
}

/// Rounds up, so that a client that waits so long gets through.
fn seconds_up(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}
