//! Parts of Jinja2 that minijinja lacks: how values are written, and some filters, tests, globals and methods.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use minijinja::value::{Kwargs, Object, ObjectRepr, Rest, Tuple, ValueKind, ValueOrKwargs};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, Value};
use minijinja_contrib::{filters, pycompat};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::urlize::urlize;
use crate::http_types::escape;

/// Makes an environment in which templates print what Jinja2 prints.
pub(super) fn environment() -> Environment<'static> {
    let mut templates = Environment::new();
    // Flask's list of extensions, because minijinja's own would escape scripts as JSON.
    templates.set_auto_escape_callback(|name| match name.rsplit('.').next() {
        Some("html" | "htm" | "xml" | "xhtml" | "svg") => AutoEscape::Html,
        _ => AutoEscape::None,
    });
    templates.set_formatter(write_value);
    templates.set_unknown_method_callback(call_python_method);
    minijinja_contrib::add_to_environment(&mut templates);
    // Jinja2 takes these arguments by position too.
    let truncated = ["length", "killwords", "end", "leeway"];
    templates.add_filter("truncate", move |state: &mut State<'_, '_>, value: Value, given: Rest<ValueOrKwargs>| {
        filters::truncate(state, &value, named(&truncated, given)?)
    });
    let wrapped = ["width", "break_long_words", "wrapstring", "break_on_hyphens"];
    templates.add_filter("wordwrap", move |value: Value, given: Rest<ValueOrKwargs>| {
        filters::wordwrap(&value, named(&wrapped, given)?)
    });
    templates.add_filter("center", |text: String, width: Option<usize>| center(&text, width.unwrap_or(80)));
    templates.add_filter("forceescape", |value: Value| Value::from_safe_string(escape(&value.to_string())));
    templates.add_filter("pprint", pretty);
    templates.add_filter("replace", replaced);
    templates.add_filter("urlencode", url_encoded);
    let linked = ["trim_url_limit", "nofollow", "target", "rel", "extra_schemes"];
    templates
        .add_filter("urlize", move |text: String, given: Rest<ValueOrKwargs>| urlize(&text, &named(&linked, given)?));
    templates.add_filter("xmlattr", attributes);
    templates.add_test("callable", |value: Value| is_callable(&value));
    templates.add_test("sequence", |value: Value| {
        matches!(value.kind(), ValueKind::Seq | ValueKind::Map | ValueKind::String | ValueKind::Bytes)
    });
    templates.add_function("cycler", Cycler::of);
    templates
}

/// Writes a value as Jinja2 does: all of it is escaped, by the characters that Jinja2 escapes and no others, and large and
/// small numbers are written as Python writes them.
fn write_value(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let is_float = value.kind() == ValueKind::Number && !value.is_integer();
    let python = is_float.then(|| value.clone().try_into().ok().and_then(scientific)).flatten();
    if let Some(number) = python {
        return Ok(out.write_str(&number)?);
    }
    // These have nothing to escape.
    let is_plain = matches!(value.kind(), ValueKind::Number | ValueKind::Bool | ValueKind::None | ValueKind::Undefined);
    match value.as_str() {
        Some(text) if value.is_safe() => Ok(out.write_str(text)?),
        Some(text) if matches!(state.auto_escape(), AutoEscape::Html) => Ok(out.write_str(&escape(text))?),
        None if matches!(state.auto_escape(), AutoEscape::Html) && !is_plain => {
            Ok(out.write_str(&escape(&value.to_string()))?)
        }
        _ => minijinja::escape_formatter(out, state, value),
    }
}

/// A number as Python writes it, if that is with an exponent.
fn scientific(number: f64) -> Option<String> {
    let size = number.abs();
    if number == 0.0 || !number.is_finite() || (1e-4..1e16).contains(&size) {
        return None;
    }
    let text = format!("{number:e}");
    let (digits, exponent) = text.split_once('e')?;
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    Some(format!("{digits}e{sign}{exponent:0>2}"))
}

