//! The tutorial's `test_factory.py`.

use costrel_flaskr::create_app;
use serde_json::json;

use crate::support::Flaskr;

#[test]
fn the_settings_of_a_test_replace_the_others() {
    assert!(!create_app(None).unwrap().config.testing);
    assert!(create_app(Some(json!({ "TESTING": true }))).unwrap().config.testing);
}

#[test]
fn the_first_page_says_hello() {
    assert_eq!(Flaskr::new().get("/hello").text(), "Hello, World!");
}

#[test]
fn the_style_is_served() {
    assert_eq!(Flaskr::new().get("/static/style.css").header("content-type"), Some("text/css; charset=utf-8"));
}
