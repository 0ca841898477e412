//! The form as templates see it.

use std::collections::BTreeMap;
use std::sync::Arc;

use costrel::minijinja::value::{Object, Serde};
use costrel::minijinja::{Error, ErrorKind, State, Value};
use costrel::{Files, current_app, escape};
use costrel_csrf::Csrf;
use serde::{Serialize, Serializer};

use crate::values::{Values, is_ticked};

/// The parts of a form that do not depend on the type of its data.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    pub(crate) is_submitted: bool,
    pub(crate) values: Values,
    /// Sentences by the names of their fields; those of the form as a whole have the empty name.
    pub(crate) errors: BTreeMap<String, Vec<String>>,
    pub(crate) files: Files,
}

/// A field as templates see it.
#[derive(Serialize)]
struct Field<'f> {
    value: &'f str,
    values: &'f [String],
    checked: bool,
    errors: &'f [String],
}

impl Shown {
    pub(crate) fn errors_of(&self, field: &str) -> &[String] {
        self.errors.get(field).map_or(&[], Vec::as_slice)
    }

    fn field(&self, name: &str) -> Value {
        let (value, values) = (self.values.first(name), self.values.get(name));
        let checked = is_ticked(value);
        Value::from(Serde(&Field { value, values, checked, errors: self.errors_of(name) }))
    }

    /// Returns the hidden inputs: that of the token, and one for each of the names.
    fn hidden_tag(&self, names: &[Value]) -> Result<Value, Error> {
        let mut tags = token_tag()?;
        for name in names.iter().filter_map(Value::as_str) {
            tags += &hidden_input(name, self.values.first(name));
        }
        Ok(Value::from_safe_string(tags))
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A template gets the object itself, and not a copy of its parts.
        Value::from_object(self.clone()).serialize(serializer)
    }
}

impl Object for Shown {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "errors" => Some(Value::from(Serde(&self.errors))),
            "form_errors" => Some(Value::from(Serde(&self.errors_of("")))),
            name => Some(self.field(name)),
        }
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match method {
            "hidden_tag" => self.hidden_tag(args),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

/// Returns the input of the token; none if the app has set `WTF_CSRF_ENABLED` to `false`.
fn token_tag() -> Result<String, Error> {
    let failed = |error: costrel::Error| Error::new(ErrorKind::InvalidOperation, error.to_string());
    let (app, name) = (current_app(), "WTF_CSRF_FIELD_NAME");
    if app.config().try_get("WTF_CSRF_ENABLED").map_err(failed)? == Some(false) {
        return Ok(String::new());
    }
    let name = app.config().try_get::<String>(name).map_err(failed)?;
    Ok(hidden_input(name.as_deref().unwrap_or("csrf_token"), &Csrf::new().token().map_err(failed)?))
}

fn hidden_input(name: &str, value: &str) -> String {
    let (name, value) = (escape(name), escape(value));
    format!(r#"<input id="{name}" name="{name}" type="hidden" value="{value}">"#)
}
