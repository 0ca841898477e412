//! Why there is no response of the old app.

use std::fmt;

use costrel::Error;

/// The source of the 502, 504 or 508 of a request that the old app did not answer, for
/// `errorhandler(of_type::<LegacyError>(), f)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LegacyError {
    /// The old app takes no connections: 502.
    Away,
    /// The old app ended the connection before its response had a head: 502.
    Closed,
    /// The old app sent what is no response of HTTP/1.1: 502.
    Unreadable,
    /// The old app took no connection within `connect_timeout`: 504.
    ConnectTimeout,
    /// The old app sent no head of a response within `head_timeout`: 504.
    HeadTimeout,
    /// The old app fell silent in the middle of a body, for `idle_timeout`. The client has the head already, so the response
    /// breaks off.
    IdleTimeout,
    /// The old app sent the request back to this one: 508.
    Loop,
}

impl LegacyError {
    /// The status of the response that stands for the error.
    pub fn status(self) -> u16 {
        match self {
            Self::Away | Self::Closed | Self::Unreadable => 502,
            Self::ConnectTimeout | Self::HeadTimeout | Self::IdleTimeout => 504,
            Self::Loop => 508,
        }
    }

    /// The error that answers the request.
    pub(crate) fn refusal(self) -> Error {
        Error::status(self.status()).with_message(self.to_string()).with_source(self)
    }
}

impl fmt::Display for LegacyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Away => "The app behind this server takes no connections.",
            Self::Closed => "The app behind this server ended the connection without an answer.",
            Self::Unreadable => "The app behind this server sent no readable answer.",
            Self::ConnectTimeout => "The app behind this server took no connection in time.",
            Self::HeadTimeout => "The app behind this server did not answer in time.",
            Self::IdleTimeout => "The app behind this server stopped in the middle of its answer.",
            Self::Loop => "The app behind this server sends the request back to this server.",
        })
    }
}

impl std::error::Error for LegacyError {}
