//! What a check of credentials comes to.

/// What a client's credentials came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checked<U> {
    User(U),
    /// The client sent none, or wrong ones.
    Unknown,
    /// They are right, but for a challenge that has expired: the client may answer a new one without asking its user.
    Stale,
}

impl<U> From<Option<U>> for Checked<U> {
    fn from(user: Option<U>) -> Self {
        user.map_or(Self::Unknown, Self::User)
    }
}
