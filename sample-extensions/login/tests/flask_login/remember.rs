//! The remember cookie.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use costrel::testing::{TestClient, TestResponse};
use costrel::{Request, Response, Session, SessionInterface, Waiting, session};
use costrel_login::signals::USER_LOADED_FROM_COOKIE;
use costrel_login::{Login, SessionProtection, decode_cookie, encode_cookie, login_user, logout_user};
use rstest::rstest;
use serde_json::{Map, Value};

use crate::support::{ada, app, app_with, count, find, get, get_as, login, session_of, set_cookies, taken, text, view};

const KEY: &[u8] = b"dev-secret-key";
/// The cookie that Flask-Login has made for the user 42 with that key.
const OF_42: &str = "42|cf6a941030c01fe68ae11447ca905966ea6772b13c055faa986999387c424d598784541f3880eeb92eb9fe8c1f03941b86d4f9a6e794fcf4104f8097991969a3";
const DAY: u64 = 24 * 60 * 60;

fn in_mode(login: Login, compat: Option<&str>) -> Login {
    match compat {
        Some(version) => login.compat(version),
        None => login,
    }
}

/// The only remember cookie that a response sets.
fn token(page: &TestResponse) -> String {
    let cookies = set_cookies(page, "remember_token");
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    cookies.into_iter().next().unwrap()
}

/// The seconds from now until a cookie expires.
fn lasts(cookie: &str) -> u64 {
    let expires = cookie.split("; ").find_map(|part| part.strip_prefix("Expires=")).unwrap();
    let time = cookie::Cookie::parse(format!("a=b; Expires={expires}")).unwrap().expires_datetime().unwrap();
    SystemTime::from(time).duration_since(SystemTime::now()).unwrap().as_secs() + 1
}

fn about(seconds: u64) -> std::ops::RangeInclusive<u64> {
    seconds - 60..=seconds
}

/// A client that has nothing but a remember cookie.
fn returning(client: &TestClient, cookie: &str) {
    client.delete_cookie("session");
    client.set_cookie("remember_token", cookie);
}

#[rstest]
#[case(KEY, "42", OF_42)]
#[case(
    KEY,
    "a|b",
    "a|b|7adca14b7eea3bb1686a424bbcdb639eb47bc21a0da4fd51923e51d26074f0ba972323154cfe229e7b18f5dbbc6f08d2216099d519b4d9f631b4e8e71424a099"
)]
#[case(
    KEY,
    "佐藤",
    "佐藤|24d45d3076a7524c7ede0fbda3f7d8db43b3fd89543477c56fb0e305197ff102b4cbae74a2f8c4b7143abeb4b80d12448b069659f2eb3623678a03245dee2250"
)]
#[case(
    b"deterministic",
    "1",
    "1|0e9e6e9855fbe6df7906ec4737578a1d491b38d3fd5246c1561016e189d6516043286501ca43257c938e60aad77acec5ce916b94ca9d00c0bb6f9883ae4b82ae"
)]
#[case(
    b"\xe9\xff",
    "42",
    "42|3430c4d0bad8516370863669c8d0c71d74730baf75cbf24dfa38e289ee92cac601c669de8a027d4e613ddfa50e2639e5f1323950acc242932793ea2b9d05b808"
)]
fn l22_cookies_are_flask_logins_bit_for_bit(#[case] key: &[u8], #[case] id: &str, #[case] cookie: &str) {
    assert_eq!(encode_cookie(id, key), cookie);
    assert_eq!(decode_cookie(cookie, key), Some(id));
}

#[rstest]
fn l22_a_remembered_user_gets_a_cookie(
    #[values(true, false)] sync: bool,
    #[values(None, Some("flask-login 0.6"), Some("flask-login 0.7"))] compat: Option<&str>,
) {
    let client = app(in_mode(login(sync), compat), sync).test_client();
    let page = get(&client, "/stay");
    let cookie = token(&page);
    assert!(cookie.starts_with(&format!("remember_token={OF_42};")), "{cookie}");
    assert!(about(365 * DAY).contains(&lasts(&cookie)), "{cookie}");
    assert!(cookie.contains("HttpOnly") && cookie.contains("Path=/;") && !cookie.contains("Max-Age"), "{cookie}");
    assert!(!session_of(&client).contains_key("_remember"));
    assert!(set_cookies(&get(&client, "/me"), "remember_token").is_empty());
    assert!(set_cookies(&get(&app(login(sync), sync).test_client(), "/in"), "remember_token").is_empty());
}

