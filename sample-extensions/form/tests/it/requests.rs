//! What a request sends, and how.

use costrel::{App, Error, IntoResponse, StatusCode};
use costrel_form::Form;
use rstest::rstest;
use serde::{Deserialize, Serialize};
use validator::Validate;

use crate::support::{self, app, client, written};

#[derive(Debug, Deserialize, Serialize, Validate)]
struct Order {
    #[validate(length(min = 2))]
    name: String,
    amount: Option<u8>,
    #[serde(default)]
    tags: Vec<String>,
    gift: bool,
}

#[rstest]
fn forms_of_both_kinds_by_every_method(
    #[values("POST", "PUT", "PATCH", "DELETE")] method: &str,
    #[values(true, false)] is_sync: bool,
) {
    let send = |content_type: &str, body: &str| {
        let request = client::<Order>(is_sync).open(method.parse().unwrap(), "/").header("content-type", content_type);
        request.body(body.to_owned()).wait().unwrap()
    };
    let part =
        |name: &str, text: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n");
    let multipart = format!("{}{}--b--\r\n", part("name", "Ada"), part("amount", "x"));
    assert_eq!(written(&send("multipart/form-data; boundary=b", &multipart)), "amount: Not a valid integer value.");
    assert_eq!(
        written(&send("application/x-www-form-urlencoded", "name=Ada&amount=x")),
        "amount: Not a valid integer value."
    );
    assert_eq!(written(&send("text/plain", "name=Ada")), "name: This field is required.");
}

#[rstest]
fn nothing_is_sent_by_get(#[values(true, false)] is_sync: bool) {
    let page = client::<Order>(is_sync).get("/?name=A&amount=x").wait().unwrap();
    assert_eq!(written(&page), "");
}

#[rstest]
#[case::fits(
    r#"{"name": "Ada", "amount": 7, "tags": ["a", 2], "gift": true}"#,
    201,
    r#"{"name":"Ada","amount":7,"tags":["a","2"],"gift":true}"#
)]
#[case::texts(
    r#"{"name": "Ada", "amount": "7", "gift": false}"#,
    201,
    r#"{"name":"Ada","amount":7,"tags":[],"gift":false}"#
)]
#[case::null(
    r#"{"name": "Ada", "amount": null, "tags": null}"#,
    201,
    r#"{"name":"Ada","amount":null,"tags":[],"gift":false}"#
)]
#[case::wrong(
    r#"{"name": "A", "amount": {"a": 1}}"#,
    200,
    "amount: Not a valid integer value.\nname: Field must be at least 2 characters long."
)]
#[case::negative(
    r#"{"name": null, "amount": -1}"#,
    200,
    "amount: Number must be between 0 and 255.\nname: This field is required."
)]
fn json_is_read_as_flask_wtf_reads_it(
    #[case] body: &str,
    #[case] status: u16,
    #[case] answer: &str,
    #[values(true, false)] is_sync: bool,
) {
    let request = client::<Order>(is_sync).post("/").header("content-type", "application/json");
    let sent = request.body(body.to_owned()).wait().unwrap();
    assert_eq!(sent.status(), status, "{}", sent.text());
    let text = if status == 200 { written(&sent) } else { sent.text().trim().to_owned() };
    assert_eq!(text, answer);
}

#[rstest]
fn a_body_that_is_no_form_is_the_clients_error(
    #[values("[1]", "{", "7", "")] body: &str,
    #[values(true, false)] is_sync: bool,
) {
    let request = client::<Order>(is_sync).post("/").header("content-type", "application/json");
    assert_eq!(request.body(body.to_owned()).wait().unwrap().status(), 400);
}

#[rstest]
fn the_limits_of_the_core_hold(#[values(true, false)] is_sync: bool) {
    let mut app = app::<Order>(is_sync);
    app.config.max_content_length = Some(64);
    let client = app.test_client();
    assert_eq!(client.post("/").form(&[("name", &"x".repeat(99))]).wait().unwrap().status(), 413);
    assert_eq!(client.post("/").form(&[("name", "Ada")]).wait().unwrap().status(), 201);
    let mut app = support::app::<Order>(is_sync);
    app.config.max_form_memory_size = Some(64);
    let client = app.test_client();
    let json = |text: String| client.post("/").json(&serde_json::json!({ "name": text })).wait().unwrap().status();
    assert_eq!((json("x".repeat(99)), json("x".repeat(9))), (StatusCode::PAYLOAD_TOO_LARGE, StatusCode::CREATED));
}

#[rstest]
fn a_search_is_in_the_query(#[values(true, false)] is_sync: bool) {
    #[derive(Deserialize, Validate)]
    struct Search {
        q: String,
        limit: Option<u8>,
        #[serde(default)]
        tag: Vec<String>,
    }

    fn answer(form: &Form<Search>) -> String {
        match form.validate_on_submit() {
            Some(search) => format!("{} {:?} {:?}", search.q, search.limit, search.tag),
            None => {
                format!("{}|{}|{}", form.value("q"), form.errors_of("q").concat(), form.errors_of("limit").concat())
            }
        }
    }

    let mut app = App::new("test");
    if is_sync {
        app.route("/", || Ok::<_, Error>(answer(&Form::of_query().wait()?)));
    } else {
        app.route("/", async || Ok::<_, Error>(answer(&Form::of_query().await?)));
    }
    let client = app.test_client();
    let get = |path: &str| client.get(path).wait().unwrap().text();
    assert_eq!(get("/?q=hats&tag=a&tag=b"), r#"hats None ["a", "b"]"#);
    assert_eq!(get("/?q=hats&limit=x"), "hats||Not a valid integer value.");
    assert_eq!(get("/?q="), "|This field is required.|");
    assert_eq!(get("/"), "||");
    assert_eq!(get("/?utm_source=x"), "||", "a query without a field of the form sends nothing");
}

#[rstest]
fn files_are_found_by_name(#[values(true, false)] is_sync: bool) {
    fn answer(form: &mut Form<Order>) -> String {
        if form.file("photo").is_none() {
            form.add_error("photo", "Choose a picture.");
        }
        match form.validate_on_submit() {
            Some(order) => {
                let sizes = form.files("photo").map(|file| format!("{} {}", file.filename(), file.size()));
                format!("{}: {}", order.name, sizes.collect::<Vec<_>>().join(", "))
            }
            None => form.errors_of("photo").concat(),
        }
    }

    let mut app = App::new("test");
    if is_sync {
        app.post("/", || Form::of_request().wait().map(|mut form| answer(&mut form)).into_response());
    } else {
        app.post("/", async || Form::of_request().await.map(|mut form| answer(&mut form)).into_response());
    }
    let client = app.test_client();
    let form = || client.post("/").form(&[("name", "Ada")]);
    let two = form().file("photo", "a.png", "image/png", b"....").file("photo", "b.png", "image/png", b"..");
    assert_eq!(two.wait().unwrap().text(), "Ada: a.png 4, b.png 2");
    assert_eq!(form().file("other", "a.png", "image/png", b"....").wait().unwrap().text(), "Choose a picture.");
    assert_eq!(form().file("photo", "", "application/octet-stream", b"").wait().unwrap().text(), "Choose a picture.");
}
