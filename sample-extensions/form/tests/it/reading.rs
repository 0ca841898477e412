//! From texts to values, and what is wrong with them.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use rstest::rstest;
use serde::{Deserialize, Serialize};
use validator::{Validate, ValidationError};

use crate::support::{client, errors, fits, send, written};

/// Fields of every kind, all of which may be blank.
#[derive(Debug, Default, Deserialize, Serialize, Validate)]
#[serde(default)]
struct Order {
    #[validate(length(min = 2, max = 8))]
    name: Option<String>,
    #[validate(range(min = 1, max = 9))]
    amount: Option<u8>,
    price: f64,
    ratio: f32,
    small: i16,
    size: Size,
    #[validate(email)]
    email: Option<String>,
    extras: Vec<Size>,
    gift: bool,
    word: String,
    #[validate(must_match(other = "word"))]
    again: String,
    day: Option<Day>,
    seal: Option<bool>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Size {
    #[default]
    Small,
    #[serde(alias = "big")]
    Large,
}

/// A day of a month, which reads text.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
struct Day(u8);

impl TryFrom<String> for Day {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let day = text.parse().ok().filter(|day| (1..=31).contains(day));
        day.map(Self).ok_or_else(|| format!("There is no day {text}."))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

/// Fields that a form has to send.
#[derive(Debug, Deserialize, Serialize, Validate)]
struct Required {
    name: String,
    #[validate(range(max = 3))]
    age: u32,
    size: Size,
    tags: Vec<String>,
    note: Option<String>,
    agreed: bool,
    #[serde(default = "one")]
    amount: u8,
    day: Day,
    letter: char,
    #[serde(default, deserialize_with = "costrel_form::trimmed")]
    city: String,
}

fn one() -> u8 {
    1
}

#[rstest]
fn a_form_that_fits_is_the_struct(#[values(true, false)] is_sync: bool) {
    let fields = [
        ("name", "Ada L."),
        ("amount", " 7 "),
        ("price", "1.5"),
        ("ratio", ".5"),
        ("small", "-3"),
        ("size", "large"),
        ("email", "  "),
        ("extras", "small"),
        ("extras", "big"),
        ("gift", "on"),
        ("seal", "false"),
        ("word", "a"),
        ("again", "a"),
        ("csrf_token", "not a field"),
    ];
    let data = r#"{"name":"Ada L.","amount":7,"price":1.5,"ratio":0.5,"small":-3,"size":"large","email":null,"extras":["small","large"],"gift":true,"word":"a","again":"a","day":null,"seal":false}"#;
    assert_eq!(fits::<Order>(is_sync, &fields), data);
}

#[rstest]
#[case("amount", "x", "Not a valid integer value.")]
#[case::below_the_type_too("amount", "-1", "Number must be between 1 and 9.")]
#[case::above_the_type_too("amount", "256", "Number must be between 1 and 9.")]
#[case::above_all_types("amount", "+99999999999999999999999999999999999999999999", "Number must be between 1 and 9.")]
#[case("small", "-40000", "Number must be between -32768 and 32767.")]
#[case("small", "+-1", "Not a valid integer value.")]
#[case("ratio", "1e39", "Not a valid float value.")]
#[case("amount", "10", "Number must be between 1 and 9.")]
#[case("amount", "1.5", "Not a valid integer value.")]
#[case("amount", "1e400", "Not a valid integer value.")]
#[case("price", "x", "Not a valid float value.")]
#[case("price", "NaN", "Not a valid float value.")]
#[case("price", "1e999", "Not a valid float value.")]
#[case("size", "huge", "Not a valid choice.")]
#[case("size", "Large", "Not a valid choice.")]
#[case("extras", "huge", "Not a valid choice.")]
#[case("email", "x", "Invalid email address.")]
#[case("name", "x", "Field must be between 2 and 8 characters long.")]
#[case("again", "x", "The fields must be equal.")]
#[case("day", "32", "There is no day 32.")]
fn a_field_that_does_not_fit_says_so(
    #[case] field: &str,
    #[case] text: &str,
    #[case] sentence: &str,
    #[values(true, false)] is_sync: bool,
) {
    assert_eq!(errors::<Order>(is_sync, &[(field, text)]), format!("{field}: {sentence}"));
}

/// One page shows all that is wrong, also when a type has a syntax of its own.
#[rstest]
fn all_that_is_wrong_is_found_at_once(#[values(true, false)] is_sync: bool) {
    let fields = [
        ("day", "99"),
        ("name", "x"),
        ("again", "x"),
        ("amount", "y"),
        ("price", "z"),
        ("extras", "a"),
        ("extras", "b"),
        ("size", "c"),
    ];
    let found = "again: The fields must be equal.\namount: Not a valid integer value.\nday: There is no day 99.\nextras: Not a valid \
                 choice.\nname: Field must be between 2 and 8 characters long.\nprice: Not a valid float value.\nsize: Not a valid choice.";
    assert_eq!(errors::<Order>(is_sync, &fields), found);
}

/// A field without a default is required, whatever it is made of, if it is missing as if it is blank.
#[rstest]
#[case::missing(&[])]
#[case::blank(&[("name", "\t "), ("age", ""), ("size", ""), ("day", ""), ("letter", ""), ("note", " "), ("amount", "")])]
#[case::names_inside(&[("name-0", "x"), ("age-x", "1"), ("size-", "small"), ("day-0-1", "1"), ("letter-x", "y")])]
fn a_field_without_a_default_is_required(#[case] fields: &[(&str, &str)], #[values(true, false)] is_sync: bool) {
    let found = errors::<Required>(is_sync, fields);
    let required = |name: &str| format!("{name}: This field is required.");
    assert_eq!(found, ["age", "day", "letter", "name", "size"].map(required).join("\n"));
}

#[rstest]
fn what_is_blank_is_its_default(#[values(true, false)] is_sync: bool) {
    let fields = [
        ("name", " Ada "),
        ("age", "3"),
        ("size", "small"),
        ("day", "7"),
        ("letter", "x"),
        ("amount", " "),
        ("city", " Oslo "),
    ];
    let data = r#"{"name":" Ada ","age":3,"size":"small","tags":[],"note":null,"agreed":false,"amount":1,"day":"7","letter":"x","city":"Oslo"}"#;
    assert_eq!(fits::<Required>(is_sync, &fields), data);
}

/// A type that does not take its text is no reason to leave out other fields, or the rules.
#[rstest]
fn a_required_field_of_its_own_type_hides_no_other(#[values(true, false)] is_sync: bool) {
    let found = errors::<Required>(is_sync, &[("day", "0"), ("age", "4"), ("letter", "xy"), ("amount", "999")]);
    let lines = "age: Number must be at most 3.\namount: Number must be between 0 and 255.\nday: There is no day 0.\nletter: Invalid \
                 input.\nname: This field is required.\nsize: This field is required.";
    assert_eq!(found, lines);
}

/// Text of any kind ends in a page.
#[rstest]
fn no_text_is_a_panic(
    #[values("amount", "price", "size", "extras", "gift", "name", "day", "seal", "tags", "letter", "age")] field: &str,
) {
    let (order, required) = (client::<Order>(true), client::<Required>(true));
    let (long, dashes) = ("1".repeat(400), format!("{field}-"));
    for text in ["", " ", "\0", "é", long.as_str(), "-", "+1", "0x1", "inf", "[]", "null", "18446744073709551616"] {
        for name in [field, dashes.as_str(), &format!("{field}-0"), &format!("{field}-00-x")] {
            for client in [&order, &required] {
                let page = client.post("/").form(&[(name, text), (name, text)]).wait().unwrap();
                assert!(page.status().is_success(), "{name} = {text:?}: {}", page.text());
            }
        }
    }
}

/// The time that a form takes is that of its length, however much is wrong with it.
#[rstest]
fn a_long_form_is_not_read_over_and_over(#[values(true, false)] is_sync: bool) {
    #[derive(Deserialize, Serialize, Validate)]
    struct Many {
        #[serde(default)]
        parts: Vec<Part>,
        #[serde(default)]
        days: Vec<Option<Day>>,
    }

    #[derive(Deserialize, Serialize, Validate)]
    struct Part {
        word: Word,
        name: Option<String>,
        number: u8,
    }

    static READ: AtomicUsize = AtomicUsize::new(0);

    #[derive(Clone, Deserialize, Serialize)]
    #[serde(try_from = "String", into = "String")]
    struct Word(String);

    impl TryFrom<String> for Word {
        type Error = String;

        fn try_from(text: String) -> Result<Self, String> {
            READ.fetch_add(1, Ordering::Relaxed);
            if text == "good" { Ok(Self(text)) } else { Err(format!("{text} is not good.")) }
        }
    }

    impl From<Word> for String {
        fn from(word: Word) -> Self {
            word.0
        }
    }

    let word = |at: i32| if at < 3_990 { "good" } else { "bad" };
    let body = (0..4_000).map(|at| format!("days=&days-{at}=&parts-{at}-word={}", word(at))).collect::<Vec<_>>();
    let request = client::<Many>(is_sync).post("/").header("content-type", "application/x-www-form-urlencoded");
    let found = written(&request.body(body.join("&")).wait().unwrap());
    assert!(found.contains("parts-3990-word: bad is not good."), "{}", &found[found.len().saturating_sub(400)..]);
    // Both cases of the test count.
    assert!(READ.load(Ordering::Relaxed) < 2 * 6 * 4_000, "{}", READ.load(Ordering::Relaxed));
}

/// A rule of the whole struct belongs to no field, and waits until all fields can be read.
#[rstest]
fn a_rule_of_the_whole_struct(#[values(true, false)] is_sync: bool) {
    #[derive(Deserialize, Serialize, Validate)]
    #[validate(schema(function = "in_order"))]
    struct Stay {
        from: u8,
        to: u8,
    }

    fn in_order(stay: &Stay) -> Result<(), ValidationError> {
        let error = || ValidationError::new("order").with_message("The stay ends before it begins.".into());
        if stay.from <= stay.to { Ok(()) } else { Err(error()) }
    }

    assert_eq!(errors::<Stay>(is_sync, &[("from", "3"), ("to", "2")]), "The stay ends before it begins.");
    assert_eq!(errors::<Stay>(is_sync, &[("from", "3"), ("to", "x")]), "to: Not a valid integer value.");
    assert_eq!(fits::<Stay>(is_sync, &[("from", "3"), ("to", "3")]), r#"{"from":3,"to":3}"#);
}

/// `serde` renames fields and `validator` does not; the form has the names of the inputs.
#[rstest]
fn errors_are_at_the_names_of_the_inputs(#[values(true, false)] is_sync: bool) {
    #[derive(Deserialize, Serialize, Validate)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Renamed {
        #[validate(length(min = 3))]
        first_name: String,
        #[validate(length(min = 3))]
        r#type: String,
        #[serde(rename = "x", alias = "ex")]
        #[validate(length(min = 3))]
        other: String,
    }

    let found = errors::<Renamed>(is_sync, &[("firstName", "a"), ("type", "b"), ("x", "c"), ("csrf_token", "known")]);
    let long = "Field must be at least 3 characters long.";
    assert_eq!(found, format!("{long}\nfirstName: {long}\ntype: {long}"), "a name that only Rust has is not lost");
    let fields = [("firstName", "abc"), ("type", "abc"), ("ex", "abc")];
    assert_eq!(fits::<Renamed>(is_sync, &fields), r#"{"firstName":"abc","type":"abc","x":"abc"}"#);
    let twice = [("firstName", "abc"), ("type", "abc"), ("ex", "abc"), ("x", "abc")];
    assert_eq!(errors::<Renamed>(is_sync, &twice), "Invalid input.");
    let rest = errors::<Renamed>(is_sync, &[("ex", "abc")]);
    assert_eq!(rest, "firstName: This field is required.\ntype: This field is required.");
}

/// The type is at fault and not the client, who is told so by the first request, whatever it sends.
#[rstest]
fn a_type_that_cannot_be_read_field_by_field(#[values(true, false)] is_sync: bool) {
    #[derive(Deserialize, Serialize, Validate)]
    struct Outer {
        #[serde(flatten)]
        inner: Inner,
    }

    #[derive(Deserialize, Serialize, Validate)]
    struct Inner {
        number: u8,
    }

    #[derive(Deserialize, Serialize, Validate)]
    struct Great {
        number: Option<u128>,
    }

    assert_eq!(send::<Great>(is_sync, &[("number", "1")]).status(), 500);
    let answer = send::<Outer>(is_sync, &[("number", "1")]);
    assert_eq!(answer.status(), 500);
    assert_eq!(client::<Outer>(is_sync).get("/").wait().unwrap().status(), 500);
}
