//! Tokens in cookies, and the tokens against CSRF beside them.

use std::time::Duration;

use costrel::testing::{TestClient, TestRequest};
use costrel::{App, Error, IntoResponse, Response};
use costrel_jwt::{
    Jwt, JwtCookies, Requirement, access_token, create_access_token, create_refresh_token, get_csrf_token,
    jwt_required, refresh_token, set_access_cookies, set_refresh_cookies, unset_jwt_cookies,
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{app, refusal, refused};

/// An app that signs in and out by cookies.
fn shop(settings: &Value) -> App {
    let mut app = app(Jwt::new(), &access_token(), settings);
    app.config.set("JWT_TOKEN_LOCATION", "cookies").unwrap();
    let refresh: Requirement = refresh_token();
    app.rule("/refresh").methods(["POST"]).decorate(jwt_required(refresh)).view(async || "renewed");
    app.post("/login", async || {
        let mut response = "welcome".into_response()?;
        set_access_cookies(&mut response, &create_access_token("ada").await?)?;
        set_refresh_cookies(&mut response, &create_refresh_token("ada").await?)?;
        Ok::<_, Error>(response)
    });
    app.post("/logout", || {
        let mut response = "bye".into_response()?;
        unset_jwt_cookies(&mut response)?;
        Ok::<Response, Error>(response)
    });
    app
}

fn signed_in(settings: &Value) -> TestClient {
    let client = shop(settings).test_client();
    client.post("/login").wait().unwrap();
    client
}

/// The lines that set cookies, with tokens written as `TOKEN`.
fn cookies(response: &costrel::testing::TestResponse) -> Vec<String> {
    let lines = response.headers().get_all("set-cookie").iter().map(|line| line.to_str().unwrap());
    let lines = lines.map(|line| line.split_once('=').unwrap());
    let attributes = |rest: &str| match rest[rest.find(';').unwrap()..].split_once("; Expires=") {
        Some((before, _)) if before.contains("Max-Age=") => format!("{before}; Expires"),
        _ => rest[rest.find(';').unwrap()..].to_owned(),
    };
    lines.map(|(name, rest)| name.to_owned() + &attributes(rest)).collect()
}

#[rstest]
fn a_request_that_changes_needs_the_second_token(
    #[values("/sync", "/async")] path: &str,
    #[values("access", "refresh")] kind: &str,
) {
    let client = signed_in(&json!({ "JWT_CSRF_CHECK_FORM": true }));
    let path = if kind == "refresh" { "/refresh" } else { path };
    let csrf = client.cookie(&format!("csrf_{kind}_token")).unwrap();
    assert_eq!(csrf, get_csrf_token(&client.cookie(&format!("{kind}_token_cookie")).unwrap()).unwrap());
    let send = |change: &dyn Fn(TestRequest) -> TestRequest| change(client.post(path)).wait().unwrap();
    assert_eq!(send(&|request| request.header("x-csrf-token", &csrf)).status(), 200);
    assert_eq!(send(&|request| request.form(&[("csrf_token", &csrf)])).status(), 200);
    assert_eq!(refusal(&send(&|request| request)), refused(401, "Missing CSRF token"));
    let other = send(&|request| request.header("x-csrf-token", "other"));
    assert_eq!(refusal(&other), refused(401, "CSRF double submit tokens do not match"));
    if kind == "access" {
        assert_eq!(client.get(path).wait().unwrap().text(), "ada");
    }
}

#[test]
fn without_protection_the_cookie_is_enough() {
    let client = signed_in(&json!({ "JWT_COOKIE_CSRF_PROTECT": false }));
    assert_eq!(client.post("/sync").wait().unwrap().text(), "ada");
    assert_eq!(client.cookie("csrf_access_token"), None);
}

#[test]
fn other_methods_may_be_protected() {
    let client = signed_in(&json!({ "JWT_CSRF_METHODS": ["GET"] }));
    assert_eq!(client.post("/sync").wait().unwrap().text(), "ada");
    assert_eq!(refusal(&client.get("/sync").wait().unwrap()), refused(401, "Missing CSRF token"));
}

#[test]
fn cookies_have_the_attributes_of_the_settings() {
    let plain = shop(&json!({})).test_client();
    assert_eq!(
        cookies(&plain.post("/login").wait().unwrap())[..2],
        ["access_token_cookie; HttpOnly; Path=/", "csrf_access_token; Path=/"]
    );
    let settings = json!({
        "JWT_COOKIE_SECURE": true, "JWT_COOKIE_SAMESITE": "Lax", "JWT_COOKIE_DOMAIN": "example.org",
        "JWT_SESSION_COOKIE": false, "JWT_REFRESH_COOKIE_PATH": "/refresh", "JWT_REFRESH_CSRF_COOKIE_NAME": "csrf2",
    });
    let client = shop(&settings).test_client();
    let common = "SameSite=Lax; Secure;";
    assert_eq!(
        cookies(&client.post("/login").wait().unwrap()),
        [
            format!("access_token_cookie; HttpOnly; {common} Path=/; Domain=example.org; Max-Age=31540000; Expires"),
            format!("csrf_access_token; {common} Path=/; Domain=example.org; Max-Age=31540000; Expires"),
            format!(
                "refresh_token_cookie; HttpOnly; {common} Path=/refresh; Domain=example.org; Max-Age=31540000; Expires"
            ),
            format!("csrf2; {common} Path=/; Domain=example.org; Max-Age=31540000; Expires"),
        ]
    );
    let gone = cookies(&client.post("/logout").wait().unwrap());
    let end = "Domain=example.org; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
    assert_eq!(gone[2], format!("refresh_token_cookie; HttpOnly; {common} Path=/refresh; {end}"));
    assert_eq!(gone.len(), 4);
}

#[test]
fn cookies_may_have_a_lifetime_and_a_domain_of_their_own() {
    let mut app = shop(&json!({}));
    app.post("/stay", || {
        let mut response = "welcome".into_response()?;
        let cookies = JwtCookies::new().max_age(Duration::from_secs(60)).domain("example.net");
        cookies.set_access(&mut response, &create_access_token("ada").wait()?)?;
        cookies.unset_refresh(&mut response)?;
        Ok::<Response, Error>(response)
    });
    let lines = cookies(&app.test_client().post("/stay").wait().unwrap());
    assert_eq!(lines[0], "access_token_cookie; HttpOnly; Path=/; Domain=example.net; Max-Age=60; Expires");
    assert!(lines[2].starts_with("refresh_token_cookie; HttpOnly; Path=/; Domain=example.net; Expires="));
}

#[test]
fn who_signs_out_has_no_token() {
    let client = signed_in(&json!({}));
    assert_eq!(client.get("/sync").wait().unwrap().text(), "ada");
    client.post("/logout").wait().unwrap();
    let message = "Missing cookie \"access_token_cookie\"";
    assert_eq!(refusal(&client.get("/sync").wait().unwrap()), refused(401, message));
}

#[rstest]
#[case(json!({ "JWT_REFRESH_COOKIE_NAME": "access_token_cookie" }), "JWT_REFRESH_COOKIE_NAME")]
#[case(json!({ "JWT_ACCESS_CSRF_COOKIE_NAME": "refresh_token_cookie" }), "JWT_ACCESS_CSRF_COOKIE_NAME")]
#[case(json!({ "JWT_ACCESS_COOKIE_NAME": "session" }), "JWT_ACCESS_COOKIE_NAME")]
#[case(json!({ "JWT_ACCESS_COOKIE_NAME": "a b" }), "JWT_ACCESS_COOKIE_NAME")]
#[case(json!({ "JWT_REFRESH_COOKIE_PATH": "/;" }), "JWT_REFRESH_COOKIE_NAME")]
#[case(json!({ "JWT_COOKIE_DOMAIN": "é" }), "JWT_ACCESS_COOKIE_NAME")]
#[case(json!({ "JWT_COOKIE_SAMESITE": "lax" }), "JWT_COOKIE_SAMESITE")]
#[case(json!({ "JWT_COOKIE_SECURE": "yes" }), "JWT_COOKIE_SECURE")]
#[case(json!({ "JWT_ACCESS_CSRF_HEADER_NAME": "" }), "JWT_ACCESS_CSRF_HEADER_NAME")]
fn a_cookie_that_cannot_be_is_a_set_up_error(#[case] settings: Value, #[case] name: &str) {
    let error = shop(&settings).build().unwrap_err();
    assert!(error.message().contains(name) && error.location().is_some(), "{error}");
}
