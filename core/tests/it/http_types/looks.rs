//! What code has looked at in a request: a watch tells an extension whether a response is for one client alone.

use costrel::{App, Request, async_to_sync, request, url_for};
use rstest::rstest;

fn look(at: &str, request: &Request) {
    let seen = match at {
        "a cookie" => request.cookie("token").is_some(),
        "all cookies" => request.cookies().get("token").is_some(),
        "a header" => request.header("X-Api-Key").is_some(),
        "its values" => request.header_values("x-api-key").next().is_some(),
        "all headers" => request.headers().is_empty(),
        "the address" => request.remote_addr().is_some(),
        "an extension" => request.extension::<u8>().is_some(),
        "the body" => request.get_data().wait().is_ok(),
        "everything" => {
            async_to_sync(|request: Request| async move { request.to_http().await })(request.clone()).is_ok()
        }
        "where it goes" => request.url().len() + request.path().len() > request.args().iter().count(),
        "the host" => !request.host().is_empty(),
        "the scheme" => request.is_secure(),
        "the root" => !request.root_url().is_empty(),
        "an external URL" => url_for("index").external(true).build().is_ok(),
        "the header" => request.header("Host").is_some(),
        "the path" => request.path().is_empty(),
        "the query" => request.args().get("q").is_some(),
        "the endpoint" => request.endpoint().is_some(),
        "the arguments" => request.view_args().is_empty(),
        "a path of a view" => url_for("index").build().is_ok(),
        "a cookie aside" => request.aside(|request| request.cookie("token")).is_some(),
        _ => unreachable!(),
    };
    std::hint::black_box(seen);
}

#[rstest]
#[case("a cookie", "true true [\"cookie\"]")]
#[case("all cookies", "true true [\"cookie\"]")]
#[case("a header", "true true [\"x-api-key\"]")]
#[case("its values", "true true [\"x-api-key\"]")]
#[case("all headers", "true false []")]
#[case("the address", "true false []")]
#[case("an extension", "true false []")]
#[case("the body", "true false []")]
#[case("everything", "true false []")]
#[case("where it goes", "false true []")]
#[case("a cookie aside", "false true []")]
fn a_watch_sees_what_code_looks_at(#[case] at: &'static str, #[case] expected: &str) {
    let mut app = App::new("test");
    app.route("/", move || {
        let watch = request().watch();
        look(at, &request());
        let looks = watch.end();
        format!("{} {} {:?}", looks.is_any(), looks.only_headers(), looks.headers())
    });
    let response = app.test_client().get("/?q=1").header("cookie", "token=ada").wait().unwrap();
    assert_eq!(response.text(), expected);
}

/// What a cache without the host, or without path and query, in its keys must know.
#[rstest]
#[case("the host", (true, false))]
#[case("the scheme", (true, false))]
#[case("the root", (true, false))]
#[case("the header", (true, false))]
#[case("an external URL", (true, false))]
#[case("all headers", (true, false))]
#[case("everything", (true, true))]
#[case("where it goes", (true, true))]
#[case("the path", (false, true))]
#[case("the query", (false, true))]
#[case("the endpoint", (false, true))]
#[case("the arguments", (false, true))]
#[case("a path of a view", (false, false))]
#[case("a cookie", (false, false))]
fn a_watch_sees_whether_code_looks_at_where_the_request_goes(#[case] at: &'static str, #[case] expected: (bool, bool)) {
    let mut app = App::new("test");
    app.rule("/").endpoint("index").view(move || {
        let [looks, again] = [(); 2].map(|()| {
            let watch = request().watch();
            look(at, &request());
            watch.end()
        });
        let left = looks.without(&again);
        format!("{:?} {}", (looks.host(), looks.target()), left.host() && !left.is_any())
    });
    let text = app.test_client().get("/").wait().unwrap().text();
    assert_eq!(text, format!("{expected:?} false"));
}

#[test]
fn a_watch_tells_the_watch_around_it_and_knows_what_came_before() {
    let mut app = App::new("test");
    app.before_request(|| drop(request().cookie("seen")));
    app.route("/", || {
        let outer = request().watch();
        let inner = request().watch();
        look("a header", &request());
        let inner = inner.end();
        look("a cookie", &request());
        let outer = outer.end();
        format!("{:?} {:?} {} {}", inner.headers(), outer.headers(), outer.any_before(), inner.any_before())
    });
    let text = app.test_client().get("/").wait().unwrap().text();
    assert_eq!(text, "[\"x-api-key\"] [\"x-api-key\", \"cookie\"] true false");
}

#[test]
fn looks_without_those_of_a_key_are_what_the_key_does_not_say() {
    let at = ["a cookie", "a header", "the address", "an extension", "the body", "all headers"];
    let mut app = App::new("test");
    app.route("/<int:which>", move |which: usize| {
        let looks = [(); 2].map(|()| {
            let watch = request().watch();
            look(at[which], &request());
            watch.end()
        });
        looks[0].without(&looks[1]).is_any().to_string()
    });
    let client = app.test_client();
    let left = [0, 1, 2, 3, 4, 5].map(|which| client.get(&format!("/{which}")).wait().unwrap().text());
    assert_eq!(left, ["true", "false", "false", "true", "false", "true"]);
}