/// The secret key is read as Latin-1, and an id beyond ASCII is quoted as Werkzeug does.
#[rstest]
fn l22_keys_and_ids_of_any_letters_come_back(
    #[values(true, false)] sync: bool,
    #[values("éÿ", "ключ")] key: &'static str,
) {
    let mut app = app(login(sync), sync);
    app.config.secret_key = Some(key.into());
    view!(app.rule("/sato"), sync, wait => wait!(login_user(find("佐藤").unwrap()).remember(true))?.to_string());
    let client = app.test_client();
    let page = get(&client, "/sato");
    let cookie = token(&page);
    assert!(cookie.starts_with(r#"remember_token="\344\275\220\350\227\244|"#), "{cookie}");
    client.delete_cookie("session");
    assert_eq!(text(&client, "/me"), "hello 佐藤");
}

#[rstest]
fn l23_a_login_says_how_long_it_is_remembered(
    #[values(true, false)] sync: bool,
    #[values((7 * 3600, 0, "25200.0"), (7 * 3600, 500_000, "25200.5"))] (seconds, micros, kept): (u64, u64, &str),
) {
    let mut app = app(login(sync), sync);
    let duration = Duration::from_secs(seconds) + Duration::from_micros(micros);
    view!(app.rule("/hours"), sync, wait => wait!(login_user(ada()).remember(true).duration(duration))?.to_string());
    let client = app.test_client();
    assert!(about(seconds + 1).contains(&lasts(&token(&get(&client, "/hours")))));
    assert_eq!(session_of(&client)["_remember_seconds"].to_string(), kept);
}

#[rstest]
fn l23_the_settings_say_how_long_and_where(#[values(true, false)] sync: bool) {
    let mut app = app(login(sync), sync);
    let settings = serde_json::json!({
        "REMEMBER_COOKIE_NAME": "stay", "REMEMBER_COOKIE_DURATION": 172_800, "REMEMBER_COOKIE_DOMAIN": "localhost.example",
        "REMEMBER_COOKIE_PATH": "/app", "REMEMBER_COOKIE_SECURE": true, "REMEMBER_COOKIE_HTTPONLY": false,
        "REMEMBER_COOKIE_SAMESITE": "Lax",
    });
    app.config.from_mapping(settings).unwrap();
    let cookie = set_cookies(&get(&app.test_client(), "/stay"), "stay").remove(0);
    assert!(about(2 * DAY).contains(&lasts(&cookie)), "{cookie}");
    for part in ["Domain=localhost.example", "Path=/app", "Secure", "SameSite=Lax"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    assert!(!cookie.contains("HttpOnly"), "{cookie}");
}

#[rstest]
#[case::text("REMEMBER_COOKIE_DURATION", serde_json::json!("soon"))]
#[case::negative("REMEMBER_COOKIE_DURATION", serde_json::json!(-1))]
#[case::too_long("REMEMBER_COOKIE_DURATION", serde_json::json!(1e300))]
#[case::flag("REMEMBER_COOKIE_SECURE", serde_json::json!("yes"))]
#[case::samesite("REMEMBER_COOKIE_SAMESITE", serde_json::json!("lax-ish"))]
#[case::name_that_is_no_token("REMEMBER_COOKIE_NAME", serde_json::json!("remember me"))]
#[case::no_name("REMEMBER_COOKIE_NAME", serde_json::json!(""))]
#[case::domain("REMEMBER_COOKIE_DOMAIN", serde_json::json!("bücher.example"))]
#[case::path("REMEMBER_COOKIE_PATH", serde_json::json!("/a;b"))]
#[case::protection("SESSION_PROTECTION", serde_json::json!("storng"))]
fn l23_a_setting_that_does_not_fit_is_a_set_up_error(#[case] key: &str, #[case] value: serde_json::Value) {
    let mut app = app(login(true), true);
    app.config.set(key, &value).unwrap();
    let error = app.build().unwrap_err().to_string();
    assert!(error.contains(key) || error.contains("a remember cookie cannot last"), "{error}");
    assert!(error.contains("support.rs:"), "{error}");
}

/// The setting costs a step of each request, so it is known before the app is built.
#[test]
fn l30_the_setting_to_refresh_comes_before_the_extension() {
    let mut app = app(login(true), true);
    app.config.set("REMEMBER_COOKIE_REFRESH_EACH_REQUEST", true).unwrap();
    let error = app.build().unwrap_err().to_string();
    assert!(error.contains("set it before `app.init`") && error.contains("support.rs:"), "{error}");
}

#[rstest]
fn l23_an_empty_domain_is_none(#[values(true, false)] sync: bool, #[values("", ".localhost")] domain: &str) {
    let mut app = app(login(sync), sync);
    app.config.set("REMEMBER_COOKIE_DOMAIN", domain).unwrap();
    let cookie = set_cookies(&get(&app.test_client(), "/stay"), "remember_token").remove(0);
    assert_eq!(cookie.contains("Domain"), !domain.is_empty(), "{cookie}");
}

/// The error comes before anything is written.
#[rstest]
fn l23_a_duration_that_no_cookie_has_is_an_error(#[values(true, false)] sync: bool) {
    let mut app = app(login(sync), sync);
    view!(app.rule("/ages"), sync, wait => wait!(login_user(ada()).remember(true).duration(Duration::MAX))?.to_string());
    let client = app.test_client();
    let page = get(&client, "/ages");
    assert!(page.error().unwrap().message().contains("a remember cookie cannot last"), "{page:?}");
    assert!(client.cookie("session").is_none());
}

#[rstest]
fn l24_the_cookie_alone_signs_in_and_the_login_is_not_fresh(
    #[values(true, false)] sync: bool,
    #[values(true, false)] sync_callbacks: bool,
    #[values(None, Some("flask-login 0.6"), Some("flask-login 0.7"))] compat: Option<&str>,
) {
    let mut app = app(in_mode(login(sync_callbacks), compat), sync);
    let told = count(&mut app, &USER_LOADED_FROM_COOKIE, sync_callbacks);
    let client = app.test_client();
    returning(&client, OF_42);
    let page = get(&client, "/who");
    assert_eq!((page.text().as_str(), taken(&told)), ("\"42\" fresh=false remembered=true", 1));
    assert_eq!(serde_json::to_string(&session_of(&client)).unwrap(), r#"{"_fresh":false,"_user_id":"42"}"#);
    assert_eq!(set_cookies(&page, "session").len(), 1);
    assert_eq!(get(&client, "/secret").status(), 401);
}

/// A reader that was written for Flask finds the session under its payload.
#[test]
fn l24_the_session_is_the_one_that_flask_writes() {
    let client = app(login(true), true).test_client();
    returning(&client, OF_42);
    get(&client, "/me");
    assert!(client.cookie("session").unwrap().starts_with("eyJfZnJlc2giOmZhbHNlLCJfdXNlcl9pZCI6IjQyIn0."));
}

#[rstest]
fn l25_strong_protection_and_the_cookie(
    #[values(true, false)] sync: bool,
    #[values((None, 200), (Some("flask-login 0.6"), 401), (Some("flask-login 0.7"), 401))] (compat, status): (
        Option<&str>,
        u16,
    ),
) {
    let client = app(in_mode(login(sync).session_protection(SessionProtection::Strong), compat), sync).test_client();
    returning(&client, OF_42);
    assert_eq!(get(&client, "/me").status(), 200);
    let second = get(&client, "/me");
    assert_eq!(second.status(), status);
    assert_eq!(client.cookie("remember_token").is_some(), status == 200);
}

#[rstest]
fn l25_basic_protection_and_the_cookie(
    #[values(true, false)] sync: bool,
    #[values(None, Some("flask-login 0.6"))] compat: Option<&str>,
) {
    let client = app(in_mode(login(sync), compat), sync).test_client();
    returning(&client, OF_42);
    get(&client, "/me");
    let second = get(&client, "/me");
    assert_eq!((second.text().as_str(), second.header("set-cookie")), ("hello 42", None));
}

#[rstest]
fn l26_a_cookie_that_is_not_right_is_ignored(
    #[values(true, false)] sync: bool,
    #[values("42|00", "42", "", "|", "42|", "é|é", "42|\u{fffd}", "42|ÄÖÜ")] cookie: &str,
    #[values(None, Some("flask-login 0.6"))] compat: Option<&str>,
) {
    let client = app(in_mode(login(sync), compat), sync).test_client();
    returning(&client, cookie);
    assert_eq!(text(&client, "/who"), "\"\" fresh=false remembered=false");
}

#[rstest]
fn l26_digits_are_in_lower_case_and_the_key_is_this_apps(#[values(true, false)] sync: bool) {
    let client = app(login(sync), sync).test_client();
    for cookie in [OF_42.to_uppercase(), encode_cookie("42", b"another key")] {
        returning(&client, &cookie);
        assert_eq!(get(&client, "/me").status(), 401, "{cookie}");
    }
}

/// An empty former key would let any client sign.
#[rstest]
fn l26_an_empty_key_signs_in_no_user(#[values(true, false)] sync: bool) {
    let mut app = app(login(sync), sync);
    app.config.secret_key_fallbacks = vec![String::new()];
    let client = app.test_client();
    returning(&client, &encode_cookie("42", b""));
    assert_eq!(get(&client, "/me").status(), 401);
}

#[rstest]
#[case::safe(None, 200)]
#[case::as_in_flask_login(Some("flask-login 0.6"), 401)]
fn a_former_key_signs_in_in_the_safe_mode(
    #[case] compat: Option<&str>,
    #[case] status: u16,
    #[values(true, false)] sync: bool,
) {
    let mut app = app(in_mode(login(sync), compat), sync);
    app.config.secret_key = Some("new".into());
    app.config.secret_key_fallbacks = vec!["older".into(), "dev-secret-key".into()];
    let client = app.test_client();
    returning(&client, OF_42);
    assert_eq!(get(&client, "/me").status(), status);
    let page = get(&client, "/stay");
    assert!(token(&page).starts_with(&format!("remember_token={};", encode_cookie("42", b"new"))));
}

#[rstest]
fn l28_signing_out_deletes_the_cookie(
    #[values(true, false)] sync: bool,
    #[values(None, Some("flask-login 0.6"))] compat: Option<&str>,
) {
    let mut app = app(in_mode(login(sync), compat), sync);
    app.config.set("REMEMBER_COOKIE_SECURE", true).unwrap();
    app.config.set("REMEMBER_COOKIE_SAMESITE", "Strict").unwrap();
    let client = app.test_client();
    get(&client, "/stay");
    client.set_cookie("remember_token", OF_42);
    let page = get(&client, "/out");
    let cookie = token(&page);
    assert!(cookie.starts_with("remember_token=;"), "{cookie}");
    assert!(cookie.contains("Expires=Thu, 01 Jan 1970 00:00:00 GMT") && cookie.contains("Max-Age=0"), "{cookie}");
    let attributes = ["Secure", "HttpOnly", "SameSite=Strict"].map(|part| cookie.contains(part));
    assert_eq!(attributes, [compat.is_none(); 3], "{cookie}");
    assert!(session_of(&client).is_empty());
    assert_eq!(text(&client, "/who"), "\"\" fresh=false remembered=false");
}

#[rstest]
#[case::safe(None, "\"\" fresh=false remembered=false")]
#[case::as_in_flask_login(Some("flask-login 0.6"), "\"42\" fresh=false remembered=true")]
fn l29_clearing_the_session_after_signing_out(
    #[case] compat: Option<&str>,
    #[case] wanted: &str,
    #[values(true, false)] sync: bool,
) {
    let mut app = app(in_mode(login(sync), compat), sync);
    view!(app.rule("/out-and-clear"), sync, wait => {
        wait!(logout_user())?;
        session().clear();
        "out"
    });
    let client = app.test_client();
    get(&client, "/stay");
    get(&client, "/out-and-clear");
    assert_eq!(text(&client, "/who"), wanted);
}

#[rstest]
#[case::safe(None, 0)]
#[case::version_07(Some("flask-login 0.7"), 0)]
#[case::version_06(Some("flask-login 0.6"), 1)]
fn l30_the_cookie_is_refreshed_for_those_who_have_one(
    #[case] compat: Option<&str>,
    #[case] for_others: usize,
    #[values(true, false)] sync: bool,
) {
    let app = app_with(in_mode(login(sync), compat), sync, true);
    let application = app.build().unwrap();
    let client = application.test_client();
    assert_eq!(set_cookies(&get(&client, "/stay"), "remember_token").len(), 1);
    for path in ["/plain", "/me", "/nowhere"] {
        let page = get(&client, path);
        assert!(about(365 * DAY).contains(&lasts(&token(&page))), "{path}");
        let vary: Vec<_> = page.headers().get_all("vary").iter().collect();
        assert_eq!(vary, ["Cookie"], "a cache that all share must not keep the cookie of {path}");
    }
    get(&client, "/out");
    assert!(set_cookies(&get(&client, "/plain"), "remember_token").is_empty());
    let other = application.test_client();
    get_as(&other, "browser", "/in");
    assert_eq!(set_cookies(&get_as(&other, "browser", "/me"), "remember_token").len(), for_others);
}

/// A session that comes from a task of this very thread, as one on a server may.
struct OnServer(Arc<AtomicUsize>);

impl SessionInterface for OnServer {
    fn open_session(&self, _: Request) -> Waiting<Map<String, Value>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Waiting::new(async {
            let user = tokio::spawn(async { Map::from_iter([("_user_id".to_owned(), "42".into())]) });
            Ok(user.await?)
        })
    }

    fn save_session(&self, _: Session, response: Response) -> Waiting<Response> {
        Waiting::ready(Ok(response))
    }

    fn opens_when_looked_at(&self) -> bool {
        true
    }
}

/// A wait for the session would hold up the event loop.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l30_refreshing_holds_up_no_event_loop(#[values("/plain", "/nowhere")] path: &str) {
    let mut app = app_with(login(false), false, true);
    let opened = Arc::new(AtomicUsize::new(0));
    app.set_session_interface(OnServer(opened.clone()));
    let client = app.test_client();
    let ask = |cookie: &str| client.get(path).header("cookie", &format!("remember_token={cookie}"));
    let page = ask(OF_42).await.unwrap();
    assert_eq!((set_cookies(&page, "remember_token").len(), page.header("vary")), (1, Some("Cookie")));
    let page = ask("42|forged").await.unwrap();
    assert_eq!((set_cookies(&page, "remember_token").len(), page.header("vary")), (0, None));
    // The app opens sessions beforehand after code has waited for one.
    assert_eq!(taken(&opened), 1);
}

/// The cookie of one user is no reason to remember the next.
#[rstest]
#[case::safe(None, 0)]
#[case::as_in_flask_login(Some("flask-login 0.7"), 1)]
fn l30_a_user_who_did_not_ask_for_it_is_not_remembered(
    #[case] compat: Option<&str>,
    #[case] cookies: usize,
    #[values(true, false)] sync: bool,
) {
    let mut app = app_with(in_mode(login(sync), compat), sync, true);
    view!(app.rule("/other"), sync, wait => wait!(login_user(find("佐藤").unwrap()))?.to_string());
    let client = app.test_client();
    get(&client, "/stay");
    get(&client, "/other");
    assert_eq!(set_cookies(&get(&client, "/plain"), "remember_token").len(), cookies);
}

/// A login without a duration forgets the duration of an earlier one; in Flask-Login it stays.
#[rstest]
#[case::safe(None, false)]
#[case::as_in_flask_login(Some("flask-login 0.6"), true)]
fn the_duration_of_an_earlier_login(
    #[case] compat: Option<&str>,
    #[case] stays: bool,
    #[values(true, false)] sync: bool,
) {
    let mut app = app(in_mode(login(sync), compat), sync);
    view!(app.rule("/hour"), sync, wait => {
        wait!(login_user(ada()).remember(true).duration(Duration::from_secs(3600)))?.to_string()
    });
    let client = app.test_client();
    get(&client, "/hour");
    let again = lasts(&token(&get(&client, "/stay")));
    assert_eq!(about(3600).contains(&again), stays, "{again}");
}

/// Who signs out in the request that signed in has no cookie afterwards.
#[rstest]
fn signing_in_and_out_in_one_request_leaves_no_cookie(#[values(true, false)] sync: bool) {
    let mut app = app(login(sync), sync);
    view!(app.rule("/both"), sync, wait => {
        wait!(login_user(ada()).remember(true))?;
        wait!(logout_user())?;
        "both"
    });
    let client = app.test_client();
    assert!(set_cookies(&get(&client, "/both"), "remember_token").is_empty());
    assert_eq!(get(&client, "/me").status(), 401);
}
