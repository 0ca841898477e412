//! What is wrong with a field, and its sentence.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;
use validator::ValidationError;

/// What is wrong with a field: for [`Messages`](crate::Messages).
#[derive(Clone, Debug, PartialEq)]
pub struct FieldError {
    field: String,
    error: ValidationError,
}

impl FieldError {
    pub(crate) fn new(field: &str, code: &'static str) -> Self {
        Self::rule(field, ValidationError::new(code))
    }

    pub(crate) fn rule(field: &str, error: ValidationError) -> Self {
        Self { field: field.to_owned(), error }
    }

    pub(crate) fn required(field: &str) -> Self {
        Self::new(field, "required")
    }

    /// A text that its type does not take, with the type's own reason.
    pub(crate) fn invalid(field: &str, reason: Option<String>) -> Self {
        let error = ValidationError { code: "invalid".into(), message: reason.map(Cow::Owned), params: HashMap::new() };
        Self::rule(field, error)
    }

    pub(crate) fn between(field: &str, min: impl Serialize, max: impl Serialize) -> Self {
        let mut error = ValidationError::new("range");
        error.add_param("min".into(), &min);
        error.add_param("max".into(), &max);
        Self::rule(field, error)
    }

    /// The name of the field's input; empty for what is wrong with the whole form.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What is wrong: a rule of `validator`, such as `length`, `range`, `email` or the rule's own `code`, or `required`,
    /// `integer`, `float`, `choice` or `invalid` for a text that is none of its type.
    pub fn code(&self) -> &str {
        &self.error.code
    }

    /// A bound of the rule, such as `min`, `max` or `equal`; null if it has none.
    pub fn param(&self, name: &str) -> &Value {
        self.error.params.get(name).unwrap_or(&Value::Null)
    }

    /// The rule's own `message`, or else the sentence of WTForms for such a rule.
    pub fn message(&self) -> String {
        if let Some(message) = &self.error.message {
            return message.to_string();
        }
        let sentence = match self.code() {
            "length" => return self.length(),
            "range" => return self.range(),
            "required" => "This field is required.",
            "integer" => "Not a valid integer value.",
            "float" => "Not a valid float value.",
            "choice" => "Not a valid choice.",
            "email" => "Invalid email address.",
            "url" => "Invalid URL.",
            "ip" => "Invalid IP address.",
            "must_match" => "The fields must be equal.",
            _ => "Invalid input.",
        };
        sentence.to_owned()
    }

    fn length(&self) -> String {
        let [min, max, equal] = ["min", "max", "equal"].map(|name| self.error.params.get(name));
        let equal = equal.or_else(|| min.filter(|min| max == Some(min)));
        let characters = |count: &Value| format!("{count} character{}", if count == 1 { "" } else { "s" });
        match (self.param("value").is_array(), equal, min, max) {
            // WTForms has no rule for how many are chosen.
            (true, Some(count), ..) => format!("Choose exactly {count}."),
            (true, None, Some(min), Some(max)) => format!("Choose between {min} and {max}."),
            (true, None, Some(min), None) => format!("Choose at least {min}."),
            (true, None, None, Some(max)) => format!("Choose at most {max}."),
            (false, Some(count), ..) => format!("Field must be exactly {} long.", characters(count)),
            (false, None, Some(min), Some(max)) => format!("Field must be between {min} and {} long.", characters(max)),
            (false, None, Some(min), None) => format!("Field must be at least {} long.", characters(min)),
            (false, None, None, Some(max)) => format!("Field cannot be longer than {}.", characters(max)),
            (_, None, None, None) => "Invalid input.".to_owned(),
        }
    }

    fn range(&self) -> String {
        let [min, max, above, below] =
            ["min", "max", "exclusive_min", "exclusive_max"].map(|name| self.error.params.get(name));
        match (min, max, above, below) {
            (Some(min), Some(max), ..) => format!("Number must be between {min} and {max}."),
            (Some(min), ..) => format!("Number must be at least {min}."),
            (_, Some(max), ..) => format!("Number must be at most {max}."),
            (.., Some(above), Some(below)) => format!("Number must be above {above} and below {below}."),
            (.., Some(above), None) => format!("Number must be above {above}."),
            (.., None, Some(below)) => format!("Number must be below {below}."),
            (None, None, None, None) => "Invalid input.".to_owned(),
        }
    }
}
