//! The URLs of an app that is not at the root of its host.

use costrel::{App, Body, ScriptRoot, async_to_sync, http, request, url_for};
use rstest::rstest;

fn app() -> App {
    let mut app = App::new("test");
    let urls = || {
        let request = request();
        let path = url_for("urls").build().unwrap();
        let external = url_for("urls").external(true).build().unwrap();
        let parts =
            [request.url(), request.base_url(), request.root_url(), request.script_root().into(), path, external];
        format!("{} {} {}", parts.join(" "), request.path(), request.full_path())
    };
    app.rule("/me").endpoint("urls").view(urls);
    app.rule("/me/async").endpoint("urls_async").view(move || std::future::ready(urls()));
    app
}

#[rstest]
#[case::plain("/shop")]
#[case::slash_at_the_end("/shop/")]
#[case::no_slash("shop")]
fn the_root_of_the_settings_is_in_every_url(#[case] root: &str) {
    let mut app = app();
    app.config.application_root = root.into();
    let text = app.test_client().get("/me?a=1").wait().unwrap().text();
    assert_eq!(
        text,
        "http://localhost/shop/me?a=1 http://localhost/shop/me http://localhost/shop/ /shop /shop/me \
         http://localhost/shop/me /me /me?a=1"
    );
}

#[rstest]
fn the_root_of_the_host_goes_before_the_settings(#[values("/me", "/me/async")] path: &str) {
    let mut app = app();
    app.config.application_root = "/settings".into();
    let mut request = http::Request::get(path).header("host", "example.com").body(Body::empty()).unwrap();
    request.extensions_mut().insert(ScriptRoot::new("/outer/inner").unwrap());
    let application = app.build().unwrap();
    let response = async_to_sync(move |request| application.call(request))(request).unwrap();
    let text = String::from_utf8(response.body().as_bytes().unwrap().to_vec()).unwrap();
    let begin = format!("http://example.com/outer/inner{path} http://example.com/outer/inner{path} ");
    assert!(text.starts_with(&begin) && text.contains(" /outer/inner/me http://example.com/outer/inner/me "), "{text}");
}

#[test]
fn an_app_at_the_root_has_no_prefix() {
    let text = app().test_client().get("/me").wait().unwrap().text();
    assert_eq!(text, "http://localhost/me http://localhost/me http://localhost/  /me http://localhost/me /me /me");
}
