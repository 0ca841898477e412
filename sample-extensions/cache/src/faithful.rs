//! Values as JSON that no other value of their type has.

use costrel::Error;
use serde::de::value::Error as Ambiguous;
use serde::ser::{self, Error as _, Serialize};

/// Returns a value as JSON; `None` if another value may have the same, because JSON has one `null` for `None`, `Some(())`, and each
/// number that is not finite.
pub(crate) fn faithful<T: Serialize + ?Sized>(value: &T) -> Result<Option<String>, Error> {
    let json = serde_json::to_string(value)?;
    // Most have none, and are as they are.
    let is_faithful = !json.contains("null") || value.serialize(Nulls).is_ok();
    Ok(is_faithful.then_some(json))
}

/// A serializer that writes nothing: it tells whether a value is `null` in JSON, and fails if two may be.
struct Nulls;

/// The parts of a value that is no `null` itself.
struct Parts;

macro_rules! finite {
    ($($method:ident: $number:ty),*) => {
        $(fn $method(self, number: $number) -> Result<bool, Ambiguous> {
            if number.is_finite() { Ok(false) } else { Err(Ambiguous::custom("a number that JSON has not")) }
        })*
    };
}

macro_rules! something {
    ($($method:ident: $kind:ty),*) => {
        $(fn $method(self, _: $kind) -> Result<bool, Ambiguous> {
            Ok(false)
        })*
    };
}

impl ser::Serializer for Nulls {
    type Ok = bool;
    type Error = Ambiguous;
    type SerializeSeq = Parts;
    type SerializeTuple = Parts;
    type SerializeTupleStruct = Parts;
    type SerializeTupleVariant = Parts;
    type SerializeMap = Parts;
    type SerializeStruct = Parts;
    type SerializeStructVariant = Parts;

    finite!(serialize_f32: f32, serialize_f64: f64);

    something!(
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128, serialize_char: char,
        serialize_str: &str, serialize_bytes: &[u8]
    );

    fn serialize_none(self) -> Result<bool, Ambiguous> {
        Ok(true)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<bool, Ambiguous> {
        if value.serialize(Self)? { Err(Ambiguous::custom("a `Some` of what is `null` itself")) } else { Ok(false) }
    }

    fn serialize_unit(self) -> Result<bool, Ambiguous> {
        Ok(true)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<bool, Ambiguous> {
        Ok(true)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<bool, Ambiguous> {
        Ok(false)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<bool, Ambiguous> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<bool, Ambiguous> {
        value.serialize(self).map(|_| false)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts, Ambiguous> {
        Ok(Parts)
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts, Ambiguous> {
        Ok(Parts)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts, Ambiguous> {
        Ok(Parts)
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Parts, Ambiguous> {
        Ok(Parts)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts, Ambiguous> {
        Ok(Parts)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts, Ambiguous> {
        Ok(Parts)
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Parts, Ambiguous> {
        Ok(Parts)
    }
}

macro_rules! parts {
    ($($kind:ident { $method:ident($($name:ident: $key:ty)?) })*) => {
        $(impl ser::$kind for Parts {
            type Ok = bool;
            type Error = Ambiguous;

            fn $method<T: Serialize + ?Sized>(&mut self, $($name: $key,)? value: &T) -> Result<(), Ambiguous> {
                value.serialize(Nulls).map(drop)
            }

            fn end(self) -> Result<bool, Ambiguous> {
                Ok(false)
            }
        })*
    };
}

parts! {
    SerializeSeq { serialize_element() }
    SerializeTuple { serialize_element() }
    SerializeTupleStruct { serialize_field() }
    SerializeTupleVariant { serialize_field() }
    SerializeStruct { serialize_field(_key: &'static str) }
    SerializeStructVariant { serialize_field(_key: &'static str) }
}

impl ser::SerializeMap for Parts {
    type Ok = bool;
    type Error = Ambiguous;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<(), Ambiguous> {
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Ambiguous> {
        value.serialize(Nulls).map(drop)
    }

    fn end(self) -> Result<bool, Ambiguous> {
        Ok(false)
    }
}
