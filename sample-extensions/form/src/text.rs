//! Texts with a meaning of their own.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use validator::ValidateLength;

/// A text that no page shows again and no log has: WTForms's `PasswordField`. Serialized it is null.
///
/// ```
/// use costrel_form::Password;
///
/// let password = Password::from("secret");
/// assert_eq!((&*password, format!("{password:?}")), ("secret", "Password(..)".to_owned()));
/// ```
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Password(String);

impl From<&str> for Password {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Deref for Password {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

impl Serialize for Password {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl ValidateLength<u64> for Password {
    fn length(&self) -> Option<u64> {
        self.0.length()
    }
}

/// Reads a text without the spaces around it, for `#[serde(deserialize_with = "costrel_form::trimmed")]`: WTForms's
/// `filters=[str.strip]`. Without it a text is as it was sent.
///
/// # Errors
/// If the field is no text.
pub fn trimmed<'de, D: Deserializer<'de>>(field: D) -> Result<String, D::Error> {
    String::deserialize(field).map(|text| text.trim().to_owned())
}
