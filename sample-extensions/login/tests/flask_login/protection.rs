//! Session protection.

use costrel::{App, get_flashed_messages};
use costrel_login::signals::SESSION_PROTECTED;
use costrel_login::{Login, SessionProtection};
use rstest::rstest;
use sha2::{Digest, Sha512};

use crate::support::{app, count, get, get_as, login, session_of, set_cookies, taken, text, view};

fn in_mode(login: Login, compat: Option<&str>) -> Login {
    match compat {
        Some(version) => login.compat(version),
        None => login,
    }
}

/// Identifiers that Flask-Login has made: its version, the browser, the `X-Forwarded-For`.
const BROWSERS: [(&str, Option<&str>, Option<&str>, &str); 6] = [
    (
        "flask-login 0.6",
        Some("curl/8.0"),
        None,
        "eac370e1c22deba1b8cc2d3d359a5b7c8d626a9717282cdc8e132391d9799c1d9b5ed98c275c38b76d8ba4931d280079fc43cd48b0768366e344c2025e804bf4",
    ),
    (
        "flask-login 0.7",
        Some("curl/8.0"),
        None,
        "c7f4bbd7db3485984e47572cccd73ef2212b39c4b0c4fc4fdfa9be2be8502b2fbb6ee80c9731515b07f388be2587372b259ed9478a541c2fd60f24ba6de9a170",
    ),
    (
        "flask-login 0.6",
        None,
        None,
        "656d8f867997c2a40397700861e67a333b935d82576d85577e2da5109fbf90ba7d035f50908ba54969f8b60c156c4a762615d025942cb19ae24d329b88d388db",
    ),
    (
        "flask-login 0.7",
        None,
        None,
        "3f21e0836abdfa69bf1763faaa82d94212074abf9a225951b35f47605bb939625fd8bdee7d492b41eb00bad256a3979d333005390ce48fd5d2d45b83b6535c71",
    ),
    (
        "flask-login 0.6",
        Some("it's"),
        None,
        "c995ff0c175f6ee89ac9b0843ceb32ade3b48095ae7d48c15f0afe593431e031dd23764185ee4d7fb9895487c33489ecbc97e3a2ae3b09808c0540d0684895f0",
    ),
    (
        "flask-login 0.6",
        Some("curl/8.0"),
        Some("9.9.9.9, 1.1.1.1"),
        "968a3c2dac4f1b8b287aaae1746b6b1fb8ca9dbed550db8ce52437382143dce3822402832d5bf40cb9d7be9fd2632b47e747e3886cb3d5b820cec88b99e16c30",
    ),
];

fn ask(client: &costrel::testing::TestClient, path: &str, browser: Option<&str>, forwarded: Option<&str>) -> String {
    let headers = [("user-agent", browser), ("x-forwarded-for", forwarded)];
    let mut request = client.get(path);
    for (name, value) in headers {
        request = value.into_iter().fold(request, |request, value| request.header(name, value));
    }
    request.wait().unwrap().text()
}

