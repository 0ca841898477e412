//! Who may pass a decorator.

use std::sync::Arc;

/// The clients that a decorator lets through.
#[derive(Clone, Debug)]
pub(crate) enum Requirement {
    /// Users that are known.
    SignedIn,
    /// All clients; the user is there if it is known.
    Optional,
    /// Users that have every role of one of these lists.
    Roles(Arc<[Vec<String>]>),
}

impl Requirement {
    /// Whether a user with these roles may pass.
    pub(crate) fn allows(&self, roles: &[String]) -> bool {
        match self {
            Self::SignedIn | Self::Optional => true,
            Self::Roles(lists) => lists.iter().any(|list| list.iter().all(|role| roles.contains(role))),
        }
    }

    pub(crate) fn has_roles(&self) -> bool {
        matches!(self, Self::Roles(_))
    }
}
