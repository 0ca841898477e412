//! Recorded requests, as files hold them.

use costrel::{App, Error, Method, request};
use costrel_shadow::{Recorded, Recording, read_har, read_log};
use rstest::rstest;

/// A HAR file with a GET request for each of `urls`.
fn har_of(urls: &[&str]) -> String {
    let entries = urls.iter().map(|url| format!(r#"{{"request": {{"method": "GET", "url": "{url}"}}}}"#));
    format!(r#"{{"log": {{"entries": [{}]}}}}"#, entries.collect::<Vec<_>>().join(","))
}

fn paths(recording: &Recording) -> Vec<&str> {
    recording.requests.iter().map(|request| &*request.path).collect()
}

fn left_out(recording: &Recording) -> Vec<String> {
    recording.left_out.iter().map(ToString::to_string).collect()
}

#[test]
fn a_har_file_has_requests_with_headers_and_bodies() {
    let har = r#"{"log": {"version": "1.2", "entries": [
        {"request": {"method": "GET", "url": "https://shop.example/a?b=c#d", "httpVersion": "h2", "headers": [
            {"name": ":authority", "value": "shop.example"}, {"name": "Host", "value": "shop.example"},
            {"name": "Accept", "value": "text/html"}, {"name": "Cookie", "value": "a=b"}]}, "response": {}},
        {"request": {"method": "POST", "url": "http://shop.example", "headers": [], "postData": {"mimeType": "x", "text": "q=1"}}}]}}"#;
    let requests = read_har(har, None).unwrap().requests;
    assert_eq!(requests[0].path, "/a?b=c");
    assert_eq!(requests[0].headers, [("Accept".into(), "text/html".into()), ("Cookie".into(), "a=b".into())]);
    assert_eq!((&requests[1].method, &*requests[1].path, &*requests[1].body), (&Method::POST, "/", &b"q=1"[..]));
    assert!(requests[0].is_safe() && !requests[1].is_safe());
}

/// Some programs write the fields of a form in place of its text.
#[rstest]
#[case::urlencoded("application/x-www-form-urlencoded", "a+b=1%262&c=", "application/x-www-form-urlencoded")]
#[case::multipart(
    "multipart/form-data; boundary=xyz",
    "--xyz\r\nContent-Disposition: form-data; name=\"a b\"\r\n\r\n1&2\r\n\
     --xyz\r\nContent-Disposition: form-data; name=\"c\"\r\n\r\n\r\n--xyz--\r\n",
    "multipart/form-data; boundary=xyz"
)]
fn a_form_may_be_written_field_by_field(#[case] mime_type: &str, #[case] body: &str, #[case] content_type: &str) {
    let har = format!(
        r#"{{"log": {{"entries": [{{"request": {{"method": "POST", "url": "http://shop.example/", "postData":
        {{"mimeType": "{mime_type}", "params": [{{"name": "a b", "value": "1&2"}}, {{"name": "c"}}]}}}}}}]}}}}"#
    );
    let request = read_har(&har, None).unwrap().requests.remove(0);
    assert_eq!(String::from_utf8_lossy(&request.body), body);
    assert_eq!(request.headers, [("content-type".to_owned(), content_type.to_owned())]);
}

/// What the fields of a multipart form are is what an app reads, whether the record says what is between them, and where.
#[rstest]
#[case::in_the_header(
    r#"{"name": "Content-Type", "value": "multipart/form-data; boundary=\"xyz\""}"#,
    "multipart/form-data"
)]
#[case::nowhere(r#"{"name": "Content-Type", "value": "multipart/form-data"}"#, "")]
#[case::in_the_record("", "Multipart/Form-Data; charset=utf-8; boundary=xyz")]
fn an_app_reads_a_multipart_form(#[case] header: &str, #[case] mime_type: &str) {
    let har = format!(
        r#"{{"log": {{"entries": [{{"request": {{"method": "POST", "url": "http://shop.example/", "headers": [{header}],
        "postData": {{"mimeType": "{mime_type}", "params": [{{"name": "title", "value": "a=b"}},
        {{"name": "file", "value": "ink", "fileName": "a b.txt", "contentType": "text/x-ink"}}]}}}}}}]}}}}"#
    );
    let recorded = read_har(&har, None).unwrap().requests.remove(0);
    let mut app = App::new("forms");
    app.rule("/").methods(["POST"]).view(async || {
        let (form, files) = (request().form().await?, request().files().await?);
        let file = files.get("file").ok_or_else(|| Error::status(400))?;
        let (title, name, kind) = (form.get("title"), file.filename(), file.content_type());
        Ok::<_, Error>(format!("{title:?} {name:?} {kind:?}"))
    });
    let mut asked = app.test_client().post("/").body(recorded.body);
    for (name, value) in &recorded.headers {
        asked = asked.header(name, value);
    }
    assert_eq!(asked.wait().unwrap().text(), r#"Some("a=b") "a b.txt" Some("text/x-ink")"#);
}

