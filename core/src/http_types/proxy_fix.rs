//! The headers of trusted proxies, applied to the request; Werkzeug's `ProxyFix`.

use std::net::{IpAddr, SocketAddr};

use http::Request;
use http::header::{self, HeaderMap};

use super::forwarded::Forwarded;
use super::host::replace_host;
use super::peer::{Peer, Scheme, ScriptRoot};
use crate::config::ProxyFix;
use crate::routing::quote;

/// Applies the headers that the settings trust: the client's address, the scheme, the host, its port
/// and the path above the app. Those of
/// `X-Forwarded-*` go before those of `Forwarded`.
pub(crate) fn apply_proxy_fix<B>(settings: ProxyFix, request: &mut Request<B>, peer: &mut Peer) {
    if settings == ProxyFix::default() {
        return;
    }
    let forwarded = Forwarded::at(request.headers(), settings.forwarded).unwrap_or_default();
    let last = |name, hops| believed(request.headers(), name, hops);
    let client = last("x-forwarded-for", settings.x_for).or(forwarded.client);
    let scheme = last("x-forwarded-proto", settings.x_proto).or(forwarded.scheme);
    let host = last("x-forwarded-host", settings.x_host).or(forwarded.host);
    let port = last("x-forwarded-port", settings.x_port);
    if let Some(prefix) = last("x-forwarded-prefix", settings.x_prefix) {
        // Quoted, because a backslash after the slash would make browsers take what follows for a host.
        peer.root = ScriptRoot::new(&quote(&prefix).collect::<String>());
    }
    if let Some(address) = client.and_then(|text| parse(&text)) {
        peer.address = Some(address);
    }
    if let Some(scheme) = scheme {
        peer.scheme = Some(Scheme::from(scheme.as_str()));
    }
    if let Some(host) = host {
        replace_host(request, &host);
    }
    if let Some((port, host)) = port.zip(host_of(request)) {
        replace_host(request, &format!("{}:{port}", without_port(&host)));
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

/// Parses an address, with or without its port, which may be hidden by a name; an IPv6 one with or without brackets.
fn parse(text: &str) -> Option<SocketAddr> {
    let text = text.split_once(":_").map_or(text, |(address, _)| address);
    let bare = || text.trim_matches(['[', ']']).parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 0));
    text.parse().ok().or_else(bare)
}

fn host_of<B>(request: &Request<B>) -> Option<String> {
    let in_target = request.uri().authority().map(ToString::to_string);
    in_target.or_else(|| Some(request.headers().get(header::HOST)?.to_str().ok()?.to_owned()))
}

fn without_port(host: &str) -> &str {
    // The colons inside the brackets of an IPv6 address are no port's.
    host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map_or(host, |(name, _)| name)
}
