//! Where the old app is.

use std::fmt;
use std::path::PathBuf;

use costrel::http::uri::{Authority, Uri};

/// The address of the old app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// A host and a port, with the text that names both.
    Tcp { authority: Authority, host: String, port: u16 },
    /// A socket in the file system.
    Unix(PathBuf),
}

impl Address {
    /// Reads `http://host:port` or `unix:/path`.
    ///
    /// # Errors
    /// What is wrong with `text`, and how to write it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path.strip_prefix("//").unwrap_or(path));
            let is_possible = cfg!(unix) && path.is_absolute();
            return if is_possible { Ok(Self::Unix(path)) } else { Err(wrong(text)) };
        }
        let uri = text.parse::<Uri>().map_err(|_| wrong(text))?;
        let Some(authority) = uri.authority().filter(|authority| !authority.as_str().contains('@')) else {
            return Err(wrong(text));
        };
        match uri.scheme_str() {
            Some("http") if uri.path_and_query().is_none_or(|path| path == "/") => {}
            Some("https") => return Err(format!("the old app's address {text:?} is HTTPS: {PLAIN}")),
            _ => return Err(wrong(text)),
        }
        let host = authority.host().trim_matches(['[', ']']).to_ascii_lowercase();
        Ok(Self::Tcp { authority: authority.clone(), host, port: authority.port_u16().unwrap_or(80) })
    }

    /// The host, and the port if there is one, as in the header `Host`.
    pub(crate) fn authority(&self) -> Authority {
        match self {
            Self::Tcp { authority, .. } => authority.clone(),
            Self::Unix(_) => Authority::from_static("localhost"),
        }
    }
}

const PLAIN: &str = "requests to it are plain HTTP, so it must be on this machine or in a network of your own";

fn wrong(text: &str) -> String {
    format!("{text:?} is no address of an old app: write \"http://127.0.0.1:8000\" or \"unix:/run/old.sock\"")
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { authority, .. } => write!(f, "http://{authority}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
