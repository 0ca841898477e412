//! The rules that are broken.

use validator::{ValidationErrors, ValidationErrorsKind};

use crate::field_error::FieldError;
use crate::notes::Notes;
use crate::values::child;

/// Returns the broken rules by the names of their inputs, but for those of inputs that could not be read.
pub(crate) fn broken_rules(errors: ValidationErrors, notes: &Notes<'_>) -> Vec<FieldError> {
    let mut broken = Vec::new();
    add(errors, "", notes, &mut broken);
    broken
}

fn add(errors: ValidationErrors, of: &str, notes: &Notes<'_>, broken: &mut Vec<FieldError>) {
    for (field, kind) in errors.into_errors() {
        let name = match notes.field_of(of, &field) {
            Some(field) => child(of, field),
            // A rule for the whole struct, or for a field by a name that only Rust knows.
            None => of.to_owned(),
        };
        match kind {
            // A rule for the whole struct is for fields that could be read.
            ValidationErrorsKind::Field(_) if field == "__all__" && !notes.is_all_read() => {}
            ValidationErrorsKind::Field(rules) => {
                if notes.has_rules(&name, rules.iter().any(|rule| rule.code == "range")) {
                    broken.extend(rules.into_iter().map(|rule| FieldError::rule(&name, rule)));
                }
            }
            ValidationErrorsKind::Struct(inner) => add(*inner, &name, notes, broken),
            ValidationErrorsKind::List(elements) => {
                let indices: Vec<_> = notes.values.indices(&name).collect();
                for (at, inner) in elements {
                    let index = indices.get(at).copied().unwrap_or(at);
                    add(*inner, &format!("{name}-{index}"), notes, broken);
                }
            }
        }
    }
}
