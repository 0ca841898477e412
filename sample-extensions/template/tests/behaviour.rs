//! Tests of `key_required`, on views of either colour.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use costrel::testing::TestClient;
use costrel::{App, Error};
use costrel_template::{Keys, key_required};
use rstest::rstest;

fn client(keys: Keys) -> TestClient {
    let mut app = App::new("test");
    app.init(keys).unwrap();
    app.rule("/sync").decorate(key_required).view(|| "gold");
    app.rule("/async").decorate(key_required).view(async || "gold");
    app.test_client()
}

#[rstest]
fn a_known_key_opens(#[values("/sync", "/async")] path: &str, #[values(true, false)] sync: bool) {
    let keys =
        if sync { Keys::new(|key: String| key == "sesame") } else { Keys::new(async |key: String| key == "sesame") };
    let client = client(keys);
    assert_eq!(client.get(path).header("x-key", "sesame").wait().unwrap().text(), "gold");
    assert_eq!(client.get(path).header("x-key", "another").wait().unwrap().status(), 401);
    assert_eq!(client.get(path).wait().unwrap().status(), 401);
}

#[test]
fn a_forgotten_set_up_is_reported_when_the_app_is_built() {
    let mut app = App::new("test");
    app.rule("/").decorate(key_required).view(|| "gold");
    let error: Error = app.build().unwrap_err();
    assert!(error.message().contains("needs the extension `costrel_template::Keys`"), "{error}");
}
