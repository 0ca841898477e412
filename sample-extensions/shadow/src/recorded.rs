//! Recorded requests.

use std::fmt;

use costrel::http::Uri;
use costrel::{Error, ErrorKind, Method};
use serde::Serialize;

/// The requests of a record, and what of it is left out.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Recording {
    /// The requests, in their order.
    pub requests: Vec<Recorded>,
    /// What is left out, reason by reason.
    pub left_out: Vec<LeftOut>,
}

/// What of a record is left out for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LeftOut {
    /// The reason, such as `for another host than shop.example`.
    pub why: String,
    /// The number of entries or lines.
    pub count: usize,
    /// The first of them, such as `entry 2` or `line 4`.
    pub first: String,
}

impl Recording {
    pub(crate) fn leave_out(&mut self, why: String, place: String) {
        match self.left_out.iter_mut().find(|left_out| left_out.why == why) {
            Some(left_out) => left_out.count += 1,
            None => self.left_out.push(LeftOut { why, count: 1, first: place }),
        }
    }
}

impl From<Vec<Recorded>> for Recording {
    fn from(requests: Vec<Recorded>) -> Self {
        Self { requests, left_out: Vec::new() }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} (first: {})", self.count, self.why, self.first)
    }
}

/// A request that was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recorded {
    /// The method.
    pub method: Method,
    /// The path with its query.
    pub path: String,
    /// The headers, without those of the connection.
    pub headers: Vec<(String, String)>,
    /// The body; empty if there was none, or the record leaves it out.
    pub body: Vec<u8>,
    /// The client, whose cookies are kept apart from those of others; if it is an address, both apps see it.
    pub client: String,
}

/// The headers that belong to the recorded connection, and that which would make bodies differ that say the same.
pub(crate) const DROPPED: [&str; 8] =
    ["host", "connection", "content-length", "transfer-encoding", "accept-encoding", "te", "upgrade", "expect"];

impl Recorded {
    /// A request without headers and body, of a client that all of these share.
    ///
    /// # Errors
    /// If `path` is not the path of a URL.
    pub fn new(method: Method, path: &str) -> Result<Self, Error> {
        if !path.starts_with('/') || path.parse::<Uri>().is_err() {
            return Err(wrong(&format!("{path:?} is not a path: write {:?}", "/users?page=2")));
        }
        Ok(Self { method, path: path.to_owned(), headers: Vec::new(), body: Vec::new(), client: String::new() })
    }

    /// Whether the request changes nothing, so that both apps may get it: RFC 9110, 9.2.1.
    pub fn is_safe(&self) -> bool {
        self.method.is_safe()
    }
}

pub(crate) fn wrong(message: &str) -> Error {
    Error::new(ErrorKind::Other, message)
}
