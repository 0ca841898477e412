//! What the client sees of the front: its scheme, host and path.

use std::net::IpAddr;

use costrel::Request;

/// The front as the client of a request sees it, with what trusted proxies before it have said.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) scheme: String,
    /// The host, with the port if it is not the scheme's own.
    pub(crate) host: String,
    /// The path below which the front is mounted; empty at the root.
    pub(crate) root: String,
    pub(crate) client: Option<IpAddr>,
}

impl Front {
    pub(crate) fn of(request: &Request) -> Self {
        let (scheme, host, root) = (request.scheme().to_owned(), request.host().to_owned(), request.script_root());
        Self { scheme, host, root: root.to_owned(), client: request.remote_addr().map(|address| address.ip()) }
    }
}