fn hashed(text: &str) -> String {
    Sha512::digest(text).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

#[rstest]
fn l36_identifiers_are_those_of_either_version(
    #[values(0, 1, 2, 3, 4, 5)] row: usize,
    #[values(true, false)] sync: bool,
) {
    let (version, browser, forwarded, identifier) = BROWSERS[row];
    let client = app(login(sync).session_protection(SessionProtection::Strong).compat(version), sync).test_client();
    ask(&client, "/in", browser, forwarded);
    let wanted = format!(r#"{{"_fresh":true,"_id":"{identifier}","_user_id":"42"}}"#);
    assert_eq!(serde_json::to_string(&session_of(&client)).unwrap(), wanted);
    assert_eq!(ask(&client, "/me", browser, forwarded), "hello 42");
    assert_ne!(ask(&client, "/me", Some("another"), forwarded), "hello 42");
}

/// Sessions that Flask-Login has written for the user 42 and the browser `curl/8.0`, in versions 0.6 and 0.7.
const SESSIONS: [&str; 2] = [
    ".eJwlzjsOwjAMANC7ZGZIbCe2e5kq_kSwtnRC3J1KTG99n7KvI89n2d7HlY-yv6JsJacj12wOEGmzmbhDYGDX2Y1dYsCYyo1BwMMlGwJqC2VVv7GeoeLA3VGMR4hNUmwBUivrckIPEqs8BMdIJHKo0FMq2aJyR64zj_-GoHx_Fb4vIg.ZVPxAA.OzqM_U2afc0hgCsgQdooWNiwwfE",
    ".eJwlzj0OwjAMQOG7ZGZIHLt2epkq_hOsLZ0QdycS0hu_4X3KkWdcz7K_zzse5Xh52Ytxoqqza0ehIRjIxGBmzj0SoIH2YajVMFeec2iAhlAFhVTdIqTa4N6okVbOLrIECXdegkb4QJZJ2AzSt5qAOjePMRvXskbuK87_DUL5_gBVBDA9.ZVPxAA.jec_xU5Kij6zBFIa7-9CAialtoY",
];

/// A session of a Flask app is fresh here, and is not written again.
#[rstest]
#[case::version_06("flask-login 0.6", 0)]
#[case::version_07("flask-login 0.7", 1)]
#[case::safe_06("", 0)]
#[case::safe_07("", 1)]
fn l36_a_session_of_flasks_is_fresh(#[case] version: &str, #[case] session: usize, #[values(true, false)] sync: bool) {
    let compat = Some(version).filter(|version| !version.is_empty());
    let mut app = app(in_mode(login(sync).session_protection(SessionProtection::Strong), compat), sync);
    app.config.permanent_session_lifetime = std::time::Duration::from_secs(1 << 40);
    let client = app.test_client();
    client.set_cookie("session", SESSIONS[session]);
    let page = get_as(&client, "curl/8.0", "/secret");
    assert_eq!((page.text().as_str(), page.header("set-cookie")), ("secret of 42", None));
}

/// Sessions that Flask has written, with messages of Flask-Login: compressed among other values, and alone.
#[rstest]
#[case::compressed("ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss", 3, concat!(
    ".eJy9zksOgkAMBuCrNF2jmeENp3BvCBnH8ojAEDo7wt0djbErt676Ne2fdse2mwwPxFhfdwQfCs7EbHrCCC8TGSaYXA_jAt6BsTYMwQ8jwxp2ztgc",
    "0Z9zTYTWbO_k6Gk-KaVC9EMtjIWJMBVmwlxYCEth9aWWa1rj6xneuta7By1Yo9JxkmZ5UVbmZu_U_erxeALtsHHa.aE7hgA.",
    "FqZc1-rl01O0m-LA5Z4zqMtXOFw",
))]
#[case::alone("dev-secret-key", 1, concat!(
    "eyJfZmxhc2hlcyI6W3siIHQiOlsibWVzc2FnZSIsIlBsZWFzZSBsb2cgaW4gdG8gYWNjZXNzIHRoaXMgcGFnZS4iXX1dfQ.ZVPxAA.",
    "AlOy_z3vn6pKqWLj8_pUV7XEjhE",
))]
#[case::no_session("dev-secret-key", 0, "abc.def")]
#[case::nothing("dev-secret-key", 0, "")]
fn l38_messages_in_a_session_of_flasks_are_shown(
    #[case] key: &'static str,
    #[case] messages: usize,
    #[case] cookie: &str,
    #[values(true, false)] sync: bool,
) {
    let mut app = app(login(sync), sync);
    app.config.secret_key = Some(key.into());
    app.config.permanent_session_lifetime = std::time::Duration::from_secs(1 << 40);
    view!(app.rule("/messages"), sync, wait => format!("{:?}", get_flashed_messages()));
    let client = app.test_client();
    client.set_cookie("session", cookie);
    let shown = vec![("message", "Please log in to access this page."); messages];
    assert_eq!(text(&client, "/messages"), format!("{shown:?}"));
    assert_eq!(get(&client, "/me").status(), 401);
}

