//! The scheme `Digest`, against answers that a client computes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/answer.rs"]
mod answer;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use costrel::App;
use costrel::testing::{TestClient, TestResponse};
use costrel_ext_kit::tower::DecoratorLayer;
use costrel_httpauth::{HttpAuth, MultiAuth};
use md5::Md5;
use rstest::rstest;
use sha2::Sha256;
use tower::ServiceExt;

use answer::Answer;

fn client(sha256: bool) -> TestClient {
    let password_of = async |name: String| (name == "ada").then(|| "secret".to_owned());
    let auth = if sha256 { HttpAuth::digest_sha256(password_of) } else { HttpAuth::digest(password_of) };
    let mut app = App::new("test");
    app.config.secret_key = Some("dev".into());
    let shown = {
        let auth = auth.clone();
        move || auth.current_user().unwrap_or_default()
    };
    app.rule("/<path:path>").decorate(auth.login_required()).view(move |_path: String| shown());
    app.test_client_without_cookies()
}

trait WithoutCookies {
    fn test_client_without_cookies(self) -> TestClient;
}

impl WithoutCookies for App {
    fn test_client_without_cookies(self) -> TestClient {
        self.build().unwrap().test_client_without_cookies()
    }
}

fn answer(challenge: &TestResponse) -> Answer {
    Answer::to(challenge.header("www-authenticate").unwrap())
}

/// A nonce that the app of these tests could have signed in 2023.
const EXPIRED: &str = "NDI.ZVPxAA.ZX7EDiCLBcCgtqyFd9RDDFsJI5s";

