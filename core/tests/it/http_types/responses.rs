use costrel::{App, Body, Bytes, Error, IntoResponse, Json, Response, StatusCode, testing::TestResponse};
use futures_util::StreamExt;
use rstest::rstest;

/// Returns the responses of a sync and an async view that return the value of `make`.
fn answers<R: IntoResponse + Send + 'static>(make: fn() -> R) -> [TestResponse; 2] {
    let mut app = App::new("test");
    app.route("/sync", make);
    app.route("/async", move || async move { make() });
    let client = app.test_client();
    ["/sync", "/async"].map(|path| client.get(path).wait().unwrap())
}

#[test]
fn text_and_bytes_are_html_and_values_are_json() {
    for response in
        answers(|| "text").into_iter().chain(answers(|| Bytes::from("text"))).chain(answers(|| String::from("text")))
    {
        assert_eq!((response.status().as_u16(), response.text().as_str()), (200, "text"));
        assert_eq!(response.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(response.header("content-length"), Some("4"));
    }
    for response in answers(|| Json(std::collections::BTreeMap::from([("b", 1), ("a", 2)]))) {
        assert_eq!(
            (response.text().as_str(), response.header("content-type")),
            ("{\"a\":2,\"b\":1}\n", Some("application/json"))
        );
    }
}

#[test]
fn tuples_set_status_and_headers() {
    for response in answers(|| ("x", 201)) {
        assert_eq!((response.status().as_u16(), response.text().as_str()), (201, "x"));
    }
    for response in answers(|| ("x", StatusCode::IM_A_TEAPOT, [("x-a", "1")])) {
        assert_eq!((response.status().as_u16(), response.header("x-a")), (418, Some("1")));
    }
    for response in answers(|| ("x", vec![("x-a", "1"), ("x-a", "2"), ("content-type", "text/plain")])) {
        assert_eq!(response.headers().get_all("x-a").iter().count(), 2);
        assert_eq!(response.header("content-type"), Some("text/plain"));
    }
    for response in answers(|| {
        let inner = ("x", [("x-a", "0"), ("x-b", "0")]).into_response().unwrap();
        (inner, [("x-a", "1"), ("x-a", "2")])
    }) {
        assert_eq!(response.headers().get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(response.header("x-b"), Some("0"));
    }
}

#[rstest]
#[case::bad_status(("x", 99).into_response())]
#[case::bad_name(("x", [("no spaces", "1")]).into_response())]
#[case::bad_value(("x", [("x-a", "line\nbreak")]).into_response())]
fn what_is_no_status_or_header_is_an_error(#[case] response: Result<Response, Error>) {
    assert_eq!(response.unwrap_err().status_code(), 500);
}

#[test]
fn a_205_has_no_body() {
    for response in answers(|| ("never sent", 205)) {
        assert_eq!((response.text().as_str(), response.header("content-length")), ("", Some("0")));
    }
}

#[test]
fn a_204_has_no_body_and_no_length() {
    for response in answers(|| ("never sent", 204)) {
        assert_eq!((response.text().as_str(), response.header("content-length")), ("", None));
    }
}

#[test]
fn a_stream_has_no_length_and_arrives_whole() {
    let stream = || {
        let chunks = ["a", "b", "c"].map(Ok::<_, Error>);
        (Body::from_stream(futures_util::stream::iter(chunks)), [("content-type", "text/plain")])
    };
    for response in answers(stream) {
        assert_eq!((response.text().as_str(), response.header("content-length")), ("abc", None));
        assert_eq!(response.header("content-type"), Some("text/plain"));
    }
}

/// The status is that of the released Flask.
#[test]
fn redirect_is_a_302_with_a_link() {
    for response in answers(|| costrel::redirect("/b?a=<1>")) {
        assert_eq!((response.status().as_u16(), response.header("location")), (302, Some("/b?a=%3C1%3E")));
        assert!(response.text().contains("href=\"/b?a=%3C1%3E\""), "{}", response.text());
    }
}

#[test]
fn a_redirect_cannot_smuggle_a_header_in() {
    for response in answers(|| costrel::redirect("/\r\nset-cookie: a=1")) {
        assert_eq!(
            (response.header("location"), response.header("set-cookie")),
            (Some("/%0D%0Aset-cookie:%20a=1"), None)
        );
    }
}

/// A value cannot break out of its cookie, and is read back unchanged.
#[rstest]
#[case("plain", "a=plain; Path=/")]
#[case("a b", "a=\"a b\"; Path=/")]
#[case("x; Domain=evil, \"é\\", "a=\"x\\073 Domain=evil\\054 \\\"\\303\\251\\\\\"; Path=/")]
fn a_cookies_value_stays_in_it(#[case] value: &'static str, #[case] header: &str) {
    let mut app = App::new("test");
    app.route("/set", move || ("", costrel::Cookie::new("a", value)));
    app.route("/get", async || costrel::request().cookie("a").unwrap_or_default());
    let client = app.test_client();
    assert_eq!(client.get("/set").wait().unwrap().header("set-cookie"), Some(header));
    assert_eq!(client.get("/get").wait().unwrap().text(), value);
}

/// Views cannot set how a body is framed, because a wrong length would corrupt the next response.
#[test]
fn the_length_is_that_of_the_body_whatever_a_view_says() {
    for response in answers(|| ("abc", [("content-length", "10"), ("transfer-encoding", "gzip")])) {
        assert_eq!((response.header("content-length"), response.header("transfer-encoding")), (Some("3"), None));
    }
    let stream =
        || (Body::from_stream(futures_util::stream::iter([Ok::<_, Error>("abc")])), [("content-length", "10")]);
    for response in answers(stream) {
        assert_eq!((response.header("content-length"), response.text().as_str()), (None, "abc"));
    }
}

#[test]
fn a_panic_in_a_stream_breaks_the_body_off_and_nothing_else() {
    let mut app = App::new("test");
    app.route("/", async || {
        let chunks = futures_util::stream::iter(0..3).map(|n| {
            assert!(n < 1, "the stream panics, as it should");
            Ok::<_, Error>("chunk")
        });
        Body::from_stream(chunks)
    });
    app.route("/next", || "next");
    let client = app.test_client();
    let broken = client.get("/").wait().unwrap_err();
    assert_eq!(broken.kind(), costrel::ErrorKind::Panic);
    assert_eq!(client.get("/next").wait().unwrap().text(), "next");
}

/// A path or a domain that comes from a client cannot add attributes to a cookie.
#[test]
fn a_cookies_attributes_are_those_it_was_given() {
    let bad = [
        costrel::Cookie::build(("a", "1")).path("/x; Domain=evil.example").build(),
        costrel::Cookie::build(("a", "1")).domain("x\n.example").build(),
        costrel::Cookie::new("a; b", "1"),
    ];
    for cookie in bad {
        let error = costrel::set_cookie(&mut Response::default(), cookie).unwrap_err();
        assert!(error.message().starts_with("a cookie's name, path or domain cannot be"), "{error}");
    }
}

/// A client that ignores `Max-Age` goes by the date, so the date is past.
#[test]
fn a_deleted_cookie_expired_in_1970() {
    let mut response = Response::default();
    costrel::delete_cookie(&mut response, costrel::Cookie::from("theme")).unwrap();
    let header = response.headers()["set-cookie"].to_str().unwrap();
    assert_eq!(header, "theme=; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
}

/// The date is for clients that know no `Max-Age`; one that the cookie has already stays.
#[rstest]
#[case::an_hour(3_600, None)]
#[case::past(-1, None)]
#[case::long_past(i64::MIN, Some("Thu, 01 Jan 1970 00:00:00 GMT"))]
#[case::beyond_all_dates(i64::MAX, Some("Fri, 31 Dec 9999 23:59:59 GMT"))]
fn a_cookie_with_an_age_has_the_date_that_it_means(#[case] seconds: i64, #[case] date: Option<&str>) {
    let cookie = || costrel::Cookie::build(("a", "1")).max_age(cookie::time::Duration::seconds(seconds));
    let set = |cookie| {
        let mut response = Response::default();
        costrel::set_cookie(&mut response, cookie).unwrap();
        response.headers()["set-cookie"].to_str().unwrap().to_owned()
    };
    let (now, line) = (cookie::time::OffsetDateTime::now_utc().unix_timestamp(), set(cookie().build()));
    if let Some(date) = date {
        assert!(line.ends_with(&format!("Expires={date}")), "{line}");
    } else {
        let expires = costrel::Cookie::parse(&line).unwrap().expires_datetime().unwrap().unix_timestamp();
        assert!((now + seconds..now + seconds + 60).contains(&expires), "{line}");
    }
    let own = set(cookie().expires(cookie::time::OffsetDateTime::UNIX_EPOCH).build());
    assert!(own.ends_with("Expires=Thu, 01 Jan 1970 00:00:00 GMT"), "{own}");
}
