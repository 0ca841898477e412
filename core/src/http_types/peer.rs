//! Facts about a request beside its head, from the connection, a trusted proxy or the host of an app.

use std::net::SocketAddr;
use std::sync::Arc;

use super::body::Body;

/// The client's address, the scheme and the mount point of a request, as the server, a trusted proxy or the host knows them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peer {
    pub(crate) address: Option<SocketAddr>,
    pub(crate) scheme: Option<Scheme>,
    /// `None` if the app is at the root, or its settings say where it is.
    pub(crate) root: Option<ScriptRoot>,
}

impl Peer {
    /// The peer that a host other than our server attached to the request.
    pub(crate) fn attached(request: &http::Request<Body>) -> Self {
        let extensions = request.extensions();
        Self { address: extensions.get().copied(), scheme: extensions.get().copied(), root: extensions.get().cloned() }
    }
}

/// The path below which a host other than Costrel's server has mounted an app, such as `/shop`; WSGI's `SCRIPT_NAME`. The
/// host takes it off the request's path and attaches it to the request's extensions. It goes before
/// [`Config::application_root`](crate::Config::application_root).
///
/// ```
/// use costrel::{App, Body, ScriptRoot, http, request};
///
/// let mut app = App::new("docs");
/// app.route("/me", || request().url());
/// let mut request = http::Request::get("/me").header("host", "example.com").body(Body::empty())?;
/// if let Some(root) = ScriptRoot::new("/shop") {
///     request.extensions_mut().insert(root);
/// }
/// let application = app.build()?;
/// let response = costrel::async_to_sync(move |request| application.call(request))(request)?;
/// assert_eq!(response.body().as_bytes().map(|bytes| &bytes[..]), Some(&b"http://example.com/shop/me"[..]));
/// # Ok::<(), costrel::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptRoot(Arc<str>);

impl ScriptRoot {
    /// Makes a mount point from a path; `None` for the root itself.
    pub fn new(path: &str) -> Option<Self> {
        let path = path.trim_matches('/');
        (!path.is_empty()).then(|| Self(format!("/{path}").into()))
    }

    /// The path, with a slash in front and none at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The scheme of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

impl From<&str> for Scheme {
    fn from(text: &str) -> Self {
        if text.eq_ignore_ascii_case("https") || text.eq_ignore_ascii_case("wss") { Self::Https } else { Self::Http }
    }
}
