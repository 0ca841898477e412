use costrel::{App, Method, testing::TestClient};
use rstest::rstest;

fn status(client: &TestClient, method: &str, path: &str) -> u16 {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    client.open(method, path).wait().unwrap().status().as_u16()
}

fn get(client: &TestClient, path: &str) -> String {
    let response = client.get(path).wait().unwrap();
    if response.status() == 200 { response.text() } else { response.status().as_u16().to_string() }
}

#[rstest]
fn an_unknown_path_is_404_and_a_wrong_method_405_with_allow(#[values(true, false)] sync: bool) {
    let mut app = App::new("test");
    if sync {
        app.route("/a", || "a")
    } else {
        app.route("/a", async || "a")
    };
    let client = app.test_client();
    assert_eq!(status(&client, "GET", "/a"), 200);
    let missing = client.get("/nowhere").wait().unwrap();
    assert_eq!((missing.status().as_u16(), missing.header("content-type")), (404, Some("text/html; charset=utf-8")));
    for method in ["POST", "BREW"] {
        let wrong = client.open(method.parse().unwrap(), "/a").wait().unwrap();
        assert_eq!((wrong.status().as_u16(), wrong.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
    }
}

#[test]
fn allow_is_the_union_of_the_rules_of_a_path() {
    let mut app = App::new("test");
    app.get("/b", || "get");
    app.post("/b", async || "post");
    let client = app.test_client();
    let wrong = client.delete("/b").wait().unwrap();
    assert_eq!((wrong.status().as_u16(), wrong.header("allow")), (405, Some("GET, HEAD, OPTIONS, POST")));
    let options = client.open(Method::OPTIONS, "/b").wait().unwrap();
    assert_eq!((options.status().as_u16(), options.header("allow")), (200, Some("GET, HEAD, OPTIONS, POST")));
    assert_eq!((options.text().as_str(), options.header("content-length")), ("", Some("0")));
}

#[rstest]
fn head_runs_the_view_and_drops_the_body(#[values(true, false)] sync: bool) {
    let mut app = App::new("test");
    let view = || costrel::request().method().to_string() + "!";
    if sync {
        app.route("/", view)
    } else {
        app.route("/", move || async move { view() })
    };
    app.post("/post", || "only");
    let client = app.test_client();
    let head = client.open(Method::HEAD, "/").wait().unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!((head.text().as_str(), head.header("content-length")), ("", Some("5")));
    assert_eq!(status(&client, "HEAD", "/post"), 405);
}

#[test]
fn a_view_that_takes_options_gets_them() {
    let mut app = App::new("test");
    app.rule("/").methods(["GET", "OPTIONS"]).view(|| "mine");
    assert_eq!(app.test_client().open(Method::OPTIONS, "/").wait().unwrap().text(), "mine");
}

#[rstest]
#[case("/3", "3")]
#[case("/007", "7")]
#[case("/-3", "404")]
#[case("/x", "404")]
#[case("/3.0", "404")]
#[case("/%33", "3")]
#[case("/9223372036854775807", "9223372036854775807")]
#[case("/9223372036854775808", "404")]
#[case("/99999999999999999999999999", "404")]
fn integers(#[case] path: &str, #[case] expected: &str) {
    let mut app = App::new("test");
    app.route("/<int:n>", |n: i64| n.to_string());
    app.route("/async/<int:n>", async |n: i64| n.to_string());
    let client = app.test_client();
    assert_eq!(get(&client, path), expected);
    assert_eq!(get(&client, &format!("/async{path}")), expected);
}

#[rstest]
fn a_number_too_large_for_the_views_type_is_404(#[values("/small/256", "/small/-1")] path: &str) {
    let mut app = App::new("test");
    app.route("/small/<int:n>", |n: u8| n.to_string());
    let client = app.test_client();
    assert_eq!(get(&client, "/small/255"), "255");
    assert_eq!(get(&client, path), "404");
}

#[rstest]
#[case("/p/a", "a")]
#[case("/p/a/b//c/", "a/b//c/")]
#[case("/p/", "404")]
#[case("/p", "404")]
#[case("/p//a", "308")]
fn paths(#[case] path: &str, #[case] expected: &str) {
    let mut app = App::new("test");
    app.route("/p/<path:p>", async |p: String| p);
    assert_eq!(get(&app.test_client(), path), expected);
}

/// When a converter refuses a value, the next rule is tried.
#[rstest]
#[case("/x/lit", "literal")]
#[case("/x/5", "int 5")]
#[case("/x/q", "text q")]
#[case("/x/q/r", "path q/r")]
#[case("/x/5/more", "int 5 more")]
#[case("/x/q/more", "path q/more")]
fn the_most_exact_rule_wins_whatever_the_order(
    #[case] path: &str,
    #[case] expected: &str,
    #[values(true, false)] reversed: bool,
) {
    let mut app = App::new("test");
    let register: [fn(&mut App); 5] = [
        |app| {
            app.route("/x/lit", || "literal");
        },
        |app| {
            app.route("/x/<int:n>", |n: i64| format!("int {n}"));
        },
        |app| {
            app.route("/x/<s>", |s: String| format!("text {s}"));
        },
        |app| {
            app.route("/x/<path:p>", |p: String| format!("path {p}"));
        },
        |app| {
            app.route("/x/<int:n>/more", |n: i64| format!("int {n} more"));
        },
    ];
    let order: Vec<_> = if reversed { register.iter().rev().collect() } else { register.iter().collect() };
    for register in order {
        register(&mut app);
    }
    assert_eq!(get(&app.test_client(), path), expected);
}

#[test]
fn a_missing_slash_is_a_308_that_keeps_the_query() {
    let mut app = App::new("test");
    app.route("/d/", || "d");
    app.route("/leaf", || "leaf");
    let client = app.test_client();
    for method in ["GET", "HEAD", "OPTIONS"] {
        let moved = client.open(method.parse().unwrap(), "/d?x=1").wait().unwrap();
        assert_eq!((moved.status().as_u16(), moved.header("location")), (308, Some("/d/?x=1")), "{method}");
    }
    assert_eq!(get(&client, "/leaf/"), "404");
    // Flask answers 404 here; a wrong method gets a 405 instead.
    assert_eq!(status(&client, "POST", "/d"), 405);
}

#[test]
fn several_arguments_come_in_the_order_of_the_rule() {
    let mut app = App::new("test");
    app.route("/<a>/<int:b>/<path:c>", async |a: String, b: u32, c: String| format!("{a} {b} {c}"));
    assert_eq!(get(&app.test_client(), "/x/2/y/z"), "x 2 y/z");
}

#[test]
fn paths_are_percent_decoded_and_broken_utf8_is_no_crash() {
    let mut app = App::new("test");
    app.route("/<name>", |name: String| name);
    let client = app.test_client();
    assert_eq!(get(&client, "/caf%C3%A9"), "café");
    assert_eq!(get(&client, "/%FF"), "\u{fffd}");
    assert_eq!(get(&client, "/100%"), "100%");
}

#[test]
fn the_same_function_may_serve_several_rules() {
    fn index() -> &'static str {
        "index"
    }
    let mut app = App::new("test");
    app.route("/", index).route("/home", index);
    let client = app.test_client();
    assert_eq!([get(&client, "/"), get(&client, "/home")], ["index", "index"]);
}

/// Finding that no rule matches takes no longer than reading the path, in however many ways it can be split.
#[test]
fn long_paths_cost_no_more_than_their_length() {
    let mut app = App::new("test");
    app.route("/files/<path:p>", |p: String| p);
    app.route("/cmp/<path:a>/x/<path:b>/y/<path:c>/z", |_: String, _: String, _: String| "");
    let client = app.test_client();
    assert_eq!(get(&client, &format!("/files/{}", "/a".repeat(30_000))), "308");
    assert_eq!(get(&client, &format!("/cmp{}", "/x/y".repeat(60))), "404");
    assert_eq!(get(&client, &format!("/cmp{}", "/x".repeat(30_000))), "404");
    assert_eq!(get(&client, "/files/a/b"), "a/b");
    assert_eq!(get(&client, "/cmp/1/x/2/2/y/3/z"), "");
}

#[test]
fn a_redirect_to_the_slash_stays_on_this_host() {
    let mut app = App::new("test");
    app.route("/<path:p>/", |_: String| "");
    app.route("/<a>/<b>/", |_: String, _: String| "");
    let client = app.test_client();
    for path in ["//evil.example", "/%5Cevil.example", "/\\evil.example", "/a//evil.example"] {
        let moved = client.get(path).wait().unwrap();
        let location = moved.header("location").unwrap_or("/");
        assert!(location.starts_with('/') && !location[1..].starts_with(['/', '\\']), "{path} leads to {location}");
    }
}

/// A part of a path that does not match in one place is tried again in another.
#[test]
fn a_path_after_a_path_is_found() {
    let mut app = App::new("test");
    app.route("/<path:a>/v<path:b>", |a: String, b: String| format!("{a}|{b}"));
    let client = app.test_client();
    assert_eq!([get(&client, "/p/vq/r"), get(&client, "/p/q/vr")], ["p|q/r", "p/q|r"]);
}

/// Text beside variables takes no longer to match than the path takes to read.
#[test]
fn text_beside_variables_costs_no_more_than_its_length() {
    let mut app = App::new("test");
    app.route("/<path:repo>.git/info/refs", |repo: String| repo);
    app.route("/<a>-<b>-<c>-<d>-<int:e>", |_: String, _: String, _: String, _: String, _: i64| "");
    let client = app.test_client();
    let long = vec![format!("{}x", ".git".repeat(64)); 250].join("/");
    assert_eq!(get(&client, &format!("/{long}")), "404");
    assert_eq!(get(&client, &format!("/{}a", "a-".repeat(127))), "404");
    assert_eq!(get(&client, "/a/b.git/info/refs"), "a/b");
    assert_eq!(get(&client, "/a-b-c-d-e-5"), "");
}
