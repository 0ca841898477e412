//! Where a request goes, as far as its host and its app know.

use std::sync::Arc;

use costrel::Request;

/// A mark on the requests of a `DecoratorLayer`, whose app has no rules: the route of the host's router that the request
/// has matched, such as axum's `/users/{id}`; `None` if the host has not told.
#[derive(Clone, Debug)]
pub(crate) struct HostRoute(pub(crate) Option<Arc<str>>);

/// Returns the route: the endpoint, and on the service of another framework what that matched, or else the whole path.
pub(crate) fn route(request: &Request) -> String {
    let endpoint = request.endpoint().unwrap_or_default();
    match request.aside(Request::extension::<HostRoute>) {
        None => endpoint.to_owned(),
        Some(HostRoute(Some(route))) => format!("{endpoint} {route}"),
        Some(HostRoute(None)) => format!("{endpoint} {}{}", request.script_root(), request.uri().path()),
    }
}

/// Returns scheme, host, whole path and route, each with its length in front, so that two places never give one text.
pub(crate) fn place(request: &Request) -> String {
    let path = format!("{}{}", request.script_root(), request.uri().path());
    let parts = [request.scheme(), &request.host().to_ascii_lowercase(), &path, &route(request)];
    parts.map(|part| format!("{}:{part} ", part.len())).concat()
}