/// Gives the arguments that came by position their names.
fn named(names: &[&'static str], given: Rest<ValueOrKwargs>) -> Result<Kwargs, Error> {
    let mut given = given.into_values();
    let by_name = match given.last() {
        Some(last) if last.is_kwargs() => given.pop(),
        _ => None,
    };
    if given.len() > names.len() {
        return Err(ErrorKind::TooManyArguments.into());
    }
    let mut all: Vec<_> = names.iter().zip(given).map(|(name, value)| ((*name).to_owned(), value)).collect();
    if let Some(by_name) = by_name.map(Kwargs::try_from).transpose()? {
        for name in by_name.args() {
            all.push((name.to_owned(), by_name.get(name)?));
        }
    }
    Ok(all.into_iter().collect())
}

/// Jinja2's `replace`, with the number of times. Where one of the texts is safe, the value and the new text are escaped, and the
/// result is safe.
fn replaced(state: &mut State<'_, '_>, value: Value, old: Value, new: Value, count: Option<usize>) -> Value {
    let escapes = matches!(state.auto_escape(), AutoEscape::Html);
    let is_safe = escapes && [&value, &old, &new].iter().any(|text| text.is_safe());
    let written = |text: Value| if is_safe && !text.is_safe() { escape(&text.to_string()) } else { text.to_string() };
    // `old` is looked for as it is written, as in MarkupSafe.
    let (text, old, new) = (written(value), old.to_string(), written(new));
    let text = count.map_or_else(|| text.replace(&old, &new), |count| text.replacen(&old, &new, count));
    if is_safe { Value::from_safe_string(text) } else { text.into() }
}

/// Python's `str.center`.
fn center(text: &str, width: usize) -> String {
    let length = text.chars().count();
    let room = width.saturating_sub(length);
    let before = room / 2 + (room & width & 1);
    format!("{}{text}{}", " ".repeat(before), " ".repeat(room - before))
}

/// A value in one line if it fits into 80 letters, as Python's `pprint`.
fn pretty(value: Value) -> String {
    let in_list = Value::from(vec![value.clone()]).to_string();
    let line = &in_list[1..in_list.len() - 1];
    if line.chars().count() <= 80 { line.to_owned() } else { minijinja::filters::pprint(&value) }
}

/// The characters of a query that Python's `quote_plus` leaves.
const QUOTED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'.').remove(b'-').remove(b'~');

const QUOTED_IN_PATH: &AsciiSet = &QUOTED.remove(b'/');

/// Quotes text for a path, and the pairs of a mapping or of a list for a query.
fn url_encoded(value: Value) -> Result<Value, Error> {
    if !matches!(value.kind(), ValueKind::Map | ValueKind::Seq | ValueKind::Iterable) {
        return Ok(utf8_percent_encode(&value.to_string(), QUOTED_IN_PATH).to_string().into());
    }
    let quoted = |value: &Value| utf8_percent_encode(&value.to_string(), QUOTED).to_string().replace("%20", "+");
    let mut query = String::new();
    for item in value.try_iter()? {
        let (key, of_key) = match value.kind() {
            ValueKind::Map => (item.clone(), value.get_item(&item)?),
            _ => (item.get_item_by_index(0)?, item.get_item_by_index(1)?),
        };
        let separator = if query.is_empty() { "" } else { "&" };
        // Writing to a `String` cannot fail.
        let _ = write!(query, "{separator}{}={}", quoted(&key), quoted(&of_key));
    }
    Ok(query.into())
}

/// The attributes of a tag from a mapping, without those that are none or undefined.
fn attributes(values: Value, autospace: Option<bool>) -> Result<Value, Error> {
    let mut all = String::new();
    for key in values.try_iter()? {
        let value = values.get_item(&key)?;
        let name = key.to_string();
        if name.contains(|letter: char| letter.is_ascii_whitespace() || "/>=".contains(letter)) {
            let message = format!("the name of an attribute has no space, `/`, `>` or `=`: {name:?}");
            return Err(Error::new(ErrorKind::InvalidOperation, message));
        }
        if !value.is_none() && !value.is_undefined() {
            let text = if value.is_safe() { value.to_string() } else { escape(&value.to_string()) };
            let space = if all.is_empty() && autospace == Some(false) { "" } else { " " };
            let _ = write!(all, "{space}{}=\"{text}\"", escape(&name));
        }
    }
    Ok(Value::from_safe_string(all))
}

