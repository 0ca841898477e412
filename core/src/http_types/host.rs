//! The host that a request is for: which text is one, and which of a request's hosts counts.

use std::net::Ipv6Addr;

use http::header::{self, HeaderValue};
use http::uri::{Authority, Uri};
use http::{Request, Version};

use crate::error::Error;

/// Settles the host of a request: the one in its target, else the one of its `Host` header. Returns whether it has one.
/// RFC 9112, 3.2: a target with a host replaces the header's.
///
/// # Errors
/// A 400 for several hosts, or text that is no host; then the request has none any more, so that no code builds a URL
/// from it.
pub(crate) fn settle_host<B>(request: &mut Request<B>) -> Result<bool, Error> {
    let is_good = match request.uri().authority() {
        None => match only_host(request) {
            Ok(None) => return Ok(false),
            Ok(Some(host)) => is_host(host.as_bytes()),
            Err(()) => false,
        },
        Some(authority) => is_host(authority.as_str().as_bytes()) && settle_header(request),
    };
    if is_good {
        return Ok(true);
    }
    remove_host(request);
    Err(Error::status(400)
        .with_message("The host of this request is not a host name or address, with or without a port."))
}

/// Whether a request over the network must say more of its host than it does: since HTTP/1.1 it has one, and in HTTP/1.1 in
/// its header, also beside a target with a host; RFC 9112, 3.2.
pub(crate) fn needs_host<B>(request: &Request<B>, is_named: bool) -> bool {
    match request.version() {
        Version::HTTP_11 if request.uri().authority().is_some() => !request.headers().contains_key(header::HOST),
        version => version >= Version::HTTP_11 && !is_named,
    }
}

/// Returns the refusal of a request that names no host; RFC 9112, 3.2, and RFC 9113, 8.3.1.
pub(crate) fn no_host() -> Error {
    Error::status(400).with_message("The request needs one Host header.")
}

/// Replaces the host of a request, in its header and its target.
pub(super) fn replace_host<B>(request: &mut Request<B>, host: &str) {
    if let Ok(value) = HeaderValue::try_from(host) {
        request.headers_mut().insert(header::HOST, value);
    }
    if request.uri().authority().is_some() {
        let authority = host.parse().ok();
        replace_authority(request, authority);
    }
}

/// Whether `text` is a host with or without a port: a name, an IPv4 address, or an IPv6 address in brackets. Of the
/// characters of RFC 3986, names have only those of the domain name system, `_` and `~`, because the others have a meaning
/// in lists, markup or shells.
pub(crate) fn is_host(text: &[u8]) -> bool {
    if let Some(literal) = text.strip_prefix(b"[") {
        let end = literal.iter().position(|&byte| byte == b']');
        let Some((address, rest)) = end.map(|end| literal.split_at(end)) else { return false };
        let is_address = str::from_utf8(address).is_ok_and(|address| address.parse::<Ipv6Addr>().is_ok());
        return is_address && (rest == b"]" || rest.strip_prefix(b"]:").is_some_and(is_port));
    }
    let mut before = Byte::Dot;
    for (at, &byte) in text.iter().enumerate() {
        let kind = BYTES[usize::from(byte)];
        match (kind, before) {
            (Byte::Name, _) | (Byte::Dot, Byte::Name) => before = kind,
            (Byte::Colon, _) if at > 0 => return is_port(&text[at + 1..]),
            _ => return false,
        }
    }
    !text.is_empty()
}

/// The kind of a byte of a host, looked up because every request has one.
#[derive(Clone, Copy)]
enum Byte {
    Name,
    Dot,
    Colon,
    Other,
}

const BYTES: [Byte; 256] = {
    let mut bytes = [Byte::Other; 256];
    let mut at = 0_u8;
    while at < 128 {
        bytes[at as usize] = match at {
            b'.' => Byte::Dot,
            b':' => Byte::Colon,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => Byte::Name,
            _ => Byte::Other,
        };
        at += 1;
    }
    bytes
};

/// Whether `text` is the number of a port. It may be empty, for the scheme's own port.
fn is_port(text: &[u8]) -> bool {
    let digit = |number: u32, byte: &u8| byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0'));
    text.len() <= 5 && text.iter().try_fold(0, digit).is_some_and(|number| u16::try_from(number).is_ok())
}

/// Returns the one `Host` header.
fn only_host<B>(request: &Request<B>) -> Result<Option<&HeaderValue>, ()> {
    let headers = request.headers();
    // Most requests have no header twice, and then one look is enough.
    if headers.len() == headers.keys_len() {
        return Ok(headers.get(header::HOST));
    }
    let mut hosts = headers.get_all(header::HOST).into_iter();
    let first = hosts.next();
    if hosts.next().is_some() { Err(()) } else { Ok(first) }
}

/// Makes the header agree with the host of the target, if there is one. Returns false if that cannot be: the client of
/// HTTP/2 that sends both must send the same (RFC 9113, 8.3.1).
fn settle_header<B>(request: &mut Request<B>) -> bool {
    let Ok(header) = only_host(request) else { return false };
    let Some((authority, header)) = request.uri().authority().zip(header) else { return true };
    let agrees = authority.as_str().as_bytes().eq_ignore_ascii_case(header.as_bytes());
    if !agrees && request.version() != Version::HTTP_2 {
        let authority = authority.to_string();
        replace_host(request, &authority);
        return true;
    }
    agrees
}

fn remove_host<B>(request: &mut Request<B>) {
    request.headers_mut().remove(header::HOST);
    replace_authority(request, None);
}

fn replace_authority<B>(request: &mut Request<B>, authority: Option<Authority>) {
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    // A URI with a scheme and no host is none.
    parts.scheme = parts.scheme.filter(|_| authority.is_some());
    parts.authority = authority;
    *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::is_host;

    #[test]
    fn a_host_is_a_name_or_an_address_with_or_without_a_port() {
        for good in ["a", "localhost:5000", "shop.example.", "a_b.example", "127.0.0.1:80", "[::1]", "[::1]:8080", "a:"]
        {
            assert!(is_host(good.as_bytes()), "{good}");
        }
        let bad = [
            "",
            ".",
            ".a",
            "a..b",
            ":80",
            "a:b",
            "a:+1",
            "a:65536",
            "a:1:2",
            "a b",
            "a,b",
            "a/b",
            "a?b",
            "a#b",
            "a\\b",
            "u@a",
            "a\"b",
            "a'b",
            "a<b",
            "a;b",
            "a%41",
            "a\tb",
            "\u{e9}",
            "[::1",
            "[::1]a",
            "[::g]",
            "[a]",
            "[]",
            "a]",
            "::1",
            "[v1.a]",
            "[fe80::1%25eth0]",
        ];
        for bad in bad {
            assert!(!is_host(bad.as_bytes()), "{bad}");
        }
    }
}
