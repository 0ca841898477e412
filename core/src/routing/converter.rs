//! Converters: how a variable of a rule reads its part of the path, and writes it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use super::arg::{ArgKind, ArgValue};

/// A converter of the app's own for a part of the path; registered with
/// [`App::add_converter`](crate::App::add_converter).
///
/// ```
/// use costrel::{App, ArgValue, UrlConverter, url_for};
///
/// /// `<list:name>`: words with `+` between them.
/// struct List;
///
/// impl UrlConverter for List {
///     fn to_value(&self, text: &str) -> Option<ArgValue> {
///         (!text.ends_with('+')).then(|| text.replace('+', ",").into())
///     }
///
///     fn to_url(&self, value: &ArgValue) -> Option<String> {
///         Some(value.to_string().replace(',', "+"))
///     }
/// }
///
/// let mut app = App::new("docs");
/// app.add_converter("list", List);
/// app.rule("/tags/<list:tags>").endpoint("tags").view(async |tags: String| {
///     Ok::<_, costrel::Error>(format!("{tags} at {}", url_for("tags").arg("tags", "a,b").build()?))
/// });
/// assert_eq!(app.test_client().get("/tags/x+y").wait()?.text(), "x,y at /tags/a+b");
/// # Ok::<(), costrel::Error>(())
/// ```
#[doc(alias = "BaseConverter")]
pub trait UrlConverter: Send + Sync + 'static {
    /// The value of `text`, which is percent-decoded and not empty; `None` if this converter does not take it.
    fn to_value(&self, text: &str) -> Option<ArgValue>;

    /// The text of `value` in a URL, not yet quoted; `None` if this converter cannot write it.
    fn to_url(&self, value: &ArgValue) -> Option<String> {
        Some(value.to_string())
    }

    /// The kind of value that the converter makes. Default: text.
    fn kind(&self) -> ArgKind {
        ArgKind::Text
    }

    /// The weight of the converter: of several rules that match, the one with the lighter converter is taken.
    /// Default: 100, as for text; numbers have 50, paths 200.
    fn weight(&self) -> u8 {
        100
    }

    /// Whether the converter may read several segments of the path with the slashes between them. Default: no.
    fn takes_slashes(&self) -> bool {
        false
    }
}

/// The app's own converters, by name.
pub(crate) type Converters = HashMap<String, Arc<dyn UrlConverter>>;

/// A converter as a rule names it, such as `int(min=1)`.
#[derive(Clone)]
pub(super) struct Converter {
    spec: String,
    converter: Arc<dyn UrlConverter>,
}

impl Converter {
    /// Finds the converter that `spec` names, or returns what is wrong with `spec`.
    pub(super) fn parse(spec: &str, own: &Converters) -> Result<Self, String> {
        let (name, arguments) = match spec.split_once('(') {
            Some((name, rest)) => (name, rest.strip_suffix(')').ok_or(format!("{spec:?} lacks its closing bracket"))?),
            None => (spec, ""),
        };
        let converter = match own.get(name) {
            Some(converter) if arguments.is_empty() => Arc::clone(converter),
            Some(_) => return Err(format!("the converter {name:?} takes no arguments")),
            None => built_in(name, &mut Arguments::parse(arguments))?,
        };
        Ok(Self { spec: spec.to_owned(), converter })
    }

    /// The value of `text`; `None` if this converter does not take it.
    pub(super) fn read(&self, text: &str) -> Option<ArgValue> {
        if text.is_empty() { None } else { self.converter.to_value(text) }
    }

    pub(super) fn write(&self, value: &ArgValue) -> Option<String> {
        self.converter.to_url(value)
    }

    pub(super) fn kind(&self) -> ArgKind {
        self.converter.kind()
    }

    pub(super) fn weight(&self) -> u8 {
        self.converter.weight()
    }

    pub(super) fn takes_slashes(&self) -> bool {
        self.converter.takes_slashes()
    }

    pub(super) fn spec(&self) -> &str {
        &self.spec
    }
}

impl fmt::Debug for Converter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spec)
    }
}

fn built_in(name: &str, arguments: &mut Arguments<'_>) -> Result<Arc<dyn UrlConverter>, String> {
    let converter: Arc<dyn UrlConverter> = match name {
        "string" => Arc::new(Text::new(arguments)?),
        "int" => Arc::new(Int {
            signed: arguments.flag("signed")?,
            digits: arguments.number("fixed_digits")?,
            min: arguments.number("min")?,
            max: arguments.number("max")?,
        }),
        "float" => Arc::new(Float {
            signed: arguments.flag("signed")?,
            min: arguments.number("min")?,
            max: arguments.number("max")?,
        }),
        "uuid" => Arc::new(UuidText),
        "path" => Arc::new(Path),
        "any" => Arc::new(Any { words: arguments.words()? }),
        _ => {
            return Err(format!(
                "the converter {name:?} does not exist: use string, int, float, uuid, any or path, or add it first with \
                 `app.add_converter`"
            ));
        }
    };
    arguments.check_all_used(name)?;
    Ok(converter)
}

/// The arguments between a converter's brackets.
struct Arguments<'a> {
    list: Vec<&'a str>,
}

impl<'a> Arguments<'a> {
    fn parse(text: &'a str) -> Self {
        Self { list: text.split(',').map(str::trim).filter(|argument| !argument.is_empty()).collect() }
    }

    /// Takes out the value of `name`; `None` if it is not there.
    fn number<T: std::str::FromStr>(&mut self, name: &str) -> Result<Option<T>, String> {
        let find = |argument: &&str| argument.split_once('=').is_some_and(|(key, _)| key.trim() == name);
        let Some(at) = self.list.iter().position(find) else { return Ok(None) };
        let argument = self.list.remove(at);
        let value = argument.split_once('=').and_then(|(_, value)| value.trim().parse().ok());
        value.map(Some).ok_or_else(|| format!("{argument:?} has no value that fits {name:?}"))
    }

