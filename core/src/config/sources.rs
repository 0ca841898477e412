//! Where settings come from: values, files, the environment.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Config, entries_of, unfit};
use crate::error::Error;

impl Config {
    /// Sets one setting by its upper-case name.
    ///
    /// # Errors
    /// If the value does not fit.
    pub fn set(&mut self, key: &str, value: impl Serialize) -> Result<(), Error> {
        self.merge(Map::from_iter([(key.to_owned(), serde_json::to_value(value)?)]))
    }

    /// Sets every entry of `mapping` with an upper-case name; other entries are ignored.
    ///
    /// # Errors
    /// If `mapping` is not a mapping, or a value does not fit.
    pub fn from_mapping(&mut self, mapping: impl Serialize) -> Result<(), Error> {
        let mut entries = entries_of(mapping)?;
        entries.retain(|key, _| is_upper(key));
        self.merge(entries)
    }

    /// Sets every field of `object`, by its name in upper case.
    ///
    /// ```
    /// #[derive(serde::Serialize)]
    /// struct Production {
    ///     workers: usize,
    ///     session_cookie_samesite: &'static str,
    /// }
    ///
    /// let mut app = costrel::App::new("docs");
    /// app.config.from_object(Production { workers: 200, session_cookie_samesite: "Lax" })?;
    /// assert_eq!(app.config.workers, 200);
    /// let error = app.config.set("SESSION_COOKIE_SAMESITE", "Loose").unwrap_err();
    /// assert!(error.message().contains("expected one of `Lax`, `Strict`, `None`"));
    /// # Ok::<(), costrel::Error>(())
    /// ```
    ///
    /// # Errors
    /// If `object` has no fields, or a value does not fit.
    pub fn from_object(&mut self, object: impl Serialize) -> Result<(), Error> {
        let entries = entries_of(object)?;
        self.merge(entries.into_iter().map(|(key, value)| (key.to_ascii_uppercase(), value)).collect())
    }

    /// Sets the upper-case entries of a TOML or JSON file; the file name's ending says which it is.
    ///
    /// # Errors
    /// If the file cannot be read, or a value does not fit.
    pub fn from_file(&mut self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let wrong = |what: String| {
            Error::setup_without_line(format!("Unable to load configuration file {}: {what}", path.display()))
        };
        let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let mapping: Value = match path.extension().and_then(|ending| ending.to_str()) {
            #[cfg(feature = "config-files")]
            Some("toml") => toml::from_str(&text).map_err(|error| wrong(error.to_string()))?,
            #[cfg(not(feature = "config-files"))]
            Some("toml") => return Err(wrong("Costrel was built without its feature `config-files`".into())),
            Some("json") => serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?,
            _ => return Err(wrong("its name must end in .toml or .json".into())),
        };
        self.from_mapping(mapping)
    }

    /// Sets the entries of a file as [`from_file`](Self::from_file) does; returns false if the file is missing.
    ///
    /// # Errors
    /// If the file is there and cannot be read, or a value does not fit.
    pub fn from_file_if_present(&mut self, path: impl AsRef<Path>) -> Result<bool, Error> {
        let present = path.as_ref().exists();
        if present {
            self.from_file(path)?;
        }
        Ok(present)
    }

    /// Reads settings from the environment variables whose names begin with `prefix` and `_`, without that prefix.
    /// Values are read as JSON, else as text; two underscores lead into a mapping: `SHOP_DATABASE__HOST`.
    ///
    /// # Errors
    /// If a value does not fit.
    pub fn from_prefixed_env(&mut self, prefix: &str) -> Result<(), Error> {
        let variables =
            std::env::vars_os().filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
        self.set_variables(prefix, variables)
    }

    /// The app's own settings whose names begin with `prefix`, without it and in lower case.
    pub fn get_namespace(&self, prefix: &str) -> Map<String, Value> {
        let own = self.own.iter().filter_map(|(key, value)| Some((key.strip_prefix(prefix)?, value)));
        own.map(|(key, value)| (key.to_ascii_lowercase(), value.clone())).collect()
    }

    fn set_variables(&mut self, prefix: &str, variables: impl Iterator<Item = (String, String)>) -> Result<(), Error> {
        let prefix = format!("{prefix}_");
        let named: BTreeMap<_, _> =
            variables.filter_map(|(key, value)| Some((key.strip_prefix(&prefix)?.to_owned(), value))).collect();
        for (key, text) in named {
            // A value that is not JSON is text, as most values in an environment are.
            let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
            let mut way = key.split("__");
            let Some(first) = way.next() else { continue };
            let before = entries_of(&*self)?.remove(first).unwrap_or_default();
            let mut settings = Map::from_iter([(first.to_owned(), before)]);
            *way.fold(&mut settings[first], enter) = value;
            self.merge(settings)?;
        }
        Ok(())
    }

    fn merge(&mut self, entries: Map<String, Value>) -> Result<(), Error> {
        for (key, value) in entries {
            // Goes through JSON, so that each name and each type is written once, in the struct.
            let mut all = entries_of(&*self)?;
            all.insert(key.clone(), value);
            *self = serde_json::from_value(all.into()).map_err(|error| unfit(&key, &error))?;
        }
        Ok(())
    }
}

/// Returns the value under `key`, after making `value` a mapping if it is none.
fn enter<'v>(value: &'v mut Value, key: &str) -> &'v mut Value {
    if !value.is_object() {
        *value = Map::new().into();
    }
    &mut value[key]
}

fn is_upper(key: &str) -> bool {
    key.chars().any(char::is_uppercase) && !key.chars().any(char::is_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_as_json_and_lead_into_mappings() {
        let mut config = Config::default();
        let variables = [
            ("SHOP_WORKERS", "8"),
            ("SHOP_DB", r#"{"HOST": "old", "PORT": 1}"#),
            ("SHOP_DB__HOST", "new"),
            ("SHOP_DEEP__ER__STILL", "[1]"),
            ("SHOP_PROXY_FIX__X_FOR", "1"),
            ("SHOP_PROXY_FIX__X_PROTO", "2"),
            ("SHOP_TEXT", "not {json"),
            ("OTHER_TEXT", "no"),
        ];
        let variables = variables.map(|(key, value)| (key.to_owned(), value.to_owned()));
        config.set_variables("SHOP", variables.into_iter()).unwrap();
        assert_eq!(config.workers, 8);
        assert_eq!(config.get::<Value>("DB"), Some(serde_json::json!({"HOST": "new", "PORT": 1})));
        let fix = config.server.proxy_fix;
        assert_eq!((fix.x_for, fix.x_proto, fix.x_host), (1, 2, 0));
        assert_eq!(config.get::<Value>("DEEP"), Some(serde_json::json!({"ER": {"STILL": [1]}})));
        assert_eq!(config.get::<String>("TEXT").as_deref(), Some("not {json"));
        let wrong = config.set_variables("X", [("X_WORKERS".to_owned(), "many".to_owned())].into_iter()).unwrap_err();
        assert!(wrong.message().starts_with("the setting WORKERS: invalid type"), "{wrong}");
    }
}