/// Python's spelling of bytes, for browsers that send all kinds of them.
#[rstest]
#[case::both_quotes("it's \"x\"", r#"b'it\'s "x"'"#)]
#[case::backslash("a\\b", r"b'a\\b'")]
#[case::tab("a\tb", r"b'a\tb'")]
#[case::latin1("caf\u{e9}", r"b'caf\xc3\xa9'")]
fn l36_any_browsers_name_is_spelled_as_python_does(#[case] name: &str, #[case] spelled: &str) {
    let client = app(login(true).compat("flask-login 0.6"), true).test_client();
    let bytes: Vec<u8> = name.chars().map(|letter| u8::try_from(letter).unwrap()).collect();
    let mut request = costrel::http::Request::builder().uri("/in").header("user-agent", bytes.as_slice());
    request = request.header("host", "localhost");
    let call = client.application().call({
        let mut request = request.body(costrel::Body::empty()).unwrap();
        request.extensions_mut().insert(std::net::SocketAddr::from(([127, 0, 0, 1], 1)));
        request
    });
    let response = costrel::async_to_sync(|call| call)(call).unwrap();
    let cookie = response.headers()["set-cookie"].to_str().unwrap().split(['=', ';']).nth(1).unwrap().to_owned();
    client.set_cookie("session", &cookie);
    assert_eq!(session_of(&client)["_id"], hashed(&format!("b'127.0.0.1'|{spelled}")));
}

/// Users stay signed in when a Flask app is replaced, whichever version it had.
#[rstest]
fn l36_the_safe_mode_believes_both_versions(#[values("flask-login 0.6", "flask-login 0.7")] version: &str) {
    let before = app(login(true).compat(version), true).test_client();
    get_as(&before, "curl/8.0", "/in");
    let after = app(login(false).session_protection(SessionProtection::Strong), false).test_client();
    after.set_cookie("session", &before.cookie("session").unwrap());
    assert_eq!(get_as(&after, "curl/8.0", "/secret").text(), "secret of 42");
}

#[rstest]
#[case::safe(None, "401")]
#[case::version_07(Some("flask-login 0.7"), "401")]
#[case::version_06(Some("flask-login 0.6"), "hello 42")]
fn l37_x_forwarded_for_is_believed_in_version_06_alone(
    #[case] compat: Option<&str>,
    #[case] wanted: &str,
    #[values(true, false)] sync: bool,
) {
    let login = in_mode(login(sync).session_protection(SessionProtection::Strong), compat);
    let client = app(login, sync).test_client();
    let from = |path: &str, address: u8| {
        let request = client
            .get(path)
            .header("x-forwarded-for", "9.9.9.9")
            .remote_addr(std::net::SocketAddr::from(([10, 0, 0, address], 1)));
        request.wait().unwrap()
    };
    from("/in", 1);
    let page = from("/me", 2);
    let got = if page.status() == 200 { page.text() } else { page.status().as_str().to_owned() };
    assert_eq!(got, wanted);
}

/// With a trusted proxy, the address is the client's.
#[test]
fn l37_a_trusted_proxys_header_counts() {
    let mut app = app(login(true).session_protection(SessionProtection::Strong), true);
    app.config.server.proxy_fix.x_for = 1;
    let client = app.test_client();
    ask(&client, "/in", None, Some("9.9.9.9"));
    assert_eq!(session_of(&client)["_id"], hashed("9.9.9.9|"));
    assert_eq!(ask(&client, "/me", None, Some("9.9.9.9")), "hello 42");
}

#[rstest]
fn l32_basic_takes_the_freshness_of_a_session_from_another_browser(
    #[values(true, false)] sync: bool,
    #[values(true, false)] sync_callbacks: bool,
    #[values(None, Some("flask-login 0.6"))] compat: Option<&str>,
) {
    let mut app = app(in_mode(login(sync_callbacks), compat), sync);
    let told = count(&mut app, &SESSION_PROTECTED, sync_callbacks);
    let client = app.test_client();
    get_as(&client, "one", "/in");
    assert_eq!((get_as(&client, "one", "/secret").text(), taken(&told)), ("secret of 42".into(), 0));
    let page = get_as(&client, "another", "/me");
    assert_eq!((page.text(), taken(&told), set_cookies(&page, "session").len()), ("hello 42".into(), 1, 1));
    assert_eq!(session_of(&client)["_fresh"], false);
    let page = get_as(&client, "another", "/me");
    assert_eq!((page.text(), set_cookies(&page, "session").len()), ("hello 42".into(), 0));
    assert_eq!(get_as(&client, "another", "/secret").status(), 401);
}

