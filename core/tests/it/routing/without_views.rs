//! Rules that have no view: for `url_for` alone, and for addresses that have moved.

use costrel::{App, Blueprint, Error, IntoView, Method, UrlValues, url_for};
use rstest::rstest;

#[rstest]
fn a_rule_to_build_only_is_matched_by_no_request(#[values(true, false)] before: bool) {
    let mut app = App::new("test");
    if before {
        app.rule("/files/<name>").endpoint("file").build_only();
    }
    app.route("/", || {
        let urls =
            [url_for("file").arg("name", "a b").build()?, url_for("file").arg("name", "c").external(true).build()?];
        Ok::<_, Error>(urls.join(" "))
    });
    if !before {
        app.rule("/files/<name>").endpoint("file").build_only();
    }
    let client = app.test_client();
    assert_eq!(client.get("/").wait().unwrap().text(), "/files/a%20b http://localhost/files/c");
    assert_eq!(client.get("/files/a").wait().unwrap().status(), 404);
    assert_eq!(client.open(Method::OPTIONS, "/files/a").wait().unwrap().status(), 404);
}

#[test]
fn a_second_endpoint_has_the_address_of_another() {
    let (mut app, mut blog) = (App::new("test"), Blueprint::new("blog"));
    blog.rule("/").endpoint("index").view(async || url_for("index").build());
    blog.rule("/own").endpoint("own").build_only();
    app.rule("/").endpoint("index").build_only();
    app.register_blueprint(blog);
    app.route("/own-of-blog", || url_for("blog.own").build());
    let client = app.test_client();
    assert_eq!(client.get("/").wait().unwrap().text(), "/");
    assert_eq!(client.get("/own-of-blog").wait().unwrap().text(), "/own");
}

#[rstest]
#[case("/old/<name>", "/new/<name>", "/old/a%2Cb%20c?x=1", "/new/a,b%20c")]
#[case("/old/<int:n>/<path:rest>", "/<rest>/<n>", "/old/007/a/b", "/a/b/7")]
#[case("/old", "https://example.org/new?a=<", "/old", "https://example.org/new?a=%3C")]
#[case("/old/<name>", "/<name>/<name>", "/old/%0d%0aset-cookie:x", "/%0D%0Aset-cookie:x/%0D%0Aset-cookie:x")]
#[case("/old/<int(fixed_digits=4):n>", "/new/<n>", "/old/0007", "/new/0007")]
#[case("/old/<path:rest>", "/<rest>", "/old/evil.example/x", "/evil.example/x")]
fn a_moved_address_redirects(#[case] rule: &str, #[case] target: &str, #[case] path: &str, #[case] location: &str) {
    let mut app = App::new("test");
    app.rule(rule).redirect_to(target);
    let moved = app.test_client().get(path).wait().unwrap();
    assert_eq!((moved.status().as_u16(), moved.header("location")), (308, Some(location)));
}

#[test]
fn a_moved_address_of_a_blueprint_may_have_the_prefixs_variables() {
    let (mut app, mut blueprint) = (App::new("test"), Blueprint::new("b").url_prefix("/<lang>"));
    blueprint.rule("/old").redirect_to("/<lang>/new");
    app.register_blueprint(blueprint);
    assert_eq!(app.test_client().get("/en/old").wait().unwrap().header("location"), Some("/en/new"));
}

/// Such a variable has no value for the redirect, which would become another host's address.
#[test]
fn a_variable_that_a_hook_takes_is_a_set_up_error() {
    let mut app = App::new("test");
    app.url_value_preprocessor(["lang"], |_: UrlValues| ());
    app.rule("/<lang>/old/<path:rest>").redirect_to("/<lang>/<rest>");
    assert!(app.build().unwrap_err().message().contains("`lang` is taken out of the URL"));
}

#[test]
fn a_moved_address_stays_below_the_mount_point() {
    let mut app = App::new("test");
    app.config.application_root = "/shop".into();
    app.rule("/old").redirect_to("/new");
    app.rule("/other").redirect_to("https://example.org/");
    let client = app.test_client();
    let locations = ["/old", "/other"].map(|path| {
        let moved = client.get(path).wait().unwrap();
        moved.header("location").map(str::to_owned)
    });
    assert_eq!(locations.map(Option::unwrap), ["/shop/new", "https://example.org/"]);
}

/// A fallback answers for the other methods of a path only if it says so; a path without rules has one in any case.
#[rstest]
fn a_fallback_may_answer_for_other_methods(
    #[values(true, false)] for_methods: bool,
    #[values(true, false)] is_sync: bool,
) {
    let fallback = if is_sync { (|| "fallback").into_view() } else { (async || "fallback").into_view() };
    let mut app = App::new("test");
    app.route("/", || "by its rule");
    app.fallback(if for_methods { fallback.answers_other_methods() } else { fallback });
    let client = app.test_client();
    assert_eq!(client.get("/").wait().unwrap().text(), "by its rule");
    assert_eq!(client.post("/elsewhere").wait().unwrap().text(), "fallback");
    let posted = client.post("/").wait().unwrap();
    assert_eq!(posted.status(), if for_methods { 200 } else { 405 });
    assert_eq!(posted.text() == "fallback", for_methods);
}
