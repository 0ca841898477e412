//! The scheme `Digest`, against answers that a client computes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use costrel::App;
use costrel::testing::{TestClient, TestResponse};
use costrel_ext_kit::tower::DecoratorLayer;
use costrel_httpauth::HttpAuth;
use md5::Md5;
use rstest::rstest;
use sha2::Sha256;
use sha2::digest::Digest;
use tower::ServiceExt;

fn hex<D: Digest>(text: &str) -> String {
    D::digest(text).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

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

/// The parameters of a challenge, and what the client makes of them.
struct Answer {
    realm: String,
    nonce: String,
    uri: String,
    password: String,
    qop: bool,
}

impl Answer {
    fn to(challenge: &TestResponse) -> Self {
        Self::to_header(challenge.header("www-authenticate").unwrap())
    }

    fn to_header(header: &str) -> Self {
        let part = |name: &str| {
            let (_, rest) = header.split_once(&format!("{name}=\"")).unwrap();
            rest.split('"').next().unwrap().to_owned()
        };
        let (uri, password) = ("/a?b=1".to_owned(), "secret".to_owned());
        Self { realm: part("realm"), nonce: part("nonce"), uri, password, qop: true }
    }

    fn header<D: Digest>(&self) -> String {
        self.header_of::<D>("ada")
    }

    fn header_of<D: Digest>(&self, user: &str) -> String {
        let Self { realm, nonce, uri, password, .. } = self;
        let secret = hex::<D>(&format!("{user}:{realm}:{password}"));
        let target = hex::<D>(&format!("GET:{uri}"));
        let (middle, qop) =
            if self.qop { (":00000001:c:auth", ", qop=auth, nc=00000001, cnonce=\"c\"") } else { ("", "") };
        let response = hex::<D>(&format!("{secret}:{nonce}{middle}:{target}"));
        format!(
            "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\"{qop}"
        )
    }
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
    let late = Answer {
        realm: "Authentication Required".into(),
        nonce: nonce.into(),
        uri: "/a?b=1".into(),
        password: password.into(),
        qop: true,
    };
    let page = client.get("/a?b=1").header("authorization", &late.header::<Md5>()).wait().unwrap();
    if optional {
        return assert_eq!(page.text(), "no user");
    }
    assert_eq!(page.status(), 401);
    assert_eq!(page.header("www-authenticate").unwrap().ends_with(r#"qop="auth", stale=true"#), is_stale);
    let anew = Answer { password: "secret".into(), ..Answer::to(&page) }.header::<Md5>();
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
    let answer =
        Answer { uri: uri.into(), ..Answer::to_header(challenge.headers()["www-authenticate"].to_str().unwrap()) };
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
    let answer = Answer { qop, ..Answer::to(&challenge) };
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
    let answer = || Answer::to(&challenge);
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
    let answer = |uri: &str| Answer { uri: uri.into(), ..Answer::to(&challenge) }.header::<Md5>();
    assert_eq!(
        (send(&client, "/a?b=1", &answer("/shop/a?b=1")), send(&client, "/a?b=1", &answer("/a?b=1"))),
        (200, 401)
    );
    let empty = Answer { uri: "/shop/a?b=1".into(), password: String::new(), ..Answer::to(&challenge) };
    let of_bob = empty.header_of::<Md5>("bob");
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
