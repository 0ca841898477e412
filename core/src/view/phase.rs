//! The order in which decorators belong on a view.

use std::fmt;

/// What a decorator does, as far as its place in a stack matters: the lower belongs outside.
///
/// A decorator says it with [`DecoratorInfo::phase`](crate::DecoratorInfo::phase), or in `costrel-ext-kit` with
/// `Decorator::phase`; when the app is built, a stack in
/// another order is reported. `cached` outside `login_required` would hand one user's page to the next, and
/// in Flask nothing warns.
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
    /// Headers that must be on every answer, refusals included.
    pub const CORS: Self = Self::new(10, "cors");
    /// Who is this, and may they?
    pub const AUTH: Self = Self::new(20, "auth");
    /// How often may they?
    pub const LIMIT: Self = Self::new(30, "limit");
    /// Is the answer there already?
    pub const CACHE: Self = Self::new(40, "cache");

    /// A phase of one's own, at a place between those: CORS is 10, AUTH 20, LIMIT 30, CACHE 40.
    pub const fn new(place: u8, name: &'static str) -> Self {
        Self { place, name }
    }

    /// What goes wrong when a decorator of this phase is outside one of phase `other`.
    pub(crate) fn outside(self, other: Self) -> &'static str {
        match (self, other) {
            (Self::CACHE, Self::AUTH) => "it would hand one user's page to the next",
            (Self::CACHE, Self::LIMIT) => "answers from the cache would not be counted",
            (Self::LIMIT, Self::AUTH) => "strangers would use up the limit of those who may",
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
