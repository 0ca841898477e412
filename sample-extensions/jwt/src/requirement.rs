//! What a view asks of a request.

use crate::settings::{Kind, Location};

/// What a view asks of a request: a kind of token, and more about it. Begun with [`access_token`] or [`refresh_token`], for
/// [`jwt_required`](crate::jwt_required) and [`verify_jwt_in_request`](crate::verify_jwt_in_request).
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "options that are on or off, each by its own name")]
pub struct Requirement {
    pub(crate) kind: Kind,
    pub(crate) is_optional: bool,
    pub(crate) is_fresh: bool,
    pub(crate) locations: Vec<Location>,
    pub(crate) any_type: bool,
    pub(crate) may_be_revoked: bool,
}

/// Asks for a token that is for views: any but a refresh token.
pub fn access_token() -> Requirement {
    Requirement::default()
}

/// Asks for a token that is for new tokens.
pub fn refresh_token() -> Requirement {
    Requirement { kind: Kind::Refresh, ..Requirement::default() }
}

impl Requirement {
    /// Lets clients without a token through too. A token that is there must still be valid.
    pub fn optional(self) -> Self {
        Self { is_optional: true, ..self }
    }

    /// Asks for a token that is fresh, as one made right after the user has given a password.
    pub fn fresh(self) -> Self {
        Self { is_fresh: true, ..self }
    }

    /// Sets where the token may be, in the order to look there. Default: the setting `JWT_TOKEN_LOCATION`.
    pub fn locations(self, locations: impl IntoIterator<Item = Location>) -> Self {
        Self { locations: locations.into_iter().collect(), ..self }
    }

    /// Takes tokens of the other kind too: Flask-JWT-Extended's `verify_type=False`.
    pub fn any_type(self) -> Self {
        Self { any_type: true, ..self }
    }

    /// Takes revoked tokens too, such as to revoke one once more.
    pub fn skip_revocation_check(self) -> Self {
        Self { may_be_revoked: true, ..self }
    }
}
