//! Pages that are sent only if they have changed.

use costrel::{App, Body, Error, HeaderValue, IntoResponse, Response, add_etag, make_conditional};
use rstest::rstest;

fn page() -> Result<Response, Error> {
    let mut page = "hello".into_response()?;
    add_etag(&mut page);
    page.headers_mut().insert("last-modified", HeaderValue::from_static("Tue, 14 Nov 2023 22:13:20 GMT"));
    make_conditional(page)
}

fn app() -> App {
    let mut app = App::new("test");
    app.rule("/sync").methods(["GET", "POST"]).view(page);
    app.rule("/async").methods(["GET", "POST"]).view(async || page());
    app
}

/// The tag that Werkzeug makes of the same body.
const ETAG: &str = "\"aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d\"";

#[rstest]
#[case::first("x-none", "", 200)]
#[case::known("if-none-match", ETAG, 304)]
#[case::weakly_known("if-none-match", "W/\"aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d\"", 304)]
#[case::any("if-none-match", "*", 304)]
#[case::another("if-none-match", "\"another\"", 200)]
#[case::since("if-modified-since", "Tue, 14 Nov 2023 22:13:20 GMT", 304)]
#[case::changed_since("if-modified-since", "Tue, 14 Nov 2023 22:13:19 GMT", 200)]
#[case::wanted("if-match", ETAG, 200)]
#[case::not_wanted("if-match", "\"another\"", 412)]
#[case::not_wanted_since("if-unmodified-since", "Tue, 14 Nov 2023 22:13:19 GMT", 412)]
#[case::a_range("range", "bytes=0-1", 200)]
fn a_page_is_sent_if_it_has_changed(
    #[case] header: &str,
    #[case] value: &str,
    #[case] status: u16,
    #[values("/sync", "/async")] path: &str,
) {
    let response = app().test_client().get(path).header(header, value).wait().unwrap();
    assert_eq!(response.status(), status);
    if status == 304 {
        assert_eq!((response.text().as_str(), response.header("content-type")), ("", None));
    }
    assert_eq!(response.header("etag"), (status != 412).then_some(ETAG));
}

#[rstest]
fn other_responses_stay_as_they_are(#[values("/sync", "/async")] path: &str) {
    let response = app().test_client().post(path).header("if-none-match", "*").wait().unwrap();
    assert_eq!((response.status().as_u16(), response.text().as_str()), (200, "hello"));
}

#[test]
fn a_stream_gets_no_tag_and_one_that_is_there_stays() {
    let mut stream = Body::from_iterator(["a"]).into_response().unwrap();
    add_etag(&mut stream);
    assert!(!stream.headers().contains_key("etag"));
    let mut tagged = "hello".into_response().unwrap();
    tagged.headers_mut().insert("etag", HeaderValue::from_static("\"own\""));
    add_etag(&mut tagged);
    assert_eq!(tagged.headers()["etag"], "\"own\"");
}