#[rstest]
fn l33_strong_signs_out_a_session_from_another_browser(
    #[values(true, false)] sync: bool,
    #[values(true, false)] sync_callbacks: bool,
    #[values(None, Some("flask-login 0.6"))] compat: Option<&str>,
) {
    let mut app = app(in_mode(login(sync_callbacks).session_protection(SessionProtection::Strong), compat), sync);
    let told = count(&mut app, &SESSION_PROTECTED, sync_callbacks);
    let client = app.test_client();
    get_as(&client, "one", "/stay");
    client.session_transaction(|session| session.set("foo", "kept")).wait().unwrap();
    let page = get_as(&client, "another", "/me");
    assert_eq!((page.status().as_u16(), taken(&told)), (401, 1));
    assert!(set_cookies(&page, "remember_token")[0].contains("Max-Age=0"));
    assert_eq!(serde_json::to_string(&session_of(&client)).unwrap(), r#"{"foo":"kept"}"#);
    assert_eq!(get_as(&client, "one", "/me").status(), 401);
}

#[rstest]
fn l34_strong_is_basic_for_a_permanent_session(#[values(true, false)] sync: bool) {
    let client = app(login(sync).session_protection(SessionProtection::Strong), sync).test_client();
    get_as(&client, "one", "/in");
    client.session_transaction(|session| session.set_permanent(true)).wait().unwrap();
    assert_eq!(get_as(&client, "another", "/me").text(), "hello 42");
    assert_eq!(session_of(&client)["_fresh"], false);
}

#[rstest]
fn l35_an_empty_session_needs_no_protection(
    #[values(true, false)] sync: bool,
    #[values("basic", "strong")] protection: &str,
    #[values(None, Some("flask-login 0.6"))] compat: Option<&str>,
) {
    let mut app = app(in_mode(login(sync), compat), sync);
    app.config.set("SESSION_PROTECTION", protection).unwrap();
    let told = count(&mut app, &SESSION_PROTECTED, sync);
    let client = app.test_client();
    let page = get(&client, "/who");
    assert_eq!((page.header("set-cookie"), taken(&told)), (None, 0));
}

/// Flask-Login takes any session without an identifier for a stolen one, such as one with a flashed message alone.
#[rstest]
#[case::safe(None, 0, r#"{"basket":1}"#)]
#[case::as_in_flask_login(Some("flask-login 0.6"), 1, r#"{"_fresh":false,"basket":1}"#)]
fn l35_a_session_without_a_user(
    #[case] compat: Option<&str>,
    #[case] told_times: usize,
    #[case] wanted: &str,
    #[values(true, false)] sync: bool,
) {
    let mut app = app(in_mode(login(sync), compat), sync);
    let told = count(&mut app, &SESSION_PROTECTED, sync);
    let client = app.test_client();
    client.session_transaction(|session| session.set("basket", 1)).wait().unwrap();
    get(&client, "/who");
    assert_eq!((taken(&told), serde_json::to_string(&session_of(&client)).unwrap()), (told_times, wanted.into()));
}

#[rstest]
fn without_protection_a_session_is_anybrowsers(
    #[values(true, false)] sync: bool,
    #[values(true, false)] by_config: bool,
) {
    let protected = if by_config { SessionProtection::Strong } else { SessionProtection::None };
    let mut app: App = app(login(sync).session_protection(protected), sync);
    if by_config {
        app.config.set("SESSION_PROTECTION", None::<&str>).unwrap();
    }
    let client = app.test_client();
    get_as(&client, "one", "/in");
    assert_eq!(get_as(&client, "another", "/secret").text(), "secret of 42");
    assert_eq!(text(&client, "/me"), "hello 42");
}
