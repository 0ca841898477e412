//! The origin of a web page, and whether it is of the same site as a request.

use http::Uri;
use http::uri::Authority;

use crate::error::Error;

/// The origin of a web page (RFC 6454): scheme, host and port.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Origin {
    /// Parses an origin; `None` if it is none, such as `null`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let parts = text.parse::<Uri>().ok()?.into_parts();
        let (scheme, authority) = (parts.scheme?, parts.authority?);
        let is_bare = parts.path_and_query.is_none_or(|path| path == "/") && !authority.as_str().contains('@');
        let scheme = scheme.as_str().to_ascii_lowercase();
        let port = authority.port_u16().or(default_port(&scheme));
        is_bare.then(|| Self { host: authority.host().to_ascii_lowercase(), port, scheme })
    }
}

/// The host that a request is for.
pub(super) struct Site<'h> {
    /// The host, with its port unless that is the scheme's default.
    pub(super) host: &'h str,
    /// Whether the request is known to have come by HTTPS. A proxy in front may have ended it.
    pub(super) is_https: bool,
}

impl Site<'_> {
    /// Whether the page of this origin is one of this host.
    pub(super) fn is_of(&self, origin: &Origin) -> bool {
        let Ok(authority) = self.host.parse::<Authority>() else { return false };
        let Some(default) = default_port(if self.is_https { "https" } else { &origin.scheme }) else { return false };
        let port = authority.port_u16().unwrap_or(default);
        authority.host().eq_ignore_ascii_case(&origin.host) && origin.port == Some(port)
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// Checks the setting `websocket_origins`.
///
/// # Errors
/// If an entry is not an origin.
pub(crate) fn check_origins(origins: &[String]) -> Result<(), Error> {
    let is_origin = |text: &str| matches!(text, "*" | "null") || Origin::parse(text).is_some();
    match origins.iter().find(|text| !is_origin(text)) {
        Some(wrong) => Err(Error::setup_without_line(format!(
            "`config.websocket_origins` has {wrong:?}, which is no origin: write scheme and host, and the port if it is \
             not the scheme's, as in \"https://app.example.com\" or \"http://localhost:3000\"; \"*\" is every origin"
        ))),
        None => Ok(()),
    }
}
