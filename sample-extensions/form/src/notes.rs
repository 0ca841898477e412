//! What a reading finds out.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::field_error::FieldError;
use crate::values::Values;

/// The number of texts that are read again at most, all passes together, so that a long form with much that is wrong takes no
/// longer than one that fits.
const READ_AGAIN: usize = 20_000;

/// What takes the place of a text that its type refuses, so that the rules of the other fields are tried too: a date, a time,
/// both, an id, a number, a letter, an address, a URL.
static STAND_INS: LazyLock<[String; 9]> = LazyLock::new(|| {
    let id = "00000000-0000-0000-0000-000000000000";
    let (date, moment) = ("1970-01-01", "1970-01-01T00:00:00");
    [date, "00:00:00", moment, "1970-01-01T00:00:00Z", id, "1", "a", "0.0.0.0", "https://example.com/"]
        .map(str::to_owned)
});

/// The notes of a reading, which are kept from one pass over the fields to the next.
#[derive(Debug)]
pub(crate) struct Notes<'r> {
    pub(crate) values: &'r Values,
    /// The fields without a default, with the name of their struct.
    pub(crate) required: BTreeSet<(&'static str, &'static str)>,
    /// The blank inputs of fields that were sent by another of their names.
    renamed: BTreeSet<String>,
    /// The number of passes that may follow.
    passes: usize,
    /// The inputs whose type has refused a text, and how many.
    unreadable: BTreeMap<String, usize>,
    errors: RefCell<BTreeMap<String, FieldError>>,
    shown: RefCell<BTreeSet<String>>,
    structs: RefCell<BTreeMap<String, &'static [&'static str]>>,
}

/// What a reading has found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) errors: Vec<FieldError>,
    /// The names of the inputs whose texts a page may show: those that were read as anything but a password.
    pub(crate) shown: BTreeSet<String>,
    fields: &'static [&'static str],
}

impl<'r> Notes<'r> {
    /// Notes about values, as read by a type whose fields without a default are known in part.
    pub(crate) fn new(values: &'r Values, required: BTreeSet<(&'static str, &'static str)>) -> Self {
        let (renamed, unreadable, errors, shown, structs) = Default::default();
        let passes = READ_AGAIN / (1 + values.count());
        Self { values, required, renamed, passes, unreadable, errors, shown, structs }
    }

    /// Whether a field that is blank has no default, and was not sent by another of its names.
    pub(crate) fn is_required(&self, field: (&'static str, &'static str), name: &str) -> bool {
        self.required.contains(&field) && !self.renamed.contains(name)
    }

    /// Notes that a field was sent by two of its names, and returns whether one of them may have been blank.
    pub(crate) fn note_renamed(&mut self, name: String) -> bool {
        self.may_read_again() && self.renamed.insert(name)
    }

    /// Notes that a type has refused the text of an input, and returns whether to try again.
    pub(crate) fn note_refused(&mut self, name: String) -> bool {
        let refused = self.unreadable.entry(name).or_default();
        *refused += 1;
        *refused <= STAND_INS.len() && self.may_read_again()
    }

    fn may_read_again(&mut self) -> bool {
        let left = self.passes.checked_sub(1);
        self.passes = left.unwrap_or_default();
        left.is_some()
    }

    /// Returns the texts of an input, or what takes their place if its type has refused them.
    pub(crate) fn texts(&self, name: &str) -> &'r [String] {
        let stand_in = self.unreadable.get(name).and_then(|refused| STAND_INS.get(refused - 1));
        stand_in.map_or_else(|| self.values.get(name), std::slice::from_ref)
    }

    /// Whether an input's type has refused its text.
    pub(crate) fn is_unreadable(&self, name: &str) -> bool {
        self.unreadable.contains_key(name)
    }

    /// Notes what is wrong with a field, unless that is known.
    pub(crate) fn note(&self, error: FieldError) {
        self.errors.borrow_mut().entry(error.field().to_owned()).or_insert(error);
    }

    /// Notes that pages may show an input's texts.
    pub(crate) fn show(&self, name: &str) {
        self.shown.borrow_mut().insert(name.to_owned());
    }

    /// Notes the fields of a struct, by the name that its inputs begin with.
    pub(crate) fn note_struct(&self, name: &str, fields: &'static [&'static str]) {
        self.structs.borrow_mut().insert(name.to_owned(), fields);
    }

    /// Whether a field, or one in it, has an input whose type has refused its text.
    pub(crate) fn has_unreadable(&self, name: &str) -> bool {
        let mut from =
            self.unreadable.range(name.to_owned()..).take_while(|(unreadable, _)| unreadable.starts_with(name));
        from.any(|(unreadable, _)| matches!(unreadable.as_bytes().get(name.len()), None | Some(b'-')))
    }

    /// Whether a value was read for all inputs, and none in place of another.
    pub(crate) fn is_all_read(&self) -> bool {
        self.errors.borrow().is_empty()
    }

    /// Whether broken rules say what is wrong with a field: one that could not be read has no rules, but for a number beyond
    /// its type, for which a rule's own bounds are the better ones.
    pub(crate) fn has_rules(&self, name: &str, has_bounds: bool) -> bool {
        let mut errors = self.errors.borrow_mut();
        if has_bounds && errors.get(name).is_some_and(|error| error.code() == "range") {
            errors.remove(name);
        }
        !errors.contains_key(name)
    }

    /// Returns the name that a struct's field has in Rust as `serde` and the form have it: `firstName` for `first_name`.
    pub(crate) fn field_of(&self, of: &str, field: &str) -> Option<&'static str> {
        let fields = self.structs.borrow().get(of).copied().unwrap_or_default();
        let letters = |name: &str| {
            let letters = name.strip_prefix("r#").unwrap_or(name).chars().filter(|letter| letter.is_alphanumeric());
            letters.flat_map(char::to_lowercase).collect::<String>()
        };
        let same = || fields.iter().find(|known| letters(known) == letters(field));
        fields.iter().find(|known| **known == field).or_else(same).copied()
    }

    /// Returns what was found, with the rules that are broken.
    pub(crate) fn found(self, broken: Vec<FieldError>) -> Found {
        let fields = self.structs.borrow().get("").copied().unwrap_or_default();
        let errors = self.errors.into_inner().into_values().chain(broken).collect();
        Found { errors, shown: self.shown.into_inner(), fields }
    }
}

impl Found {
    /// Whether one of the fields was sent, blank or not.
    pub(crate) fn has_any(&self, values: &Values) -> bool {
        self.fields.iter().any(|field| values.has(field))
    }
}
