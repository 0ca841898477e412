//! From the texts of a field to its value.

use std::str::FromStr;

use serde::de::value::{BorrowedStrDeserializer, SeqDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::failure::Failure;
use crate::field_error::FieldError;
use crate::notes::Notes;
use crate::values::{child, is_ticked};

/// How deep structs and lists may be in one another: a type may go round in circles, and a client may send names of any length.
const DEPTH: usize = 32;

/// A field, the whole form being the one without a name. What is wrong with it is noted, and another value takes the place of
/// one that does not fit, so that the fields after it are read too.
#[derive(Debug)]
pub(crate) struct Field<'r> {
    notes: &'r Notes<'r>,
    /// The name of its input, or what the names of the inputs in it begin with.
    name: String,
    texts: &'r [String],
    place: Place,
    is_secret: bool,
}

/// Where the texts of a field stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// At a name of its own.
    Own,
    /// At the name of a list, with an index: it may be blank.
    Indexed,
    /// Among those of a list: it may be blank, and is no list.
    Listed,
}

impl<'r> Field<'r> {
    /// The whole form.
    pub(crate) fn whole(notes: &'r Notes<'r>) -> Self {
        Self { notes, name: String::new(), texts: &[], place: Place::Own, is_secret: false }
    }

    /// The field of this one, as WTForms names its input: `address-street`.
    fn child(&self, name: &str, place: Place) -> Self {
        let name = child(&self.name, name);
        Self { notes: self.notes, texts: self.notes.texts(&name), name, place, is_secret: false }
    }

    fn is_blank(&self) -> bool {
        let is_blank = self.texts.iter().all(|text| text.trim().is_empty());
        is_blank && (!self.texts.is_empty() || self.notes.values.is_blank(&self.name))
    }

    /// The first text, without the spaces around it.
    fn trimmed(&self) -> &'r str {
        self.texts.first().map_or("", |text| text.trim())
    }

    fn show(&self) {
        if !self.is_secret {
            self.notes.show(&self.name);
        }
    }

    fn check_depth(&self) -> Result<(), Failure> {
        if self.name.split('-').count() > DEPTH { Err(Failure::Refused(None)) } else { Ok(()) }
    }

    fn note(&self, error: FieldError) {
        self.notes.note(if self.trimmed().is_empty() { FieldError::required(&self.name) } else { error });
    }

    /// Notes why there is no value, unless that was noted where it was found.
    fn failed(&self, failure: Failure) -> Failure {
        let reason = match failure {
            Failure::Refused(reason) => reason,
            noted => return noted,
        };
        let error = || FieldError::invalid(&self.name, reason);
        self.notes.note(if self.is_blank() { FieldError::required(&self.name) } else { error() });
        Failure::Unreadable(self.name.clone())
    }

    /// The number of the text, or one in its place, with what is wrong.
    fn number<N: FromStr>(&self, in_place: impl Fn(&str) -> (N, FieldError)) -> N {
        self.show();
        let text = self.trimmed();
        text.parse().unwrap_or_else(|_| {
            let (number, error) = in_place(text);
            self.note(error);
            number
        })
    }

    fn float(&self, is_finite: fn(f64) -> bool) -> f64 {
        let wrong = || (0.0, FieldError::new(&self.name, "float"));
        let number = self.number(|_| wrong());
        if is_finite(number) {
            return number;
        }
        // No rule holds for such a number, and none is broken.
        self.note(wrong().1);
        0.0
    }
}

macro_rules! integers {
    ($($deserialize:ident $visit:ident $type:ty),*) => {$(
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            let beyond = || FieldError::between(&self.name, <$type>::MIN, <$type>::MAX);
            visitor.$visit(self.number(|text| match text.strip_prefix('-') {
                // The bound that is beyond those of a rule too, if there is one.
                Some(digits) if is_integer(digits) => (<$type>::MIN, beyond()),
                None if is_integer(text.strip_prefix('+').unwrap_or(text)) => (<$type>::MAX, beyond()),
                _ => (0, FieldError::new(&self.name, "integer")),
            }))
        }
    )*};
}

fn is_integer(digits: &str) -> bool {
    !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
}

