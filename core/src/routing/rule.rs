//! Rules such as `/users/<int:id>`: how they are parsed, matched and built into a path.

use std::collections::HashSet;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::arg::{ArgKind, ArgValue};
use super::converter::{Converter, Converters};
use crate::error::Error;

/// A rule, parsed into its segments.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    text: String,
    /// The domain that the rule is for; `None` for any.
    domain: Option<Pattern>,
    parts: Vec<Part>,
    defaults: Vec<(Arc<str>, ArgValue)>,
}

/// A segment of a rule.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    Static(String),
    Dynamic(Pattern),
}

/// A segment with variables in it, such as `<name>` or `v<int:major>.<int:minor>`.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pieces: Vec<Piece>,
    variables: usize,
    takes_slashes: bool,
}

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Variable { name: Arc<str>, converter: Converter },
}

/// The longest text that is tried against a pattern of several variables. Longer text has too many ways to be split.
const LONGEST_MIXED: usize = 256;

/// The characters that are quoted in paths and queries alike, as in Werkzeug.
pub(super) const QUOTED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b',')
    .remove(b'/')
    .remove(b':')
    .remove(b';')
    .remove(b'@');

const QUOTED_IN_PATH: &AsciiSet = &QUOTED.remove(b'&').remove(b'+').remove(b'=');

impl Rule {
    /// Parses a rule such as `/text/<name>/<converter:name>`.
    pub(crate) fn parse(text: &str, defaults: Vec<(String, ArgValue)>, own: &Converters) -> Result<Self, Error> {
        let Some(path) = text.strip_prefix('/') else {
            return Err(Error::setup_without_line(format!(
                "the rule {text:?} must start with a slash: write {:?}",
                format!("/{text}")
            )));
        };
        let wrong = |what| Error::setup_without_line(format!("the rule {text:?} {what}"));
        let parts =
            path.split('/').map(|segment| Part::parse(segment, own)).collect::<Result<_, _>>().map_err(wrong)?;
        let defaults = defaults.into_iter().map(|(name, value)| (name.into(), value)).collect();
        let rule = Self { text: text.to_owned(), domain: None, parts, defaults };
        rule.check_names().map_err(wrong)?;
        Ok(rule)
    }

    /// Returns the rule for a domain alone, such as `<user>.example.com`.
    pub(crate) fn on_domain(self, domain: &str, own: &Converters) -> Result<Self, Error> {
        let wrong =
            |what| Error::setup_without_line(format!("the domain {domain:?} of the rule {:?} {what}", self.text));
        let pattern = Pattern::parse(&domain.to_ascii_lowercase(), own).map_err(wrong)?;
        let rule = Self { domain: Some(pattern), ..self.clone() };
        rule.check_names().map_err(wrong)?;
        Ok(rule)
    }

    pub(crate) fn domain(&self) -> Option<&Pattern> {
        self.domain.as_ref()
    }

