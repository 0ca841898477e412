//! Recorded requests, as files hold them.

use costrel::Method;
use costrel_shadow::{Recorded, read_har, read_log};
use rstest::rstest;

#[test]
fn a_har_file_has_requests_with_headers_and_bodies() {
    let har = r#"{"log": {"version": "1.2", "entries": [
        {"request": {"method": "GET", "url": "https://shop.example/a?b=c#d", "httpVersion": "h2", "headers": [
            {"name": ":authority", "value": "shop.example"}, {"name": "Host", "value": "shop.example"},
            {"name": "Accept", "value": "text/html"}, {"name": "Cookie", "value": "a=b"}]}, "response": {}},
        {"request": {"method": "POST", "url": "http://shop.example", "headers": [], "postData": {"mimeType": "x", "text": "q=1"}}}]}}"#;
    let requests = read_har(har).unwrap();
    assert_eq!(requests[0].path, "/a?b=c");
    assert_eq!(requests[0].headers, [("Accept".into(), "text/html".into()), ("Cookie".into(), "a=b".into())]);
    assert_eq!((&requests[1].method, &*requests[1].path, &*requests[1].body), (&Method::POST, "/", &b"q=1"[..]));
    assert!(requests[0].is_safe() && !requests[1].is_safe());
}

/// Some programs write the fields of a form in place of its text.
#[test]
fn a_form_may_be_written_field_by_field() {
    let har = r#"{"log": {"entries": [{"request": {"method": "POST", "url": "http://shop.example/", "postData":
        {"mimeType": "application/x-www-form-urlencoded", "params": [{"name": "a b", "value": "1&2"}, {"name": "c"}]}}}]}}"#;
    assert_eq!(String::from_utf8_lossy(&read_har(har).unwrap()[0].body), "a+b=1%262&c=");
}

#[test]
fn requests_to_other_hosts_are_left_out() {
    let urls = [
        "https://shop.example/",
        "https://fonts.example/a.css",
        "https://shop.example/b",
        "https://shop.example:8443/c",
    ];
    let entries = urls.map(|url| format!(r#"{{"request": {{"method": "GET", "url": "{url}"}}}}"#)).join(",");
    let requests = read_har(&format!(r#"{{"log": {{"entries": [{entries}]}}}}"#)).unwrap();
    assert_eq!(requests.iter().map(|request| &*request.path).collect::<Vec<_>>(), ["/", "/b"]);
}

#[rstest]
#[case("[]", "no HAR file")]
#[case(r#"{"log": {"entries": [{"request": {"method": "G T", "url": "/"}}]}}"#, "entry 1")]
#[case(r#"{"log": {"entries": [{"request": {"method": "GET", "url": "http://a b/"}}]}}"#, "entry 1")]
fn a_wrong_har_file_is_an_error(#[case] har: &str, #[case] said: &str) {
    let error = read_har(har).unwrap_err();
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
    let (requests, unread) = read_log(log);
    let first = &requests[0];
    assert_eq!((&*first.client, &*first.path), ("10.0.0.1", "/a?b=%20c"));
    assert_eq!(
        first.headers,
        [("referer".into(), "http://a/\"x\"".into()), ("user-agent".into(), "curl \"ä\\".into())]
    );
    assert_eq!((&requests[1].method, requests[1].headers.len(), &*requests[1].client), (&Method::POST, 0, "::1"));
    assert_eq!((requests.len(), unread), (2, vec![4, 5, 6, 7, 8]));
}

#[rstest]
#[case("users")]
#[case("http://a/")]
#[case("/a b")]
fn a_path_that_is_none_is_an_error(#[case] path: &str) {
    assert!(Recorded::new(Method::GET, path).is_err());
}
