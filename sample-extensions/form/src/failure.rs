//! Why a value cannot be made.

use std::fmt;

use serde::de::{Error, Expected, Unexpected};

/// Why a struct, or a field of one, cannot be made of texts.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A field was passed over and has no default.
    Missing(&'static str),
    /// The field of the struct with this name has no default.
    NoDefault(&'static str, &'static str),
    /// A field was sent by two of its names.
    Repeated(&'static str),
    /// The field with this input was sent by two of its names.
    RepeatedInput(String),
    /// An input cannot be read; what is wrong with it is noted.
    Unreadable(String),
    /// A type does not take its text: its own reason, if it has one.
    Refused(Option<String>),
    /// The type of the form hides the names of its fields.
    NotByField,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Failure {}

/// The reasons that a type gives itself are for users of the form; those of `serde` are for programmers.
impl Error for Failure {
    fn custom<M: fmt::Display>(reason: M) -> Self {
        Self::Refused(Some(reason.to_string()))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }

    fn invalid_type(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::Refused(None)
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::Refused(None)
    }

    fn invalid_length(_: usize, _: &dyn Expected) -> Self {
        Self::Refused(None)
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Self::Refused(None)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::Repeated(field)
    }
}
