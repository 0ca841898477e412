//! The sentences for what is wrong, and those of an app.

use costrel::{App, Error, request};
use costrel_form::{FieldError, Form, Messages};
use rstest::rstest;
use serde::{Deserialize, Serialize};
use validator::Validate;

use crate::support::{app, errors};

#[derive(Deserialize, Serialize, Validate)]
#[serde(default)]
struct Rules {
    #[validate(length(equal = 2))]
    exactly: String,
    #[validate(length(min = 1, max = 1))]
    one: String,
    #[validate(length(min = 2))]
    least: String,
    #[validate(length(max = 1))]
    most: String,
    #[validate(range(min = 2))]
    at_least: i32,
    #[validate(range(max = -2))]
    at_most: i32,
    #[validate(range(exclusive_min = 0.0))]
    above: f32,
    #[validate(range(exclusive_max = 0.0))]
    below: f64,
    #[validate(range(exclusive_min = 0, exclusive_max = 2))]
    inside: i64,
    #[validate(url)]
    url: String,
    #[validate(contains(pattern = "please", message = "Say please."))]
    own: String,
    #[validate(does_not_contain(pattern = "x"))]
    other: String,
    #[validate(length(equal = 2))]
    pair: Option<Vec<String>>,
    #[validate(length(min = 2, max = 3))]
    few: Option<Vec<String>>,
    #[validate(length(min = 2))]
    some: Option<Vec<String>>,
    #[validate(length(max = 0))]
    none: Vec<String>,
}

impl Default for Rules {
    fn default() -> Self {
        let [exactly, one, least, most, url, own, other] =
            ["ab", "a", "ab", "", "https://a.example", "please", "a"].map(str::to_owned);
        let (pair, few, some, none) = Default::default();
        Self {
            pair,
            few,
            some,
            none,
            exactly,
            one,
            least,
            most,
            at_least: 2,
            at_most: -2,
            above: 0.5,
            below: -0.5,
            inside: 1,
            url,
            own,
            other,
        }
    }
}

#[rstest]
#[case("exactly", "x", "Field must be exactly 2 characters long.")]
#[case("one", "xx", "Field must be exactly 1 character long.")]
#[case("least", "x", "Field must be at least 2 characters long.")]
#[case("most", "xx", "Field cannot be longer than 1 character.")]
#[case("at_least", "0", "Number must be at least 2.")]
#[case("at_most", "0", "Number must be at most -2.")]
#[case("above", "0", "Number must be above 0.0.")]
#[case("below", "0", "Number must be below 0.0.")]
#[case("inside", "2", "Number must be above 0 and below 2.")]
#[case("url", "x", "Invalid URL.")]
#[case("own", "x", "Say please.")]
#[case("other", "x", "Invalid input.")]
#[case("pair", "x", "Choose exactly 2.")]
#[case("few", "x", "Choose between 2 and 3.")]
#[case("some", "x", "Choose at least 2.")]
#[case("none", "x", "Choose at most 0.")]
fn a_rule_has_its_sentence(#[case] field: &str, #[case] text: &str, #[case] sentence: &str) {
    assert_eq!(errors::<Rules>(true, &[(field, text)]), format!("{field}: {sentence}"));
}

/// The language is that of the request.
fn in_the_language(error: &FieldError) -> String {
    if request().header("accept-language") != Some("de") {
        return error.message();
    }
    match (error.code(), error.field()) {
        ("length", _) => format!("Mindestens {} Zeichen.", error.param("min")),
        ("integer", _) => "Keine Zahl.".to_owned(),
        (_, field) => format!("{field} passt nicht."),
    }
}

#[rstest]
fn an_app_has_sentences_of_its_own(
    #[values(true, false)] is_sync: bool,
    #[values(true, false)] is_sync_function: bool,
) {
    let mut app = app::<Rules>(is_sync);
    let messages = if is_sync_function {
        Messages::new(|error: FieldError| in_the_language(&error))
    } else {
        Messages::new(async |error: FieldError| in_the_language(&error))
    };
    app.init(messages).unwrap();
    let client = app.test_client();
    let fields = [("least", "x"), ("at_most", "y"), ("url", "z")];
    let send = |language: &str| {
        crate::support::written(&client.post("/").header("accept-language", language).form(&fields).wait().unwrap())
    };
    assert_eq!(send("de"), "at_most: Keine Zahl.\nleast: Mindestens 2 Zeichen.\nurl: url passt nicht.");
    assert_eq!(send("en").lines().next(), Some("at_most: Not a valid integer value."));
}

#[rstest]
fn a_function_that_fails_is_the_apps_error(#[values(true, false)] is_sync: bool) {
    let mut app = App::new("test");
    let fail = |_: FieldError| Err::<String, _>(Error::status(503));
    app.init(Messages::new(fail)).unwrap();
    if is_sync {
        app.post("/", || Form::<Rules>::of_request().wait().map(|_| "read"));
    } else {
        app.post("/", async || Form::<Rules>::of_request().await.map(|_| "read"));
    }
    let client = app.test_client();
    assert_eq!(client.post("/").form(&[("url", "x")]).wait().unwrap().status(), 503);
    assert_eq!(client.post("/").form(&[("most", "x")]).wait().unwrap().text(), "read");
}