fn is_callable(value: &Value) -> bool {
    // Functions and macros are objects that are neither lists nor mappings.
    value.as_object().is_some_and(|object| object.repr() == ObjectRepr::Plain)
}

/// Jinja2's `cycler`: gives its items in turn.
#[derive(Debug)]
struct Cycler {
    items: Vec<Value>,
    at: AtomicUsize,
}

impl Cycler {
    fn of(items: Rest<Value>) -> Result<Value, Error> {
        if items.is_empty() {
            return Err(Error::new(ErrorKind::MissingArgument, "a cycler needs at least one item"));
        }
        Ok(Value::from_object(Self { items: items.0, at: AtomicUsize::new(0) }))
    }

    fn current(&self) -> Value {
        self.items[self.at.load(Ordering::Relaxed) % self.items.len()].clone()
    }
}

impl Object for Cycler {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        (key.as_str() == Some("current")).then(|| self.current())
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, name: &str, _: &[Value]) -> Result<Value, Error> {
        match name {
            "next" => {
                let current = self.current();
                self.at.fetch_add(1, Ordering::Relaxed);
                Ok(current)
            }
            "reset" => {
                self.at.store(0, Ordering::Relaxed);
                Ok(Value::from(()))
            }
            _ => Err(ErrorKind::UnknownMethod.into()),
        }
    }
}

/// Calls a method that Python's text, lists and mappings have, as Flask's templates do.
fn call_python_method(state: &mut State<'_, '_>, value: &Value, name: &str, given: &[Value]) -> Result<Value, Error> {
    match pycompat::unknown_method_callback(state, value, name, given) {
        Err(error) if error.kind() == ErrorKind::UnknownMethod => {
            value.as_str().and_then(|text| text_method(text, name, given)).unwrap_or(Err(error))
        }
        called => called,
    }
}

/// The methods of Python's text that minijinja's library leaves out; `None` if it has no such method.
fn text_method(text: &str, name: &str, given: &[Value]) -> Option<Result<Value, Error>> {
    let first = given.first().map(ToString::to_string);
    let part = || first.as_deref().ok_or_else(|| Error::from(ErrorKind::MissingArgument));
    let width = || given.first().and_then(|width| usize::try_from(width.clone()).ok()).unwrap_or(0);
    let room = || " ".repeat(width().saturating_sub(text.chars().count()));
    let three = |a: &str, b: &str, c: &str| Value::from(Tuple::from([a, b, c].map(Value::from)));
    Some(match name {
        "partition" => part().map(|end| match text.split_once(end) {
            Some((before, after)) => three(before, end, after),
            None => three(text, "", ""),
        }),
        "rpartition" => part().map(|end| match text.rsplit_once(end) {
            Some((before, after)) => three(before, end, after),
            None => three("", "", text),
        }),
        "index" => part().and_then(|part| match text.find(part) {
            Some(at) => Ok(text[..at].chars().count().into()),
            None => Err(Error::new(ErrorKind::InvalidOperation, format!("{part:?} is not in the text"))),
        }),
        "removeprefix" => part().map(|start| text.strip_prefix(start).unwrap_or(text).into()),
        "removesuffix" => part().map(|end| text.strip_suffix(end).unwrap_or(text).into()),
        "ljust" => Ok(format!("{text}{}", room()).into()),
        "rjust" => Ok(format!("{}{text}", room()).into()),
        "center" => Ok(center(text, width()).into()),
        "zfill" => {
            let (sign, digits) = text.split_at(usize::from(text.starts_with(['-', '+'])));
            Ok(format!("{sign}{}{digits}", room().replace(' ', "0")).into())
        }
        "swapcase" => Ok(text.chars().map(swapped).collect::<String>().into()),
        "casefold" => Ok(text.to_lowercase().into()),
        _ => return None,
    })
}

fn swapped(letter: char) -> String {
    if letter.is_uppercase() { letter.to_lowercase().collect() } else { letter.to_uppercase().collect() }
}
