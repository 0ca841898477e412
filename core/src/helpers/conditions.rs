//! The conditions and the range of a request, which decide what of a file its client gets (RFC 9110, sections 13 and 14).

use std::fmt::Write;
use std::time::SystemTime;

use headers::{ETag, Header, HeaderMapExt, IfMatch, IfModifiedSince, IfNoneMatch, IfUnmodifiedSince};
use http::header::{self, HeaderMap, HeaderName};
use http::{HeaderValue, Method};
use httpdate::HttpDate;
use sha1::{Digest, Sha1};

/// The part of a file that a client gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Selection {
    /// 200: the whole file.
    Whole,
    /// 206: the bytes from the first number up to the second, which is not included.
    Part(u64, u64),
    /// 304: the client has this version already.
    NotModified,
    /// 412: the client wants another version.
    PreconditionFailed,
    /// 416: the file has no such part.
    OutOfRange,
}

/// The version of a file or a page: what conditions are compared with.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) etag: Option<ETag>,
    pub(super) modified: Option<SystemTime>,
    /// The length in bytes.
    pub(super) length: u64,
}

impl Version {
    /// Evaluates the headers of a request in the order of RFC 9110, section 13.2.2.
    pub(super) fn select(&self, method: &Method, headers: &HeaderMap) -> Selection {
        match self.condition(method, headers) {
            // A range is defined for GET alone (section 14.2).
            Selection::Whole if *method == Method::GET && self.range_applies(headers) => {
                only(headers, &header::RANGE).map_or(Selection::Whole, |range| self.part(range))
            }
            selection => selection,
        }
    }

    /// Evaluates the headers of a request that are about versions, and not its range.
    pub(super) fn condition(&self, method: &Method, headers: &HeaderMap) -> Selection {
        match () {
            () if !matches!(*method, Method::GET | Method::HEAD) => Selection::Whole,
            () if !self.is_wanted(headers) => Selection::PreconditionFailed,
            () if self.is_known(headers) => Selection::NotModified,
            () => Selection::Whole,
        }
    }

    /// Whether the client wants this version, by `If-Match` or else `If-Unmodified-Since`.
    fn is_wanted(&self, headers: &HeaderMap) -> bool {
        if headers.contains_key(header::IF_MATCH) {
            let condition = tags::<IfMatch>(headers);
            return condition.is_some_and(|condition| match &self.etag {
                Some(etag) => condition.precondition_passes(etag),
                None => condition == IfMatch::any(),
            });
        }
        let condition = date::<IfUnmodifiedSince>(headers).zip(self.modified);
        condition.is_none_or(|(condition, modified)| condition.precondition_passes(modified))
    }

    /// Whether the client has this version, by `If-None-Match` or else `If-Modified-Since`.
    fn is_known(&self, headers: &HeaderMap) -> bool {
        // Its date does not count beside a tag, nor beside what is none.
        if headers.contains_key(header::IF_NONE_MATCH) {
            let condition = tags::<IfNoneMatch>(headers);
            return condition
                .zip(self.etag.as_ref())
                .is_some_and(|(condition, etag)| !condition.precondition_passes(etag));
        }
        let condition = date::<IfModifiedSince>(headers).zip(self.modified);
        condition.is_some_and(|(condition, modified)| !condition.is_modified(modified))
    }

    /// Whether the client means this version with its range: its `If-Range` is this very ETag or this very date.
    fn range_applies(&self, headers: &HeaderMap) -> bool {
        if !headers.contains_key(header::IF_RANGE) {
            return true;
        }
        let condition =
            only(headers, &header::IF_RANGE).and_then(|value| value.to_str().ok()).unwrap_or_default().trim();
        match (etag(condition), condition.parse::<HttpDate>()) {
            (Some(etag), _) => self.etag.as_ref().is_some_and(|own| IfMatch::from(etag).precondition_passes(own)),
            (_, Ok(date)) => self.modified.is_some_and(|modified| date == HttpDate::from(modified)),
            _ => false,
        }
    }

    /// Returns the part that a `Range` asks for. Several parts at once are not sent: the client gets the whole file.
    fn part(&self, range: &HeaderValue) -> Selection {
        let Some(ranges) = byte_ranges(range) else { return Selection::Whole };
        // An empty file has no part that `Content-Range` could name.
        if self.length == 0 {
            return Selection::Whole;
        }
        let mut parts = Vec::new();
        for range in ranges.split(',').map(str::trim).filter(|range| !range.is_empty()) {
            match bounds(range, self.length) {
                Some((from, to)) if from < to => parts.push((from, to)),
                Some(_beyond_the_end) => {}
                None => return Selection::OutOfRange,
            }
        }
        match parts[..] {
            [] => Selection::OutOfRange,
            [(from, to)] => Selection::Part(from, to),
            _ => Selection::Whole,
        }
    }
}

/// Returns the ranges of a `Range` in bytes; `None` if it is in another unit or has none.
fn byte_ranges(range: &HeaderValue) -> Option<&str> {
    let (unit, ranges) = range.to_str().ok()?.split_once('=')?;
    unit.trim().eq_ignore_ascii_case("bytes").then_some(ranges)
}

/// Returns the bounds of one range, with nothing between them if it lies beyond the end of the file; `None` if it is no
/// range.
fn bounds(range: &str, length: u64) -> Option<(u64, u64)> {
    let (first, last) = range.split_once('-')?;
    if first.is_empty() {
        return Some((length.saturating_sub(number(last)?), length));
    }
    let (first, last) = (number(first)?, if last.is_empty() { u64::MAX } else { number(last)? });
    (first <= last).then(|| (first, last.saturating_add(1).min(length)))
}

