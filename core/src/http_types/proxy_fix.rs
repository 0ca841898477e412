//! The headers of trusted proxies, applied to the request; Werkzeug's `ProxyFix`.

use std::net::{IpAddr, SocketAddr};

use http::header::{self, HeaderMap, HeaderValue};

use super::request::{Peer, Scheme};
use crate::config::ProxyFix;

/// Applies the `X-Forwarded-*` headers that the settings trust: the client's address, the scheme, the host.
pub(crate) fn apply_proxy_fix<B>(settings: ProxyFix, request: &mut http::Request<B>, peer: &mut Peer) {
    let forwarded = believed(request.headers(), "x-forwarded-for", settings.x_for);
    if let Some(address) = forwarded.and_then(|text| parse(&text)) {
        peer.address = Some(address);
    }
    if let Some(scheme) = believed(request.headers(), "x-forwarded-proto", settings.x_proto) {
        peer.scheme = Some(Scheme::from(scheme.as_str()));
    }
    let host = believed(request.headers(), "x-forwarded-host", settings.x_host);
    if let Some(host) = host.and_then(|host| HeaderValue::try_from(host).ok()) {
        request.headers_mut().insert(header::HOST, host);
    }
}

/// Returns the value that the outermost of `hops` trusted proxies set; `None` if the header has fewer values.
fn believed(headers: &HeaderMap, name: &str, hops: usize) -> Option<String> {
    let from_the_end = hops.checked_sub(1)?;
    let texts = headers.get_all(name).into_iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let list = texts.collect::<Vec<_>>().join(",");
    let value = list.rsplit(',').nth(from_the_end)?.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

/// Parses an address, with or without its port; an IPv6 one with or without brackets.
fn parse(text: &str) -> Option<SocketAddr> {
    let bare = || text.trim_matches(['[', ']']).parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 0));
    text.parse().ok().or_else(bare)
}