#[rstest]
#[case::right_answer(EXPIRED, "secret", true)]
#[case::wrong_password(EXPIRED, "no", false)]
#[case::forged_nonce("NDI.ZVPxAA.ZX7EDiCLBcCgtqyFd9RDDFsJI5w", "secret", false)]
fn a_client_that_is_late_may_answer_anew(
    #[case] nonce: &str,
    #[case] password: &str,
    #[case] is_stale: bool,
    #[values(true, false)] optional: bool,
) {
    let auth = HttpAuth::digest(|name: String| (name == "ada").then(|| "secret".to_owned()));
    let shown = {
        let auth = auth.clone();
        move || auth.current_user().unwrap_or_else(|| "no user".to_owned())
    };
    let mut app = App::new("test");
    app.config.secret_key = Some("dev".into());
    let rule = app.rule("/a");
    if optional {
        rule.decorate(auth.login_optional()).view(shown)
    } else {
        rule.decorate(auth.login_required()).view(shown)
    };
    let client = app.test_client();
    let challenge = format!(r#"Digest realm="Authentication Required",nonce="{nonce}""#);
    let late = Answer { password: password.into(), ..Answer::to(&challenge) };
    let page = client.get("/a?b=1").header("authorization", &late.header::<Md5>()).wait().unwrap();
    if optional {
        return assert_eq!(page.text(), "no user");
    }
    assert_eq!(page.status(), 401);
    assert_eq!(page.header("www-authenticate").unwrap().ends_with(r#"qop="auth", stale=true"#), is_stale);
    let anew = Answer { password: "secret".into(), ..answer(&page) }.header::<Md5>();
    assert_eq!(send(&client, "/a?b=1", &anew), 200);
}

/// axum takes the request for the mount point itself for one for `/` beneath it.
#[rstest]
#[case("/api", "/api", 200)]
#[case("/api?b=1", "/api?b=1", 200)]
#[case("/api/a?b=1", "/api/a?b=1", 200)]
#[case("/api", "/apx", 401)]
#[case("/api", "", 401)]
#[case("/api/a", "/api", 401)]
#[case("/api/a", "/apia", 401)]
#[tokio::test]
async fn the_mount_point_itself_is_an_address(#[case] path: &str, #[case] uri: &str, #[case] status: u16) {
    let auth = HttpAuth::digest(async |_: String| Some("secret".to_owned()));
    let mut app = App::new("layer");
    app.config.secret_key = Some("dev".into());
    let layer = DecoratorLayer::new(app, auth.login_required()).unwrap();
    let inner = Router::new().route("/", get(async || "root")).route("/a", get(async || "a")).layer(layer);
    let router = Router::new().nest("/api", inner);
    let ask = |authorization: &str| {
        let request = costrel::http::Request::builder().uri(path).header("authorization", authorization);
        router.clone().oneshot(request.body(Body::empty()).unwrap())
    };
    let challenge = ask("").await.unwrap();
    let answer = Answer { uri: uri.into(), ..Answer::to(challenge.headers()["www-authenticate"].to_str().unwrap()) };
    assert_eq!(ask(&answer.header::<Md5>()).await.unwrap().status(), status);
}

fn send(client: &TestClient, path: &str, authorization: &str) -> u16 {
    client.get(path).header("authorization", authorization).wait().unwrap().status().as_u16()
}

#[rstest]
fn a_client_that_knows_the_password_is_let_in(#[values(true, false)] sha256: bool, #[values(true, false)] qop: bool) {
    let client = client(sha256);
    let challenge = client.get("/a").wait().unwrap();
    assert_eq!(challenge.status(), 401);
    let answer = Answer { qop, ..answer(&challenge) };
    let (right, wrong) = if sha256 {
        (answer.header::<Sha256>(), answer.header::<Md5>())
    } else {
        (answer.header::<Md5>(), answer.header::<Sha256>())
    };
    assert_eq!(client.get("/a?b=1").header("authorization", &right).wait().unwrap().text(), "ada");
    assert_eq!(send(&client, "/a?b=1", &wrong), 401);
}

#[test]
fn another_password_address_nonce_or_user_is_refused() {
    let client = client(false);
    let challenge = client.get("/a").wait().unwrap();
    let answer = || answer(&challenge);
    let right = answer().header::<Md5>();
    let forged = Answer { nonce: answer().nonce + "A", ..answer() };
    let wrong = [
        Answer { password: "no".into(), ..answer() }.header::<Md5>(),
        Answer { uri: "/other".into(), ..answer() }.header::<Md5>(),
        forged.header::<Md5>(),
        right.replace("username=\"ada\"", "username=\"bob\""),
        right.replace("response=\"", "response=\"0"),
        right.replace("qop=auth", "qop=auth-int"),
        "Digest".to_owned(),
        "Digest username=\"ada\"".to_owned(),
        "Basic YWRhOnNlY3JldA==".to_owned(),
    ];
    for authorization in wrong {
        assert_eq!(send(&client, "/a?b=1", &authorization), 401, "{authorization}");
    }
    assert_eq!(send(&client, "/a?b=1", &right), 200);
}

#[test]
fn below_a_mount_point_the_clients_address_counts_and_an_empty_password_never() {
    let auth = HttpAuth::digest(|name: String| Some(if name == "ada" { "secret".to_owned() } else { String::new() }));
    let mut app = App::new("test");
    app.config.secret_key = Some("dev".into());
    app.config.application_root = "/shop".into();
    app.rule("/a").decorate(auth.login_required()).view(|| "in");
    let client = app.test_client();
    let challenge = client.get("/a").wait().unwrap();
    let answered = |uri: &str| Answer { uri: uri.into(), ..answer(&challenge) }.header::<Md5>();
    assert_eq!(
        (send(&client, "/a?b=1", &answered("/shop/a?b=1")), send(&client, "/a?b=1", &answered("/a?b=1"))),
        (200, 401)
    );
    let (user, uri) = ("bob".to_owned(), "/shop/a?b=1".to_owned());
    let of_bob = Answer { user, uri, password: String::new(), ..answer(&challenge) }.header::<Md5>();
    assert_eq!(send(&client, "/a?b=1", &of_bob), 401);
}

#[test]
fn without_a_secret_key_the_error_says_so() {
    let auth = HttpAuth::digest(|_: String| None::<String>);
    let mut app = App::new("test");
    app.rule("/").decorate(auth.login_required()).view(|| "never");
    let failed = app.test_client().get("/").wait().unwrap();
    assert_eq!(failed.status(), 500);
    assert!(failed.error().unwrap().to_string().contains("config.secret_key"));
}

/// The app keeps hashes, which a client with the password answers, and which are no passwords themselves.
#[rstest]
fn passwords_need_not_be_kept(
    #[values(true, false)] sha256: bool,
    #[values(true, false)] is_sync: bool,
    #[values("Authentication Required", "Shop")] realm: &str,
) {
    let scheme = |password: Option<String>| {
        let of_sync = password.clone();
        let auth = match (sha256, is_sync) {
            (true, true) => HttpAuth::digest_sha256(move |_: String| of_sync.clone()),
            (true, false) => HttpAuth::digest_sha256(move |_: String| std::future::ready(password.clone())),
            (false, true) => HttpAuth::digest(move |_: String| of_sync.clone()),
            (false, false) => HttpAuth::digest(move |_: String| std::future::ready(password.clone())),
        };
        auth.realm(realm)
    };
    let kept = scheme(None).generate_ha1("ada", "secret").unwrap();
    let auth = scheme(Some(kept.clone())).use_ha1_pw();
    let mut app = App::new("test");
    app.config.secret_key = Some("dev".into());
    let shown = auth.clone();
    app.rule("/a").decorate(auth.login_required()).view(move || shown.current_user().unwrap_or_default());
    let client = app.test_client();
    let challenge = client.get("/a").wait().unwrap();
    let status = |user: &str, password: &str| {
        let answer = Answer { user: user.into(), password: password.into(), ..answer(&challenge) };
        send(&client, "/a?b=1", &if sha256 { answer.header::<Sha256>() } else { answer.header::<Md5>() })
    };
    assert_eq!(
        (status("ada", "secret"), status("ada", "other"), status("ada", &kept), status("bob", "secret")),
        (200, 401, 401, 401)
    );
}

/// The values that Flask-HTTPAuth's `generate_ha1` makes, in MD5.
#[test]
fn a_hash_is_flasks() {
    let auth = HttpAuth::digest(|_: String| None::<String>);
    assert_eq!(auth.generate_ha1("ada", "secret").unwrap(), "3efc2d363ac92d6c1364b902c07e1197");
    assert_eq!(auth.realm("Shop").generate_ha1("ada", "secret").unwrap(), "50860e7d4ba3dffb48d38afa4737e0ba");
}

#[derive(Clone, Debug, PartialEq)]
struct User {
    name: String,
    by: &'static str,
}

fn find_user(name: String) -> Option<User> {
    (name == "ada").then_some(User { name, by: "digest" })
}

/// Digest finds a name, and Basic a user of the app's own type: `load_user` makes one of the other.
#[rstest]
#[case::known("ada", Some("digest ada"))]
#[case::gone("bob", None)]
fn schemes_with_other_users_stand_beside_each_other(
    #[case] name: &str,
    #[case] text: Option<&str>,
    #[values(true, false)] is_sync: bool,
) {
    let digest = HttpAuth::digest(async |_: String| Some("secret".to_owned()));
    let digest =
        if is_sync { digest.load_user(find_user) } else { digest.load_user(async |name: String| find_user(name)) };
    let basic =
        HttpAuth::basic(|name: String, password: String| (password == "secret").then_some(User { name, by: "basic" }));
    let schemes = [digest, basic].map(|scheme| scheme.roles(|user: User| vec![user.by.to_owned()]));
    let auth = MultiAuth::new(schemes);
    let mut app = App::new("test");
    app.config.secret_key = Some("dev".into());
    let shown = auth.clone();
    let whoami = move || shown.current_user().map(|user| format!("{} {}", user.by, user.name)).unwrap_or_default();
    app.rule("/a").decorate(auth.role_required(&["digest", "basic"])).view(whoami);
    app.rule("/digest").decorate(auth.role_required(&["digest"])).view(|| "");
    let client = app.test_client();
    assert_eq!(client.get("/a").auth("bob", "secret").wait().unwrap().text(), "basic bob");
    assert_eq!(client.get("/digest").auth("bob", "secret").wait().unwrap().status(), 403);
    let challenge = client.get("/a").wait().unwrap();
    let authorization = Answer { user: name.into(), ..answer(&challenge) }.header::<Md5>();
    let page = client.get("/a?b=1").header("authorization", &authorization).wait().unwrap();
    match text {
        Some(text) => assert_eq!(page.text(), text),
        None => assert_eq!(page.status(), 401),
    }
}

#[rstest]
#[case::roles_before(|app: &mut App| {
    let auth = HttpAuth::digest(|_: String| None::<String>).roles(|_: String| Vec::new());
    app.rule("/").decorate(auth.load_user(|_: String| Some(1)).login_required()).view(|| "");
}, "call it after that")]
#[case::hashes_of_basic(|app: &mut App| {
    let auth = HttpAuth::basic(|name: String, _: String| Some(name)).use_ha1_pw();
    app.rule("/").decorate(auth.login_required()).view(|| "");
}, "`use_ha1_pw` is for `HttpAuth::digest(..)`")]
fn what_digest_alone_has_is_a_set_up_error_elsewhere(#[case] set_up: fn(&mut App), #[case] message: &str) {
    let mut app = App::new("test");
    set_up(&mut app);
    let error = app.build().unwrap_err();
    assert!(
        error.message().contains(message) && error.location().is_some_and(|line| line.file().contains("digest.rs")),
        "{error}"
    );
    let basic = HttpAuth::basic(|name: String, _: String| Some(name));
    assert!(basic.generate_ha1("ada", "secret").unwrap_err().message().contains("`generate_ha1` is for"));
}