    /// The rule as it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    pub(super) fn defaults(&self) -> &[(Arc<str>, ArgValue)] {
        &self.defaults
    }

    /// The names and kinds of the rule's variables, in order.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&Arc<str>, ArgKind)> {
        self.pieces().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Variable { name, converter } => Some((name, converter.kind())),
        })
    }

    /// The arguments that the rule gives to a view: its variables, then the defaults that are not variables.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = (&Arc<str>, Option<ArgKind>)> {
        let variables = self.variables().map(|(name, kind)| (name, Some(kind)));
        variables.chain(self.other_defaults().map(|(name, value)| (name, value.kind())))
    }

    /// The defaults that are not variables of the rule.
    pub(crate) fn other_defaults(&self) -> impl Iterator<Item = (&Arc<str>, &ArgValue)> {
        let other = |(name, _): &&(Arc<str>, ArgValue)| self.variables().all(|(variable, _)| variable != name);
        self.defaults.iter().filter(other).map(|(name, value)| (name, value))
    }

    /// Builds the path with these values for the variables; `None` if a value is missing or does not fit its
    /// converter.
    pub(super) fn build(&self, value_of: impl Fn(&str) -> Option<ArgValue>) -> Option<String> {
        let mut path = String::new();
        for part in &self.parts {
            path.push('/');
            match part {
                Part::Static(text) => path.extend(quote(text)),
                Part::Dynamic(pattern) => pattern.build(&value_of, &mut path)?,
            }
        }
        // The path begins with a single slash, because a URL that begins with two names a host.
        Some(format!("/{}", path.trim_start_matches('/')))
    }

    /// Writes the value of a variable, quoted, as its converter does; a default that is no variable as text.
    pub(crate) fn write(&self, name: &str, value: &ArgValue) -> Option<String> {
        let converter = self.pieces().find_map(|piece| match piece {
            Piece::Variable { name: known, converter } if **known == *name => Some(converter),
            _ => None,
        });
        let text = converter.map_or_else(|| Some(value.to_string()), |converter| converter.write(value))?;
        Some(quote(&text).collect())
    }

    fn pieces(&self) -> impl Iterator<Item = &Piece> {
        let of_path = self.parts.iter().flat_map(|part| match part {
            Part::Static(_) => [].iter(),
            Part::Dynamic(pattern) => pattern.pieces.iter(),
        });
        self.domain.iter().flat_map(|pattern| &pattern.pieces).chain(of_path)
    }

    fn check_names(&self) -> Result<(), String> {
        let names: Vec<_> = self.variables().map(|(name, _)| name).collect();
        match names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
            Some((_, twice)) => Err(format!("has two variables `{twice}`: rename one")),
            None => Ok(()),
        }
    }
}

impl Part {
    fn parse(segment: &str, own: &Converters) -> Result<Self, String> {
        if let Some(foreign) = foreign_variable(segment) {
            return Err(format!("has {segment:?}: a variable is written <{foreign}> here"));
        }
        if segment.contains('#') || (segment.contains('?') && !segment.contains('<')) {
            return Err("has a query or fragment, which no path has: read it with `request().args()`".into());
        }
        if !segment.contains(['<', '>']) {
            return Ok(Self::Static(segment.to_owned()));
        }
        Pattern::parse(segment, own).map(Self::Dynamic)
    }
}

impl Pattern {
    fn new(pieces: Vec<Piece>) -> Self {
        let converters = pieces.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Variable { converter, .. } => Some(converter),
        });
        let (variables, takes_slashes) =
            converters.fold((0, false), |(count, any), converter| (count + 1, any || converter.takes_slashes()));
        Self { pieces, variables, takes_slashes }
    }

    fn parse(segment: &str, own: &Converters) -> Result<Self, String> {
        let unbalanced = || format!("has {segment:?}, in which < and > do not match: write a variable as <name>");
        let (mut pieces, mut rest) = (Vec::new(), segment);
        while let Some((text, after)) = rest.split_once('<') {
            let (variable, after) = after.split_once('>').ok_or_else(unbalanced)?;
            if text.contains('>') || variable.contains('<') {
                return Err(unbalanced());
            }
            if text.is_empty() && !pieces.is_empty() {
                return Err(format!("has {segment:?}: two variables need text between them, as in <a>-<b>"));
            }
            pieces.extend((!text.is_empty()).then(|| Piece::Text(text.to_owned())));
            pieces.push(Piece::parse(variable, own)?);
            rest = after;
        }
        if rest.contains('>') {
            return Err(unbalanced());
        }
        pieces.extend((!rest.is_empty()).then(|| Piece::Text(rest.to_owned())));
        Ok(Self::new(pieces))
    }

    /// The key of the pattern: two patterns with the same key match the same text.
    pub(super) fn key(&self) -> String {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Variable { converter, .. } => format!("<{}>", converter.spec()),
            })
            .collect()
    }

    /// The weight of the pattern: more text goes first, then the lighter converter.
    pub(super) fn weight(&self) -> (std::cmp::Reverse<usize>, u8) {
        let (mut text, mut weight) = (0, 0);
        for piece in &self.pieces {
            match piece {
                Piece::Text(piece) => text += piece.len(),
                Piece::Variable { converter, .. } => weight = weight.max(converter.weight()),
            }
        }
        (std::cmp::Reverse(text), weight)
    }

    pub(super) fn has_variables(&self) -> bool {
        self.variables > 0
    }

    pub(super) fn takes_slashes(&self) -> bool {
        self.takes_slashes
    }

    /// Adds the values of the variables in `text`. Returns false, and adds nothing, if the pattern does not match.
    pub(super) fn read(&self, text: &str, values: &mut Vec<ArgValue>) -> bool {
        (self.variables == 1 || text.len() <= LONGEST_MIXED) && read(&self.pieces, text, values, &mut HashSet::new())
    }

    /// Builds a host with these values; `None` if one is missing, does not fit, or is no part of a host: after `evil.org/` the
    /// URL would be one of another site.
    pub(super) fn build_host(&self, value_of: impl Fn(&str) -> Option<ArgValue>) -> Option<String> {
        let mut host = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => host.push_str(text),
                Piece::Variable { name, converter } => {
                    let value = converter.write(&value_of(name)?)?;
                    let is_in_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
                    host += Some(value).filter(|value| !value.is_empty() && value.bytes().all(is_in_host))?.as_str();
                }
            }
        }
        Some(host.to_ascii_lowercase())
    }

    fn build(&self, value_of: &impl Fn(&str) -> Option<ArgValue>, path: &mut String) -> Option<()> {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => path.extend(quote(text)),
                Piece::Variable { name, converter } => path.extend(quote(&converter.write(&value_of(name)?)?)),
            }
        }
        Some(())
    }
}

