//! A rule such as `/users/<int:id>`, taken apart.

use std::sync::Arc;

use crate::arg::{ArgKind, ArgValue};
use crate::error::{Error, ErrorKind};

/// A rule, and what it is made of.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    text: String,
    parts: Vec<Part>,
}

/// One segment of a rule.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    Static(String),
    Dynamic { converter: Converter, name: Arc<str> },
}

/// How a variable reads its part of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Converter {
    /// `<name>`: one segment.
    Text,
    /// `<int:name>`: digits.
    Int,
    /// `<path:name>`: one segment or more.
    Path,
}

impl Rule {
    /// Reads `/text/<name>/<converter:name>`.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let Some(path) = text.strip_prefix('/') else {
            return Err(mistake(format!("the rule {text:?} must start with a slash: write {:?}", format!("/{text}"))));
        };
        let mut parts = Vec::new();
        for segment in path.split('/') {
            parts.push(Part::parse(segment, text)?);
        }
        let rule = Self { text: text.to_owned(), parts };
        rule.check_names()?;
        Ok(rule)
    }

    /// The rule as it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The names and kinds of its variables, in order.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&Arc<str>, ArgKind)> {
        self.parts.iter().filter_map(|part| match part {
            Part::Static(_) => None,
            Part::Dynamic { converter, name } => Some((name, converter.kind())),
        })
    }

    fn check_names(&self) -> Result<(), Error> {
        let names: Vec<_> = self.variables().map(|(name, _)| name).collect();
        match names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
            Some((_, twice)) => {
                Err(mistake(format!("the rule {:?} has two variables `{twice}`: rename one", self.text)))
            }
            None => Ok(()),
        }
    }
}

impl Part {
    fn parse(segment: &str, rule: &str) -> Result<Self, Error> {
        if let Some(foreign) = foreign_variable(segment) {
            return Err(mistake(format!("the rule {rule:?} has {segment:?}: a variable is written <{foreign}> here")));
        }
        if segment.contains(['?', '#']) {
            return Err(mistake(format!(
                "the rule {rule:?} has a query or fragment, which no path has: read it with `request().args()`"
            )));
        }
        if !segment.contains(['<', '>']) {
            return Ok(Self::Static(segment.to_owned()));
        }
        let variable = segment.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
        let Some(variable) = variable.filter(|variable| !variable.contains(['<', '>'])) else {
            return Err(mistake(format!(
                "the rule {rule:?} has {segment:?} between two slashes: a variable fills the whole of it, as in \
                 \"/<name>/\""
            )));
        };
        let (converter, name) = variable.split_once(':').unwrap_or(("string", variable));
        Ok(Self::Dynamic { converter: Converter::parse(converter, rule)?, name: parse_name(name, rule)? })
    }
}

/// The name in `{name}` or `:name`, as other frameworks write variables.
fn foreign_variable(segment: &str) -> Option<&str> {
    let name = segment.strip_prefix(':').or_else(|| segment.strip_prefix('{')?.strip_suffix('}'));
    name.filter(|name| !name.is_empty())
}

fn parse_name(name: &str, rule: &str) -> Result<Arc<str>, Error> {
    let starts_well = name.starts_with(|first: char| first.is_alphabetic() || first == '_');
    if starts_well && name.chars().all(|character| character.is_alphanumeric() || character == '_') {
        return Ok(name.into());
    }
    Err(mistake(format!(
        "the rule {rule:?} has a variable named {name:?}: use letters, digits and underscores, as in <user_id>"
    )))
}

impl Converter {
    fn parse(name: &str, rule: &str) -> Result<Self, Error> {
        match name {
            "string" => Ok(Self::Text),
            "int" => Ok(Self::Int),
            "path" => Ok(Self::Path),
            _ => Err(mistake(format!(
                "the rule {rule:?} uses the converter {name:?}, which does not exist: use string, int or path"
            ))),
        }
    }

    /// The exact before the general.
    pub(crate) fn weight(self) -> u8 {
        match self {
            Self::Int => 50,
            Self::Text => 100,
            Self::Path => 200,
        }
    }

    pub(crate) fn takes_slashes(self) -> bool {
        self == Self::Path
    }

    fn kind(self) -> ArgKind {
        match self {
            Self::Int => ArgKind::Int,
            Self::Text | Self::Path => ArgKind::Text,
        }
    }

    /// The value of `text`; `None` if this converter does not take it.
    pub(crate) fn convert(self, text: &str) -> Option<ArgValue> {
        match self {
            Self::Int if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok().map(ArgValue::Int),
            Self::Int => None,
            Self::Path if text.starts_with('/') => None,
            _ if text.is_empty() => None,
            Self::Text | Self::Path => Some(ArgValue::Text(text.to_owned())),
        }
    }
}

fn mistake(message: String) -> Error {
    Error::new(ErrorKind::Setup, message)
}
