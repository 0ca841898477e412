//! Settings and options.

use costrel::{App, session};
use costrel_session::Sessions;
use costrel_stores::Entries;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Store, get, id};

#[rstest]
#[case("SESSION_TYPE", json!("memcached"), "write \"memory\" or \"redis\", or give a store")]
#[case("SESSION_TYPE", json!(1), "SESSION_TYPE")]
#[case("SESSION_SERIALIZATION_FORMAT", json!("pickle"), "write \"msgpack\" or \"json\"")]
#[case("SESSION_KEY_PREFIX", json!(1), "SESSION_KEY_PREFIX")]
#[case("SESSION_PERMANENT", json!("yes"), "SESSION_PERMANENT")]
#[case("SESSION_ID_LENGTH", json!(8), "16 to 128 random bytes")]
#[case("SESSION_ID_LENGTH", json!("32"), "SESSION_ID_LENGTH")]
#[case("SESSION_USE_SIGNER", json!("true"), "SESSION_USE_SIGNER")]
#[case("SESSION_USE_SIGNER", json!(true), "secret_key")]
fn a_setting_that_does_not_fit_is_a_set_up_error(#[case] key: &str, #[case] value: Value, #[case] due: &str) {
    let mut app = App::new("test");
    app.config.set(key, value).unwrap();
    let error = app.init(Sessions::new()).unwrap_err();
    assert!(error.message().contains(key) && error.message().contains(due), "{}", error.message());
}

#[test]
fn a_setting_that_is_null_has_its_default() {
    let names = ["TYPE", "REDIS", "SERIALIZATION_FORMAT", "KEY_PREFIX", "PERMANENT", "ID_LENGTH", "USE_SIGNER"];
    for kind in [Value::Null, json!("redis")] {
        let mut app = App::new("test");
        for name in names {
            app.config.set(&format!("SESSION_{name}"), Value::Null).unwrap();
        }
        app.config.set("SESSION_TYPE", kind).unwrap();
        app.init(Sessions::new()).unwrap();
        app.build().unwrap();
    }
}

#[test]
fn a_server_that_is_none_is_a_set_up_error() {
    let mut app = App::new("test");
    app.config.set("SESSION_TYPE", "redis").unwrap();
    app.config.set("SESSION_REDIS", "http://localhost").unwrap();
    assert!(app.init(Sessions::new()).is_err());
    assert!(Sessions::new().redis("http://localhost").is_err());
}

#[test]
fn an_unknown_version_is_a_set_up_error() {
    let error = App::new("test").init(Sessions::new().compat("flask-session 0.5")).unwrap_err();
    assert!(error.message().contains("flask-session 0.8"), "{}", error.message());
}

#[test]
fn sessions_are_set_up_once() {
    let mut app = App::new("test");
    app.init(Sessions::new()).unwrap();
    let again = app.init(Sessions::new());
    assert!(again.is_err() || app.build().is_err());
}

#[test]
fn the_settings_have_flask_sessions_meaning() {
    let store = Store::new();
    let mut app = App::new("test");
    app.config.set("SESSION_KEY_PREFIX", "shop/").unwrap();
    app.config.set("SESSION_PERMANENT", false).unwrap();
    app.config.set("SESSION_ID_LENGTH", 16).unwrap();
    app.init(Sessions::new().store(store.clone())).unwrap();
    app.route("/", || session().set("n", 1).map(|()| "set"));
    let client = app.test_client();
    let response = get(&client, "/");
    assert!(!response.header("set-cookie").unwrap().contains("Expires"), "it ends with the browser");
    assert_eq!(id(&client).len(), 22);
    let value = store.entries.get(&format!("shop/{}", id(&client))).wait().unwrap();
    assert_eq!(value.as_deref(), Some(&b"\x81\xa1n\x01"[..]));
}

#[test]
fn without_a_store_sessions_are_in_memory() {
    let mut app = App::new("test");
    app.config.set("SESSION_TYPE", "memory").unwrap();
    app.init(Sessions::new()).unwrap();
    app.route("/", || {
        let visits = session().get("visits").unwrap_or(0) + 1;
        session().set("visits", visits).map(|()| visits.to_string())
    });
    let client = app.test_client();
    get(&client, "/");
    assert_eq!(get(&client, "/").text(), "2");
}