impl<'de> Deserializer<'de> for Field<'de> {
    type Error = Failure;

    /// Text, or a type that reads text.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        if self.name.is_empty() {
            return Err(Failure::NotByField);
        }
        self.show();
        if self.trimmed().is_empty() && self.place == Place::Own {
            self.notes.note(FieldError::required(&self.name));
        }
        visitor.visit_borrowed_str(self.texts.first().map_or("", String::as_str))
    }

    /// A box that is ticked sends its text, and one that is not sends nothing.
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.show();
        visitor.visit_bool(is_ticked(self.trimmed()))
    }

    integers! {
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64, deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        // One that is finite with 64 bits may not be with 32.
        visitor.visit_f64(self.float(|number| number.abs() <= f64::from(f32::MAX)))
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_f64(self.float(f64::is_finite))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        if self.is_blank() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    /// All texts of one name, or else the inputs `name-0`, `name-1` and so on.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.check_depth()?;
        let (notes, is_secret) = (self.notes, self.is_secret);
        let one = |text| Self {
            notes,
            name: self.name.clone(),
            texts: std::slice::from_ref(text),
            place: Place::Listed,
            is_secret,
        };
        let elements: Vec<_> = match self.texts {
            [] => {
                notes.values.indices(&self.name).map(|index| self.child(&index.to_string(), Place::Indexed)).collect()
            }
            // A text among others is no list of one, or a type that goes round in circles would have no end.
            _ if self.place == Place::Listed => return Err(Failure::Refused(None)),
            texts => texts.iter().map(one).collect(),
        };
        visitor.visit_seq(SeqDeserializer::new(elements.into_iter()))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        choices: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.show();
        let text = self.texts.first().map_or("", String::as_str);
        let choice = choices.iter().find(|choice| **choice == text).or_else(|| {
            self.note(FieldError::new(&self.name, "choice"));
            choices.first()
        });
        visitor.visit_enum(BorrowedStrDeserializer::new(choice.unwrap_or(&"")))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Failure> {
        let is_secret = self.is_secret || name == "Password";
        visitor.visit_newtype_struct(Self { is_secret, ..self })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.check_depth()?;
        self.notes.note_struct(&self.name, fields);
        let fields = Fields::of(&self, name, fields);
        visitor.visit_map(fields).map_err(|failure| match failure {
            Failure::Missing(field) => Failure::NoDefault(name, field),
            Failure::Repeated(field) => Failure::RepeatedInput(self.child(field, Place::Own).name),
            other => other,
        })
    }

    fn deserialize_map<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Failure> {
        Err(Failure::NotByField)
    }

    /// Not read, because `validator` panics when a rule is broken by a number that JSON does not have.
    fn deserialize_i128<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Failure> {
        Err(Failure::NotByField)
    }

    /// Not read, as an `i128` is not.
    fn deserialize_u128<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Failure> {
        Err(Failure::NotByField)
    }

    /// A field that the struct does not have.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct tuple_struct identifier
    }
}

impl<'r> IntoDeserializer<'r, Failure> for Field<'r> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// The fields of a struct that are left to read.
struct Fields<'r> {
    left: std::vec::IntoIter<(&'static str, Field<'r>)>,
    next: Option<Field<'r>>,
}

impl<'r> Fields<'r> {
    /// The fields that are not blank or have no default. Those that cannot be read are last, because they end the reading.
    fn of(whole: &Field<'r>, type_name: &'static str, fields: &'static [&'static str]) -> Self {
        let notes = whole.notes;
        let is_left = |name: &'static str, field: &Field<'_>| {
            let is_there = !field.is_blank() && !notes.is_unreadable(&field.name);
            is_there || notes.is_required((type_name, name), &field.name)
        };
        let fields = fields.iter().map(|name| (*name, whole.child(name, Place::Own)));
        let mut left: Vec<_> = fields.filter(|(name, field)| is_left(name, field)).collect();
        left.sort_by_key(|(_, field)| notes.has_unreadable(&field.name));
        Self { left: left.into_iter(), next: None }
    }
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Failure> {
        let Some((name, field)) = self.left.next() else { return Ok(None) };
        self.next = Some(field);
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Failure> {
        let field = self.next.take().ok_or_else(|| Failure::custom("a value comes after its key"))?;
        let (notes, name, texts) = (field.notes, field.name.clone(), field.texts);
        let of_failure = Field { notes, name, texts, place: Place::Own, is_secret: false };
        seed.deserialize(field).map_err(|failure| of_failure.failed(failure))
    }
}
