//! Values that the host of a service attaches to a request, for Costrel to find.

use std::sync::Arc;

use costrel::{Body, http};

use crate::place::HostRoute;

/// Attaches the mount point, the client's address and the route that the host knows to a request for a whole app.
pub(super) fn attach_origin(request: &mut http::Request<Body>) {
    #[cfg(feature = "axum")]
    axum_origin::attach(request);
    #[cfg(not(feature = "axum"))]
    let _ = request;
}

/// Attaches, besides, the route to a request for a decorator, whose app has no rules of its own: the one that the layer's
/// user has told, or the host's.
pub(super) fn attach_route(request: &mut http::Request<Body>, told: Option<Arc<str>>) {
    attach_origin(request);
    #[cfg(feature = "axum")]
    let route = told.or_else(|| axum_origin::route(request));
    #[cfg(not(feature = "axum"))]
    let route = told;
    request.extensions_mut().insert(HostRoute(route));
}

#[cfg(feature = "axum")]
mod axum_origin {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use axum::extract::{ConnectInfo, MatchedPath, OriginalUri};
    use costrel::{Body, ScriptRoot, http};

    pub(super) fn attach(request: &mut http::Request<Body>) {
        let extensions = request.extensions();
        let root =
            extensions.get::<OriginalUri>().and_then(|original| mount_point(original.path(), request.uri().path()));
        let address = extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
        let (has_root, has_address) =
            (extensions.get::<ScriptRoot>().is_some(), extensions.get::<SocketAddr>().is_some());
        let extensions = request.extensions_mut();
        root.filter(|_| !has_root).map(|root| extensions.insert(root));
        address.filter(|_| !has_address).map(|address| extensions.insert(address));
    }

    pub(super) fn route(request: &http::Request<Body>) -> Option<Arc<str>> {
        Some(request.extensions().get::<MatchedPath>()?.as_str().into())
    }

    /// The part of `whole` that axum has taken off to leave `rest`.
    fn mount_point(whole: &str, rest: &str) -> Option<ScriptRoot> {
        // For the mount point itself, axum makes the rest `/`.
        let taken = whole.strip_suffix(rest).or_else(|| (rest == "/").then_some(whole))?;
        ScriptRoot::new(taken)
    }
}
