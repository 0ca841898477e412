//! The settings of an extension, read from its app's config.

use costrel::{Config, Error};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Reads the settings of an extension: those of the app's config whose names begin with `prefix`, and in place of any of them that
/// of `own`, which were set in code. What is `null` is not set. The names lose the prefix and become lowercase.
///
/// Let unknown names be errors, by `#[serde(deny_unknown_fields)]`, because a setting that is mistyped is lost otherwise.
///
/// ```
/// use costrel::{App, Error};
/// use costrel_ext_kit::settings;
/// use serde_json::{Map, json};
///
/// #[derive(Debug, Default, serde::Deserialize)]
/// #[serde(default, deny_unknown_fields)]
/// struct Settings { title: String, size: u8 }
///
/// let mut app = App::new("docs");
/// app.config.from_mapping(json!({ "GALLERY_TITLE": "Cats", "GALLERY_SIZE": 12 }))?;
/// let own = Map::from_iter([("size".to_owned(), 9.into())]);
/// let read: Settings = settings(&app.config, "GALLERY_", &own)?;
/// assert_eq!((read.title.as_str(), read.size), ("Cats", 9));
///
/// app.config.set("GALLERY_SIZE", "large")?;
/// let error = settings::<Settings>(&app.config, "GALLERY_", &Map::new()).unwrap_err();
/// assert!(error.message().starts_with("GALLERY_SIZE: invalid type: string \"large\""));
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// A set-up error that names the first setting that is unknown or does not fit.
pub fn settings<S: DeserializeOwned>(config: &Config, prefix: &str, own: &Map<String, Value>) -> Result<S, Error> {
    let mut all = config.get_namespace(prefix);
    all.extend(own.clone());
    all.retain(|_, value| !value.is_null());
    // Each by itself first, because the error of a whole does not say which of them is wrong.
    for (name, value) in &all {
        let alone = Map::from_iter([(name.clone(), value.clone())]);
        let unfit = |error| Error::setup(format!("{prefix}{}: {error}", name.to_ascii_uppercase()));
        serde_json::from_value::<S>(alone.into()).map_err(unfit)?;
    }
    serde_json::from_value(all.into()).map_err(|error| Error::setup(format!("{prefix}..: {error}")))
}
