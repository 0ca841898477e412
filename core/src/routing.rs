//! From a path to a rule, and from an endpoint back to a path. Views and hooks are unknown here.

mod domains;
mod router;
mod url_builder;
mod rule;
mod converter;
mod url_values;
mod arg;

pub(crate) use arg::ArgSpec;
pub use arg::{ArgKind, ArgValue, FromArg};
pub(crate) use converter::Converters;
pub use converter::UrlConverter;
pub(crate) use domains::{Domains, Place};
pub(crate) use router::{Lookup, Route};
pub(crate) use rule::{Rule, quote};
pub(crate) use url_builder::{BuiltUrl, UrlBuilder};
pub use url_values::UrlValues;