/// Adds the values of the variables among `pieces`, which must match all of `text`. `dead_ends` holds the pairs of
/// pieces left and bytes left that did not match, so that no pair is tried twice.
fn read(pieces: &[Piece], text: &str, values: &mut Vec<ArgValue>, dead_ends: &mut HashSet<(usize, usize)>) -> bool {
    match pieces {
        [] => text.is_empty(),
        [Piece::Text(begin), rest @ ..] => {
            text.strip_prefix(&**begin).is_some_and(|text| read(rest, text, values, dead_ends))
        }
        [Piece::Variable { converter, .. }] => converter.read(text).map(|value| values.push(value)).is_some(),
        [Piece::Variable { converter, .. }, Piece::Text(end)] => {
            let value = text.strip_suffix(&**end).and_then(|text| converter.read(text));
            value.map(|value| values.push(value)).is_some()
        }
        [Piece::Variable { converter, .. }, rest @ ..] => {
            let [Piece::Text(next), ..] = rest else { return false };
            // The longest match first, as in a regular expression.
            text.rmatch_indices(&**next).any(|(end, _)| {
                let left = (rest.len(), text.len() - end);
                if dead_ends.contains(&left) {
                    return false;
                }
                let before = values.len();
                let Some(value) = converter.read(&text[..end]) else { return false };
                values.push(value);
                let fits = read(rest, &text[end..], values, dead_ends);
                if !fits {
                    values.truncate(before);
                    dead_ends.insert(left);
                }
                fits
            })
        }
    }
}

impl Piece {
    fn parse(variable: &str, own: &Converters) -> Result<Self, String> {
        let (spec, name) = variable.rsplit_once(':').unwrap_or(("string", variable));
        let starts_well = name.starts_with(|first: char| first.is_alphabetic() || first == '_');
        if !starts_well || !name.chars().all(|character| character.is_alphanumeric() || character == '_') {
            return Err(format!("has a variable named {name:?}: use letters, digits and underscores, as in <user_id>"));
        }
        let converter = Converter::parse(spec, own).map_err(|what| format!("has <{variable}>: {what}"))?;
        Ok(Self::Variable { name: name.into(), converter })
    }
}

/// Quotes `text` for a path.
pub(crate) fn quote(text: &str) -> impl Iterator<Item = &str> {
    utf8_percent_encode(text, QUOTED_IN_PATH)
}

/// The name in `{name}` or `:name`, as other frameworks write variables.
fn foreign_variable(segment: &str) -> Option<&str> {
    let name = segment.strip_prefix(':').or_else(|| segment.strip_prefix('{')?.strip_suffix('}'));
    name.filter(|name| !name.is_empty())
}
