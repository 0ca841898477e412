//! The scheme `Digest`, against answers that a client computes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write;

use costrel::App;
use costrel::testing::{TestClient, TestResponse};
use costrel_httpauth::HttpAuth;
use md5::Md5;
use rstest::rstest;
use sha2::Sha256;
use sha2::digest::Digest;

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
        let header = challenge.header("www-authenticate").unwrap();
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
