//! View arguments: what rules take from the path and hand to views.

use std::fmt;

/// A value that a rule took from the path.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ArgValue {
    /// From `<name>`, `<path:name>` and other text.
    Text(String),
    /// From `<int:name>`.
    Int(i64),
}

/// What kind of value a converter makes and an argument takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArgKind {
    /// [`ArgValue::Text`].
    Text,
    /// [`ArgValue::Int`].
    Int,
}

impl fmt::Display for ArgKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Int => "an integer",
        })
    }
}

impl fmt::Display for ArgValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Int(number) => number.fmt(f),
        }
    }
}

/// A type that a view may have as an argument.
///
/// Arguments come in the order of the rule's variables: `String` for `<name>` and `<path:name>`, an integer
/// type for `<int:name>`. Whether they fit is checked at start-up.
#[diagnostic::on_unimplemented(
    message = "a view cannot take `{Self}` as an argument",
    label = "not a view argument",
    note = "view arguments are what the rule takes from the path: `String` for `<name>` or `<path:name>`, an \
            integer such as `i64` for `<int:name>`",
    note = "everything else comes from the context: `request().get_json().await?`, `request().args()`, \
            `session()`, `g()`, `current_app()`"
)]
pub trait FromArg: Sized + Send + 'static {
    /// The kind of value it is made from.
    const KIND: ArgKind;

    /// Makes it; `None` if the value does not fit, which is a 404.
    fn from_arg(value: &ArgValue) -> Option<Self>;
}

impl FromArg for String {
    const KIND: ArgKind = ArgKind::Text;

    fn from_arg(value: &ArgValue) -> Option<Self> {
        match value {
            ArgValue::Text(text) => Some(text.clone()),
            ArgValue::Int(_) => None,
        }
    }
}

macro_rules! integers {
    ($($integer:ty)*) => {$(
        impl FromArg for $integer {
            const KIND: ArgKind = ArgKind::Int;

            fn from_arg(value: &ArgValue) -> Option<Self> {
                match value {
                    ArgValue::Int(number) => (*number).try_into().ok(),
                    ArgValue::Text(_) => None,
                }
            }
        }
    )*};
}

integers!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);
