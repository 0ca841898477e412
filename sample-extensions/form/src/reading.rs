//! From the texts of a form to a struct: all that is wrong is found at once.

use std::any::type_name;
use std::collections::BTreeSet;

use costrel::{Error, ErrorKind};
use serde::de::DeserializeOwned;
use validator::Validate;

use crate::failure::Failure;
use crate::field::Field;
use crate::field_error::FieldError;
use crate::notes::{Found, Notes};
use crate::rules::broken_rules;
use crate::values::Values;

/// Reads a struct, and finds out what is wrong with it. There is data if every field has a value, if only in place of one that
/// does not fit.
///
/// # Errors
/// A set-up error if the type cannot be read field by field.
pub(crate) fn read<T: DeserializeOwned + Validate>(values: &Values) -> Result<(Option<T>, Found), Error> {
    let mut notes = Notes::new(values, required::<T>()?);
    let data = passes::<T>(&mut notes)?;
    let rules = data.as_ref().and_then(|data| data.validate().err());
    let broken = rules.map(|rules| broken_rules(rules, &notes)).unwrap_or_default();
    Ok((data, notes.found(broken)))
}

/// Returns the fields without a default, also those after one that ends the reading: a form that is blank tells.
///
/// # Errors
/// A set-up error if the type cannot be read field by field.
pub(crate) fn required<T: DeserializeOwned>() -> Result<BTreeSet<(&'static str, &'static str)>, Error> {
    let nothing = Values::default();
    let mut blank = Notes::new(&nothing, BTreeSet::new());
    passes::<T>(&mut blank)?;
    Ok(blank.required)
}

/// Reads the fields until all have a value, or one cannot have any.
///
/// A field that is blank is passed over, so that its default holds. The first pass in which `serde` finds no default says that
/// the field is required; the next pass reads it, blank as it is.
fn passes<T: DeserializeOwned>(notes: &mut Notes<'_>) -> Result<Option<T>, Error> {
    loop {
        match T::deserialize(Field::whole(notes)) {
            Ok(data) => return Ok(Some(data)),
            Err(Failure::NoDefault(type_name, field)) if notes.required.insert((type_name, field)) => {}
            Err(Failure::Unreadable(name)) if notes.note_refused(name.clone()) => {}
            Err(Failure::RepeatedInput(name)) if notes.note_renamed(name.clone()) => {}
            Err(Failure::RepeatedInput(_)) => return Ok(refused(notes, None)),
            Err(Failure::Refused(reason)) => return Ok(refused(notes, reason)),
            Err(Failure::NotByField) => return Err(not_by_field::<T>()),
            Err(_) => return Ok(None),
        }
    }
}

/// Notes that the whole form is refused, for which there is no data.
fn refused<T>(notes: &Notes<'_>, reason: Option<String>) -> Option<T> {
    notes.note(FieldError::invalid("", reason));
    None
}

fn not_by_field<T>() -> Error {
    let remedy = "write a struct with named fields, none of which is flattened, a map or a number of 128 bits; a struct as a \
                  field is read from `field-name`";
    Error::new(ErrorKind::Setup, format!("`{}` cannot be read from a form: {remedy}.", type_name::<T>()))
}
