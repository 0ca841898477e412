//! Settings of an app, from files, mappings and single values.

use std::fs;

use costrel::App;
use serde_json::json;

#[test]
fn settings_come_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let (toml, json, text) = (folder.path().join("a.toml"), folder.path().join("b.json"), folder.path().join("c.txt"));
    fs::write(&toml, "WORKERS = 3\nSECRET_KEY = \"toml\"\nignored = 1\n[MAIL]\nHOST = \"localhost\"\n").unwrap();
    fs::write(&json, r#"{"SECRET_KEY": "json", "PERMANENT_SESSION_LIFETIME": 60}"#).unwrap();
    fs::write(&text, "").unwrap();
    let mut config = App::new("test").config;
    config.from_file(&toml).unwrap();
    assert_eq!((config.workers, config.secret_key.as_deref()), (3, Some("toml")));
    assert_eq!(config.get("MAIL"), Some(json!({"HOST": "localhost"})));
    assert!(config.get::<i32>("ignored").is_none());
    config.from_file(&json).unwrap();
    assert_eq!((config.secret_key.as_deref(), config.permanent_session_lifetime.as_secs()), (Some("json"), 60));
    assert!(config.from_file(&text).unwrap_err().message().contains("must end in .toml or .json"));
    fs::write(&toml, "WORKERS = ").unwrap();
    assert!(config.from_file(&toml).unwrap_err().message().starts_with("Unable to load configuration file"));
}

#[test]
fn a_file_may_be_missing_if_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.toml");
    let mut config = App::new("test").config;
    assert!(config.from_file(&missing).unwrap_err().message().starts_with("Unable to load configuration file"));
    assert!(!config.from_file_if_present(&missing).unwrap());
    fs::write(&missing, "WORKERS = 9").unwrap();
    assert!(config.from_file_if_present(&missing).unwrap());
    assert_eq!(config.workers, 9);
}

#[test]
fn a_mapping_sets_what_is_in_upper_case() {
    let mut config = App::new("test").config;
    config
        .from_mapping(json!({"DEBUG": true, "debug": false, "Mixed": 1, "IMAGE_DIR": "/i", "IMAGE_TYPE": "png"}))
        .unwrap();
    assert!(config.debug && config.get::<i32>("Mixed").is_none());
    assert_eq!(json!(config.get_namespace("IMAGE_")), json!({"dir": "/i", "type": "png"}));
    assert!(config.from_mapping(7).unwrap_err().message().contains("a mapping or a struct"));
    let error = config.from_mapping(json!({"MAX_CONTENT_LENGTH": "large"})).unwrap_err();
    assert!(error.message().starts_with("the setting MAX_CONTENT_LENGTH: invalid type"), "{error}");
}

/// Setting one value leaves the others unchanged, and no error message contains a secret.
#[test]
fn settings_do_not_touch_each_other_and_keep_secrets() {
    let mut config = App::new("test").config;
    config.permanent_session_lifetime = std::time::Duration::from_millis(900);
    config.set("WORKERS", 5).unwrap();
    assert_eq!(config.permanent_session_lifetime.as_millis(), 900);
    let error = config.set("SECRET_KEY", 123_456).unwrap_err();
    assert!(!error.message().contains("123456") && error.message().contains("SECRET_KEY"), "{error}");
}