#[test]
fn requests_to_other_hosts_are_left_out() {
    let urls = [
        "https://shop.example/",
        "https://fonts.example/a.css",
        "https://SHOP.example:443/b",
        "http://shop.example:80?c",
        "https://shop.example:8443/d",
        "https://shop.example:80/e",
    ];
    let recording = read_har(&har_of(&urls), None).unwrap();
    assert_eq!(paths(&recording), ["/", "/b", "/?c"]);
    assert_eq!(left_out(&recording), ["3 for another host than shop.example (first: entry 2)"]);
    let recording = read_har(&har_of(&urls), Some("Fonts.example:443")).unwrap();
    assert_eq!(paths(&recording), ["/a.css"]);
    assert_eq!(left_out(&recording), ["5 for another host than fonts.example (first: entry 1)"]);
    assert_eq!(paths(&read_har(&har_of(&urls), Some("shop.example:8443")).unwrap()), ["/d"]);
}

/// Browsers record what they ask no server for too.
#[test]
fn an_odd_address_is_left_out_and_said() {
    let urls = [
        "data:image/png;base64,aGk=",
        "blob:https://shop.example/0f1",
        "https://shop.example/a b?c=\u{e4}<d>#e",
        "http://a b/",
        "data:,x",
        "wss://shop.example/live",
        "nonsense",
        "https:shop.example",
    ];
    let recording = read_har(&har_of(&urls), None).unwrap();
    assert_eq!(paths(&recording), ["/a%20b?c=%C3%A4%3Cd%3E"]);
    let expected = [
        "2 with an address of `data:` (first: entry 1)",
        "1 with an address of `blob:` (first: entry 2)",
        "3 with an address that is none (first: entry 4)",
        "1 with an address of `wss:` (first: entry 6)",
    ];
    assert_eq!(left_out(&recording), expected);
}

#[rstest]
#[case("[]", "no HAR file")]
#[case(r#"{"log": {"entries": [{"request": {"method": "G T", "url": "/"}}]}}"#, "entry 1")]
#[case(r#"{"log": {"entries": [{"request": {"method": "GET", "url": "http://a b/"}}]}}"#, "entry 1")]
fn a_wrong_har_file_is_an_error(#[case] har: &str, #[case] said: &str) {
    let error = read_har(har, None).unwrap_err();
    assert!(error.message().contains(said), "{error}");
}

#[test]
fn a_log_has_requests_line_by_line() {
    let log = r#"
10.0.0.1 - - [30/Nov/2026:10:00:00 +0000] "GET /a?b=%20c HTTP/1.1" 200 512 "http://a/\"x\"" "curl \x22\xc3\xa4\\"
::1 - ada [30/Nov/2026:10:00:00 +0000] "POST /b HTTP/2.0" 302 0 "-" "-"
10.0.0.2 - - [30/Nov/2026:10:00:00 +0000] "\x16\x03\x01" 400 157 "-" "-"
10.0.0.2 - - [30/Nov/2026:10:00:00 +0000] "" 400 0 "-" "-"
10.0.0.2 - - [30/Nov/2026:10:00:00 +0000] "GET http://a/ HTTP/1.1" 400 0 "-" "-"
nonsense
"open \"#;
    let recording = read_log(log);
    let requests = &recording.requests;
    let first = &requests[0];
    assert_eq!((&*first.client, &*first.path), ("10.0.0.1", "/a?b=%20c"));
    assert_eq!(
        first.headers,
        [("referer".into(), "http://a/\"x\"".into()), ("user-agent".into(), "curl \"ä\\".into())]
    );
    assert_eq!((&requests[1].method, requests[1].headers.len(), &*requests[1].client), (&Method::POST, 0, "::1"));
    assert_eq!((requests.len(), left_out(&recording)), (2, vec!["5 without a request (first: line 4)".to_owned()]));
}

#[rstest]
#[case("users")]
#[case("http://a/")]
#[case("/a b")]
fn a_path_that_is_none_is_an_error(#[case] path: &str) {
    assert!(Recorded::new(Method::GET, path).is_err());
}