/// Reads a number of digits alone; one that is too large for the type is larger than any file.
fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// Returns the tag of a body, without quotes: its SHA-1, as Werkzeug's `generate_etag`.
pub(super) fn tag_of(body: &[u8]) -> String {
    Sha1::digest(body).iter().fold(String::with_capacity(40), |mut tag, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(tag, "{byte:02x}");
        tag
    })
}

/// Reads an `ETag` with its quotes. RFC 9110, section 8.8.3, knows visible characters alone in it, which `headers` relies on.
pub(super) fn etag(text: &str) -> Option<ETag> {
    let is_visible = text.bytes().all(|byte| byte > b' ' && byte != 0x7f);
    is_visible.then(|| text.parse().ok())?
}

/// Returns the condition that is a list of tags; none if one of them has a blank, or no end.
fn tags<H: Header>(headers: &HeaderMap) -> Option<H> {
    headers.get_all(H::name()).iter().all(|value| are_tags(value.as_bytes())).then(|| headers.typed_get())?
}

fn are_tags(list: &[u8]) -> bool {
    let mut is_within = false;
    list.iter().all(|byte| {
        is_within ^= *byte == b'"';
        !is_within || *byte > b' ' && *byte != 0x7f
    }) && !is_within
}

/// Returns the condition that is a date; none if it is there twice, or is no date, because such a one is to be ignored.
fn date<H: Header>(headers: &HeaderMap) -> Option<H> {
    only(headers, H::name())?;
    headers.typed_get()
}

/// Returns the value of a header that is there once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::time::{Duration, UNIX_EPOCH};

    use proptest::prelude::*;

    use super::*;

    fn version(length: u64) -> Version {
        let modified = UNIX_EPOCH + Duration::from_millis(1_700_000_000_500);
        Version { etag: "\"v\"".parse().ok(), modified: Some(modified), length }
    }

    fn headers(pairs: &[(&str, String)]) -> HeaderMap {
        let parse = |(name, value): &(&str, String)| Some((name.parse().ok()?, HeaderValue::try_from(value).ok()?));
        pairs.iter().filter_map(parse).collect()
    }

    /// The crate `headers` panics in debug builds at a tag that has a blank.
    #[test]
    fn a_tag_with_a_blank_or_no_end_is_no_tag() {
        for value in ["\"a b\"", "\"", "\"v\", \"", "W/\"a b\", \"v\"", "\"a\tb\""] {
            let selected = |name| version(9).select(&Method::GET, &headers(&[(name, value.to_owned())]));
            assert_eq!(selected("if-match"), Selection::PreconditionFailed, "{value}");
            assert_eq!(selected("if-none-match"), Selection::Whole, "{value}");
            let part = headers(&[("range", "bytes=0-1".into()), ("if-range", value.into())]);
            assert_eq!(version(9).select(&Method::GET, &part), Selection::Whole, "{value}");
            assert_eq!(etag(value), None);
        }
        let twice = headers(&[("if-match", "\"".into()), ("if-match", "\"u\"".into())]);
        assert_eq!(version(9).select(&Method::GET, &twice), Selection::PreconditionFailed);
        let known = headers(&[("if-none-match", "\"u\" , W/\"v\"".into())]);
        assert_eq!(version(9).select(&Method::GET, &known), Selection::NotModified);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Whatever the headers are, a part lies within the file, and only what the headers allow for is selected.
        #[test]
        fn a_selection_fits_the_file_and_the_request(
            pairs in prop::collection::vec(
                (
                    prop::sample::select(vec!["range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since"]),
                    prop_oneof![
                        "bytes ?= ?[-0-9, ]{0,12}",
                        "(W/)?\"[uv]\"(, \"v\")?|\\*",
                        "Tue, 14 Nov 2023 22:13:(19|20|21) GMT",
                        "[ -~]{0,20}",
                    ],
                ),
                0..4,
            ),
            length in prop_oneof![0_u64..20, Just(u64::MAX)],
            method in prop::sample::select(vec![Method::GET, Method::HEAD, Method::POST]),
        ) {
            let headers = headers(&pairs);
            let has = |names: &[&str]| names.iter().any(|name| headers.contains_key(*name));
            match version(length).select(&method, &headers) {
                Selection::Whole => {}
                Selection::Part(from, to) => {
                    prop_assert!(from < to && to <= length && method == Method::GET && has(&["range"]));
                }
                Selection::OutOfRange => prop_assert!(method == Method::GET && has(&["range"])),
                Selection::NotModified => prop_assert!(has(&["if-none-match", "if-modified-since"])),
                Selection::PreconditionFailed => prop_assert!(has(&["if-match", "if-unmodified-since"])),
            }
            if method == Method::POST {
                prop_assert_eq!(version(length).select(&method, &headers), Selection::Whole);
            }
        }

        /// A range is what a plain reading of its numbers says.
        #[test]
        fn a_range_is_read_as_it_is_written(first in 0_u64..30, last in 0_u64..30, length in 1_u64..20) {
            let select = |range: String| version(length).select(&Method::GET, &headers(&[("range", range)]));
            let bytes: Vec<u64> = (0..length).collect();
            let expected = |kept: Vec<u64>| match kept[..] {
                [] => Selection::OutOfRange,
                [only] => Selection::Part(only, only + 1),
                [from, .., to] => Selection::Part(from, to + 1),
            };
            let between = bytes.iter().copied().filter(|at| (first..=last).contains(at)).collect();
            prop_assert_eq!(select(format!("bytes={first}-{last}")), expected(between));
            prop_assert_eq!(select(format!("bytes={first}-")), expected(bytes.iter().copied().skip(usize::try_from(first)?).collect()));
            let tail = bytes.iter().rev().take(usize::try_from(last)?).rev().copied().collect();
            prop_assert_eq!(select(format!("bytes=-{last}")), expected(tail));
        }
    }
}
