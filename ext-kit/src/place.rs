//! Where a request goes, as far as its host and its app know.

use std::net::IpAddr;
use std::sync::Arc;

use costrel::Request;

/// A mark on the requests of a `DecoratorLayer`, whose app has no rules: the route that the layer's user has told, or that
/// the request has matched in the host's router, such as axum's `/users/{id}`; `None` if neither is known.
#[derive(Clone, Debug)]
pub(crate) struct HostRoute(pub(crate) Option<Arc<str>>);

/// The endpoint of all requests that a `DecoratorLayer` passes on.
const PASSED_ON: &str = "fallback";

/// Returns the endpoint, and for what a `DecoratorLayer` passes on the host's route.
pub(crate) fn endpoint(request: &Request) -> String {
    let endpoint = request.endpoint().unwrap_or_default();
    match request.aside(Request::extension::<HostRoute>) {
        Some(host) if endpoint == PASSED_ON => host.text(request),
        _ => endpoint.to_owned(),
    }
}

/// Returns the route: the endpoint, and on the service of another framework what that matched, or else the whole path.
pub(crate) fn route(request: &Request) -> String {
    let endpoint = request.endpoint().unwrap_or_default();
    match request.aside(Request::extension::<HostRoute>) {
        Some(host) => format!("{endpoint} {}", host.text(request)),
        None => endpoint.to_owned(),
    }
}

impl HostRoute {
    fn text(&self, request: &Request) -> String {
        let path = || [request.script_root(), request.uri().path()].concat();
        self.0.as_deref().map_or_else(path, str::to_owned)
    }
}

/// Returns scheme, host, whole path and route, each with its length in front, so that two places never give one text.
pub(crate) fn place(request: &Request) -> String {
    let (host, route) = (request.host().to_ascii_lowercase(), route(request));
    let path = [request.script_root(), request.uri().path()];
    let mut place = String::with_capacity(64 + path[1].len());
    for part in [&[request.scheme()][..], &[&host], &path, &[&route]] {
        push_length(&mut place, part.iter().map(|piece| piece.len()).sum());
        place.extend(part.iter().copied().chain([" "]));
    }
    place
}

/// Returns an address as text, that of IPv4 without the formatter, because most keys are made of one.
pub(crate) fn address(address: IpAddr) -> String {
    let IpAddr::V4(address) = address else { return address.to_string() };
    let mut text = String::with_capacity("255.255.255.255".len());
    for (at, octet) in address.octets().into_iter().enumerate() {
        if at > 0 {
            text.push('.');
        }
        push_digits(&mut text, octet.into());
    }
    text
}

/// Adds a length and a colon, without the formatter, because keys are made for every request.
fn push_length(text: &mut String, length: usize) {
    push_digits(text, length);
    text.push(':');
}

fn push_digits(text: &mut String, number: usize) {
    if number >= 10 {
        push_digits(text, number / 10);
    }
    text.extend(u8::try_from(number % 10).map(|digit| char::from(b'0' + digit)));
}
