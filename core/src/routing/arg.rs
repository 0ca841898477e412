//! View arguments: the values that rules take from the path and pass to views.

use std::fmt;

use uuid::Uuid;

/// A value that a rule took from the path, or has as a default.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ArgValue {
    /// From `<name>`, `<path:name>` and other text.
    Text(String),
    /// From `<int:name>`.
    Int(i64),
    /// From `<float:name>`.
    Float(f64),
    /// From `<uuid:name>`.
    Uuid(Uuid),
    /// No value: the default of a variable that the rule does not have.
    None,
}

/// The kind of value that a converter makes and that an argument takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArgKind {
    /// [`ArgValue::Text`].
    Text,
    /// [`ArgValue::Int`].
    Int,
    /// [`ArgValue::Float`].
    Float,
    /// [`ArgValue::Uuid`].
    Uuid,
}

/// The kind of value that a view takes as one argument, and whether the value may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ArgSpec {
    pub(super) kind: ArgKind,
    pub(super) optional: bool,
}

impl ArgSpec {
    pub(crate) const fn of<A: FromArg>() -> Self {
        Self { kind: A::KIND, optional: A::OPTIONAL }
    }

    /// Whether the argument takes the value that a rule gives: one of the kind `given`, or no value for `None`.
    pub(crate) fn takes(self, given: Option<ArgKind>) -> bool {
        given.map_or(self.optional, |kind| kind == self.kind)
    }
}

impl ArgValue {
    /// The kind of the value; `None` if there is no value.
    pub fn kind(&self) -> Option<ArgKind> {
        match self {
            Self::Text(_) => Some(ArgKind::Text),
            Self::Int(_) => Some(ArgKind::Int),
            Self::Float(_) => Some(ArgKind::Float),
            Self::Uuid(_) => Some(ArgKind::Uuid),
            Self::None => None,
        }
    }
}

impl fmt::Display for ArgKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Int => "an integer",
            Self::Float => "a float",
            Self::Uuid => "a UUID",
        })
    }
}

impl fmt::Display for ArgSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind, if self.optional { " or nothing" } else { "" })
    }
}

impl fmt::Display for ArgValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Int(number) => number.fmt(f),
            // As Python writes it: 1.0, not 1.
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Uuid(uuid) => uuid.fmt(f),
            Self::None => Ok(()),
        }
    }
}

/// A type that a view may have as an argument.
///
/// Arguments come in the order of the rule's variables, then of its defaults: `String` for `<name>` and
/// `<path:name>`, an integer type for `<int:name>`, `f64` for `<float:name>`, [`Uuid`](crate::Uuid) for
/// `<uuid:name>`; an `Option` of these where a default may be nothing. Start-up checks whether they fit.
///
/// A type of your own names the kind it is made from; a value that it refuses becomes a 404:
///
/// ```
/// use costrel::{App, ArgKind, ArgValue, FromArg};
///
/// struct Even(i64);
///
/// impl FromArg for Even {
///     const KIND: ArgKind = ArgKind::Int;
///
///     fn from_arg(value: &ArgValue) -> Option<Self> {
///         i64::from_arg(value).filter(|number| number % 2 == 0).map(Even)
///     }
/// }
///
/// let mut app = App::new("docs");
/// app.route("/half/<int:n>", |n: Even| (n.0 / 2).to_string());
/// let client = app.test_client();
/// assert_eq!(client.get("/half/8").wait()?.text(), "4");
/// assert_eq!(client.get("/half/7").wait()?.status(), 404);
/// # Ok::<(), costrel::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "a view cannot take `{Self}` as an argument",
    label = "not a view argument",
    note = "view arguments are what the rule takes from the path: `String` for `<name>` or `<path:name>`, an \
            integer such as `i64` for `<int:name>`, `f64` for `<float:name>`, `Uuid` for `<uuid:name>`",
    note = "everything else comes from the context: `request().get_json().await?`, `request().args()`, \
            `session()`, `g()`, `current_app()`"
)]
pub trait FromArg: Sized + Send + 'static {
    /// The kind of value that the type is made from.
    const KIND: ArgKind;

    /// Whether the type can also be made from [`ArgValue::None`]. Default: no.
    const OPTIONAL: bool = false;

    /// Makes the argument; `None` if the value does not fit, which becomes a 404.
    fn from_arg(value: &ArgValue) -> Option<Self>;
}

impl<T: FromArg> FromArg for Option<T> {
    const KIND: ArgKind = T::KIND;
    const OPTIONAL: bool = true;

    fn from_arg(value: &ArgValue) -> Option<Self> {
        match value {
            ArgValue::None => Some(None),
            value => T::from_arg(value).map(Some),
        }
    }
}

macro_rules! argument {
    ($type:ty, $variant:ident) => {
        impl FromArg for $type {
            const KIND: ArgKind = ArgKind::$variant;

            fn from_arg(value: &ArgValue) -> Option<Self> {
                match value {
                    ArgValue::$variant(value) => Some(value.clone()),
                    _ => None,
                }
            }
        }

        impl From<$type> for ArgValue {
            fn from(value: $type) -> Self {
                Self::$variant(value)
            }
        }
    };
}

argument!(String, Text);
argument!(f64, Float);
argument!(Uuid, Uuid);

impl From<&str> for ArgValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl<T: Into<ArgValue>> From<Option<T>> for ArgValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, Into::into)
    }
}

macro_rules! integers {
    ($($integer:ty)*) => {$(
        impl FromArg for $integer {
            const KIND: ArgKind = ArgKind::Int;

            fn from_arg(value: &ArgValue) -> Option<Self> {
                match value {
                    ArgValue::Int(number) => (*number).try_into().ok(),
                    _ => None,
                }
            }
        }
    )*};
}

macro_rules! from_integers {
    ($($integer:ty)*) => {$(
        impl From<$integer> for ArgValue {
            fn from(number: $integer) -> Self {
                Self::Int(number.into())
            }
        }
    )*};
}

integers!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);
from_integers!(i8 i16 i32 i64 u8 u16 u32);