    fn flag(&mut self, name: &str) -> Result<bool, String> {
        let find = |argument: &&str| argument.split_once('=').is_some_and(|(key, _)| key.trim() == name);
        let Some(at) = self.list.iter().position(find) else { return Ok(false) };
        match self.list.remove(at).split_once('=').map(|(_, value)| value.trim()) {
            Some("True" | "true") => Ok(true),
            Some("False" | "false") => Ok(false),
            _ => Err(format!("{name:?} is True or False")),
        }
    }

    fn words(&mut self) -> Result<Vec<String>, String> {
        let words: Vec<_> = self.list.drain(..).map(|word| word.trim_matches(['"', '\'']).to_owned()).collect();
        if words.is_empty() { Err("\"any\" needs words, as in <any(red,green):colour>".into()) } else { Ok(words) }
    }

    fn check_all_used(&self, converter: &str) -> Result<(), String> {
        match self.list.first() {
            Some(argument) => Err(format!("the converter {converter:?} takes no {argument:?}")),
            None => Ok(()),
        }
    }
}

/// `<name>`: one segment.
struct Text {
    least: usize,
    most: Option<usize>,
}

impl Text {
    fn new(arguments: &mut Arguments<'_>) -> Result<Self, String> {
        if let Some(length) = arguments.number("length")? {
            return Ok(Self { least: length, most: Some(length) });
        }
        Ok(Self { least: arguments.number("minlength")?.unwrap_or(1), most: arguments.number("maxlength")? })
    }
}

impl UrlConverter for Text {
    fn to_value(&self, text: &str) -> Option<ArgValue> {
        if self.least > 1 || self.most.is_some() {
            let length = text.chars().count();
            if length < self.least || self.most.is_some_and(|most| length > most) {
                return None;
            }
        }
        Some(text.into())
    }
}

/// `<int:name>`: digits.
struct Int {
    signed: bool,
    digits: Option<usize>,
    min: Option<i64>,
    max: Option<i64>,
}

impl UrlConverter for Int {
    fn to_value(&self, text: &str) -> Option<ArgValue> {
        is_digits(unsigned(text, self.signed))?;
        if self.digits.is_some_and(|digits| text.len() != digits) {
            return None;
        }
        let number: i64 = text.parse().ok()?;
        within(number, self.min, self.max).then_some(ArgValue::Int(number))
    }

    fn to_url(&self, value: &ArgValue) -> Option<String> {
        let number: i64 = value.to_string().parse().ok()?;
        let width = self.digits.unwrap_or(0);
        Some(format!("{number:0width$}"))
    }

    fn kind(&self) -> ArgKind {
        ArgKind::Int
    }

    fn weight(&self) -> u8 {
        50
    }
}

/// `<float:name>`: digits, a dot, digits.
struct Float {
    signed: bool,
    min: Option<f64>,
    max: Option<f64>,
}

impl UrlConverter for Float {
    fn to_value(&self, text: &str) -> Option<ArgValue> {
        let (whole, fraction) = unsigned(text, self.signed).split_once('.')?;
        is_digits(whole).and(is_digits(fraction))?;
        let number: f64 = text.parse().ok()?;
        within(number, self.min, self.max).then_some(ArgValue::Float(number))
    }

    fn to_url(&self, value: &ArgValue) -> Option<String> {
        let number: f64 = value.to_string().parse().ok()?;
        // A number with an exponent, infinity and NaN are refused, because this converter reads only digits and a dot.
        Some(format!("{number:?}")).filter(|text| !text.contains(|letter: char| letter.is_ascii_alphabetic()))
    }

    fn kind(&self) -> ArgKind {
        ArgKind::Float
    }

    fn weight(&self) -> u8 {
        50
    }
}

/// `<uuid:name>`: with hyphens.
struct UuidText;

impl UrlConverter for UuidText {
    fn to_value(&self, text: &str) -> Option<ArgValue> {
        // Only the form with hyphens has 36 characters; `parse_str` also reads others.
        if text.len() == 36 { Uuid::parse_str(text).ok().map(ArgValue::Uuid) } else { None }
    }

    fn to_url(&self, value: &ArgValue) -> Option<String> {
        Uuid::parse_str(&value.to_string()).ok().map(|uuid| uuid.to_string())
    }

    fn kind(&self) -> ArgKind {
        ArgKind::Uuid
    }
}

/// `<path:name>`: one segment or more.
struct Path;

impl UrlConverter for Path {
    fn to_value(&self, text: &str) -> Option<ArgValue> {
        (!text.starts_with('/')).then(|| text.into())
    }

    fn weight(&self) -> u8 {
        200
    }

    fn takes_slashes(&self) -> bool {
        true
    }
}

/// `<any(red,green):name>`: one of these words.
struct Any {
    words: Vec<String>,
}

impl UrlConverter for Any {
    fn to_value(&self, text: &str) -> Option<ArgValue> {
        self.words.iter().any(|word| word == text).then(|| text.into())
    }

    fn to_url(&self, value: &ArgValue) -> Option<String> {
        let text = value.to_string();
        self.words.contains(&text).then_some(text)
    }
}

fn unsigned(text: &str, signed: bool) -> &str {
    text.strip_prefix('-').filter(|_| signed).unwrap_or(text)
}

fn is_digits(text: &str) -> Option<()> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(())
}

fn within<N: PartialOrd>(number: N, min: Option<N>, max: Option<N>) -> bool {
    min.is_none_or(|min| number >= min) && max.is_none_or(|max| number <= max)
}
