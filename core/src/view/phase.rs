//! The order in which decorators belong on a view.

use std::fmt;

use super::OnWebSocket;

/// The task of a decorator, as far as its place in a stack matters: the lower phase belongs outside.
///
/// A decorator sets it with [`DecoratorInfo::phase`](crate::DecoratorInfo::phase), or in `costrel-ext-kit` with
/// `Decorator::phase`. Building the app reports a stack in another order: `cached` outside `login_required`, for
/// example, would hand one user's page to the next, and Flask does not warn about it.
///
/// ```
/// use costrel::Phase;
///
/// assert!(Phase::AUTH < Phase::CACHE);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Phase {
    place: u8,
    name: &'static str,
}

impl Phase {
    /// Headers that must be on every response, refusals included; see `View::on_response`.
    pub const CORS: Self = Self::new(10, "cors");
    /// Authentication of users, and their permissions.
    pub const AUTH: Self = Self::new(20, "auth");
    /// Rate limits.
    pub const LIMIT: Self = Self::new(30, "limit");
    /// Caching of responses.
    pub const CACHE: Self = Self::new(40, "cache");

    /// A custom phase, at a place between the phases above: CORS is 10, AUTH 20, LIMIT 30, CACHE 40.
    pub const fn new(place: u8, name: &'static str) -> Self {
        Self { place, name }
    }

    /// The fate of a decorator of this phase on a rule for WebSockets, unless the decorator sets it.
    pub(super) fn on_websocket(self) -> OnWebSocket {
        match self {
            Self::CACHE => OnWebSocket::SetupError,
            Self::CORS => OnWebSocket::PassBy,
            _ => OnWebSocket::Run,
        }
    }

    /// Returns the problem with a decorator of this phase outside one of phase `other`.
    pub(crate) fn outside(self, other: Self) -> &'static str {
        match (self, other) {
            (Self::CACHE, Self::AUTH) => "it would hand one user's page to the next",
            (Self::CACHE, Self::LIMIT) => "answers from the cache would not be counted",
            (Self::LIMIT, Self::AUTH) => "requests without a login would use up the limit of logged-in users",
            (_, Self::CORS) => "its refusals would lack the headers that let a browser read them",
            _ => "it belongs further in",
        }
    }
}

impl fmt::Debug for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
