use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use costrel::{
    App, Config, Error, Request, Response, SameSite, Session, SessionInterface, Tagged, Uuid, Waiting, session,
    session_cookie, set_cookie, testing::TestClient,
};
use rstest::rstest;
use serde_json::{Map, Value, json};

use crate::support::waiting::receive;

fn client(secret: Option<&str>) -> TestClient {
    let mut app = App::new("test");
    app.config.secret_key = secret.map(Into::into);
    app.route("/untouched", || "untouched");
    app.route("/read", || session().get::<i32>("n").unwrap_or(0).to_string());
    app.route("/sync/write", || session().set("n", 7).map(|()| "written"));
    app.route("/async/write", async || session().set("n", 7).map(|()| "written"));
    app.route("/remove", || format!("{:?}", session().remove("n")));
    app.route("/clear", || {
        session().clear();
        "cleared"
    });
    app.test_client()
}

/// A cookie that cannot be set is found out before a response needs it; an empty domain is none, as in Flask.
#[rstest]
#[case::name(|config: &mut Config| config.session_cookie_name = "a b".into(), Some("\"a b\""))]
#[case::domain(|config: &mut Config| config.session_cookie_domain = Some("b\u{fc}cher.example".into()), Some("domain in ASCII"))]
#[case::path(|config: &mut Config| config.session_cookie_path = Some("/a;b".into()), Some("`config.session_cookie_name`"))]
#[case::no_domain(|config: &mut Config| config.session_cookie_domain = Some(String::new()), None)]
fn a_session_cookie_that_cannot_be_set_is_a_set_up_error(#[case] set: fn(&mut Config), #[case] message: Option<&str>) {
    let mut app = App::new("test");
    set(&mut app.config);
    let error = app.build().map(drop).map_err(|error| error.to_string()).err();
    assert_eq!(error.is_some(), message.is_some());
    assert!(error.unwrap_or_default().contains(message.unwrap_or_default()));
}

#[rstest]
fn the_cookie_and_vary_follow_the_use_of_the_session(#[values("/sync/write", "/async/write")] write: &str) {
    let client = client(Some("secret"));
    let untouched = client.get("/untouched").wait().unwrap();
    assert_eq!((untouched.header("set-cookie"), untouched.header("vary")), (None, None));
    let read = client.get("/read").wait().unwrap();
    assert_eq!((read.header("set-cookie"), read.header("vary")), (None, Some("Cookie")));
    let written = client.get(write).wait().unwrap();
    let cookie = written.header("set-cookie").unwrap();
    assert_eq!(written.header("vary"), Some("Cookie"));
    assert!(cookie.starts_with("session=") && cookie.contains("HttpOnly") && cookie.contains("Path=/"), "{cookie}");
    assert_eq!(client.get("/read").wait().unwrap().text(), "7");
    let cleared = client.get("/clear").wait().unwrap();
    let forgotten = cleared.header("set-cookie").unwrap();
    assert!(
        forgotten.contains("Max-Age=0") && forgotten.contains("Expires=Thu, 01 Jan 1970 00:00:00 GMT"),
        "{forgotten}"
    );
    assert_eq!(client.get("/read").wait().unwrap().text(), "0");
}

#[rstest]
#[case("")]
#[case("x")]
#[case("a.b.c")]
#[case("eyJuIjo3fQ.ZVPxAA.AAAAAAAAAAAAAAAAAAAAAAAAAAA")]
fn a_forged_cookie_is_an_empty_session(#[case] cookie: &str) {
    let client = client(Some("secret"));
    client.set_cookie("session", cookie);
    let read = client.get("/read").wait().unwrap();
    assert_eq!((read.status().as_u16(), read.text().as_str()), (200, "0"));
}

#[test]
fn a_cookie_signed_with_another_key_is_an_empty_session() {
    let (ours, theirs) = (client(Some("ours")), client(Some("theirs")));
    theirs.get("/sync/write").wait().unwrap();
    ours.set_cookie("session", &theirs.cookie("session").unwrap());
    assert_eq!(ours.get("/read").wait().unwrap().text(), "0");
}

#[rstest]
fn without_a_secret_key_reading_works_and_writing_is_an_error(
    #[values("/sync/write", "/async/write")] write: &str,
    #[values(None, Some(""))] secret: Option<&str>,
) {
    let client = client(secret);
    assert_eq!(client.get("/read").wait().unwrap().text(), "0");
    assert_eq!(client.get(write).wait().unwrap().status(), 500);
}

#[test]
fn taking_out_what_is_not_there_changes_nothing() {
    let client = client(Some("secret"));
    let removed = client.get("/remove").wait().unwrap();
    assert_eq!((removed.text().as_str(), removed.header("set-cookie")), ("None", None));
    client.get("/sync/write").wait().unwrap();
    assert_eq!(client.get("/remove").wait().unwrap().text(), "Some(Number(7))");
}

#[test]
fn accesses_are_counted_for_those_who_keep_responses() {
    let mut app = App::new("test");
    app.route("/", || {
        let before = session().accesses();
        session().contains("n");
        let _ = session().set("n", 1);
        Ok::<_, Error>((session().accesses() - before).to_string())
    });
    app.config.secret_key = Some("secret".into());
    assert_eq!(app.test_client().get("/").wait().unwrap().text(), "2");
}

/// The cookie has every attribute both when it is set and when it is deleted.
#[rstest]
fn the_cookie_has_the_attributes_of_the_settings(#[values(true, false)] sync: bool) {
    let mut app = App::new("test");
    app.config.secret_key = Some("secret".into());
    app.config.session_cookie_domain = Some("shop.example".into());
    app.config.session_cookie_samesite = Some(SameSite::Strict);
    app.config.session_cookie_secure = true;
    app.config.session_cookie_partitioned = true;
    app.config.session_cookie_httponly = false;
    app.config.application_root = "/shop".into();
    let (write, clear) = (
        || session().set("n", 1).map(|()| ""),
        || {
            session().clear();
            ""
        },
    );
    if sync {
        app.route("/write", write).route("/clear", clear);
    } else {
        app.route("/write", move || async move { write() }).route("/clear", move || async move { clear() });
    }
    let client = app.test_client();
    for path in ["/write", "/clear"] {
        let response = client.get(path).wait().unwrap();
        let cookie = response.header("set-cookie").unwrap();
        for part in ["Domain=shop.example", "SameSite=Strict", "Secure", "Partitioned", "Path=/shop"] {
            assert!(cookie.split("; ").any(|attribute| attribute == part), "{path}: {part} in {cookie}");
        }
        assert!(!cookie.contains("HttpOnly") && (path == "/write") != cookie.contains("Max-Age=0"), "{cookie}");
    }
}

/// A cookie that Flask signed in 2023 is valid for as long as the settings say, and gives an empty session after that.
#[rstest]
#[case::a_month(31, "nobody")]
#[case::a_century(36_500, "42")]
fn a_cookie_past_its_age_is_an_empty_session(
    #[case] days: u64,
    #[case] expected: &str,
    #[values("/sync", "/async")] path: &str,
) {
    const SIGNED: &str =
        "eyJfZnJlc2giOnRydWUsIl9wZXJtYW5lbnQiOnRydWUsIl91c2VyX2lkIjoiNDIifQ.ZVPxAA.5l-q4GUl3Sl_xSZUMuKiG9u_UKA";
    let user = || session().get::<String>("_user_id").unwrap_or_else(|| "nobody".into());
    let mut app = App::new("test");
    app.config.secret_key = Some("dev-secret-key".into());
    app.config.permanent_session_lifetime = Duration::from_secs(days * 24 * 60 * 60);
    app.route("/sync", user).route("/async", move || async move { user() });
    let client = app.test_client();
    client.set_cookie("session", SIGNED);
    let response = client.get(path).wait().unwrap();
    assert_eq!((response.status().as_u16(), response.text().as_str()), (200, expected));
}

#[rstest]
fn the_path_of_the_cookie_may_be_set(#[values("/sync", "/async")] path: &str) {
    let mut app = App::new("test");
    app.config.secret_key = Some("secret".into());
    app.config.application_root = "/shop".into();
    app.config.session_cookie_path = Some("/cart".into());
    app.config.session_cookie_samesite = Some(SameSite::Lax);
    app.route("/sync", || session().set("n", 1).map(|()| ""));
    app.route("/async", async || session().set("n", 1).map(|()| ""));
    let response = app.test_client().get(path).wait().unwrap();
    let cookie = response.header("set-cookie").unwrap();
    assert!(cookie.contains("; Path=/cart") && cookie.contains("; SameSite=Lax"), "{cookie}");
}

/// A permanent session is sent again with every response, unless that is switched off.
#[rstest]
fn a_permanent_session_is_refreshed(#[values(true, false)] refresh: bool, #[values(true, false)] sync: bool) {
    let mut app = App::new("test");
    app.config.secret_key = Some("secret".into());
    app.config.session_refresh_each_request = refresh;
    let login = || {
        session().set_permanent(true)?;
        session().set("n", 1).map(|()| "")
    };
    if sync {
        app.route("/login", login)
    } else {
        app.route("/login", move || async move { login() })
    };
    app.route("/untouched", || "");
    let client = app.test_client();
    let first = client.get("/login").wait().unwrap();
    assert!(first.header("set-cookie").unwrap().contains("Expires="));
    let next = client.get("/untouched").wait().unwrap();
    assert_eq!(next.header("set-cookie").is_some_and(|cookie| cookie.contains("Expires=")), refresh);
    assert_eq!(next.header("vary"), refresh.then_some("Cookie"));
}

/// Values that Python has and JSON lacks are tagged, and a value that only looks like a tag is read back unchanged.
#[rstest]
fn tagged_values_come_back(#[values(true, false)] sync: bool) {
    let values = || {
        [
            ("tuple", Tagged::Tuple(vec![json!(1), json!("two"), json!({" t": [1]})])),
            ("bytes", Tagged::Bytes(vec![0, 255])),
            ("markup", Tagged::Markup("<b>".into())),
            ("uuid", Tagged::Uuid(Uuid::from_u128(0x1234_5678_1234_5678_1234_5678_1234_5678))),
            ("when", Tagged::DateTime(UNIX_EPOCH + Duration::from_secs(1_709_210_096))),
        ]
    };
    let lookalikes = json!({"a": {" t": [1]}, "b": {" di": 2}, "c": [{" u": "x"}], "d": {" t": 1, "e": 2}});
    let write = {
        let lookalikes = lookalikes.clone();
        move || {
            values().into_iter().try_for_each(|(key, value)| session().set_tagged(key, value))?;
            session().set("lookalikes", &lookalikes).map(|()| "")
        }
    };
    let mut app = App::new("test");
    app.config.secret_key = Some("secret".into());
    if sync {
        app.route("/write", write)
    } else {
        app.route("/write", move || std::future::ready(write()))
    };
    app.route("/read", move || {
        assert!(values().into_iter().all(|(key, value)| session().get_tagged(key) == Some(value)));
        assert_eq!(session().get::<Value>("lookalikes"), Some(lookalikes.clone()));
        assert_eq!(session().get::<Vec<Value>>("tuple").map(|items| items.len()), Some(3));
        assert_eq!(session().get::<String>("when").as_deref(), Some("Thu, 29 Feb 2024 12:34:56 GMT"));
        "same"
    });
    let client = app.test_client();
    client.get("/write").wait().unwrap();
    assert_eq!(client.get("/read").wait().unwrap().text(), "same");
}

/// A session interface of either colour that keeps the sessions on the server.
#[derive(Clone)]
struct OnServer {
    sync: bool,
    kept: Arc<Mutex<Vec<Map<String, Value>>>>,
}

impl SessionInterface for OnServer {
    fn open_session(&self, request: Request) -> Waiting<Map<String, Value>> {
        let kept = Arc::clone(&self.kept);
        let open = move || {
            let id: Option<usize> = request.cookie("session").and_then(|id| id.parse().ok());
            Ok(id.and_then(|id| kept.lock().unwrap().get(id).cloned()).unwrap_or_default())
        };
        if self.sync { Waiting::from_sync(open) } else { Waiting::new(async move { open() }) }
    }

    fn save_session(&self, session: Session, mut response: Response) -> Waiting<Response> {
        let kept = Arc::clone(&self.kept);
        let save = move || {
            if session.is_modified() {
                let mut kept = kept.lock().unwrap();
                kept.push(session.data());
                let app = costrel::current_app();
                set_cookie(&mut response, session_cookie(app.config(), &(kept.len() - 1).to_string(), false))?;
            }
            Ok(response)
        };
        if self.sync { Waiting::from_sync(save) } else { Waiting::new(async move { save() }) }
    }
}

#[rstest]
fn sessions_can_be_kept_on_the_server(#[values(true, false)] sync: bool) {
    let mut app = App::new("test");
    app.set_session_interface(OnServer { sync, kept: Arc::default() });
    app.route("/sync", || session().set("n", session().get("n").unwrap_or(0) + 1).map(|()| ""));
    app.route("/async", async || session().set("n", session().get("n").unwrap_or(0) + 1).map(|()| ""));
    app.route("/read", || session().get("n").unwrap_or(0).to_string());
    let client = app.test_client();
    client.get("/sync").wait().unwrap();
    client.get("/async").wait().unwrap();
    assert_eq!(client.get("/read").wait().unwrap().text(), "2");
    assert_eq!(client.cookie("session").as_deref(), Some("1"));
    client.session_transaction(|session| session.set("n", 40)).wait().unwrap();
    assert_eq!(client.get("/read").wait().unwrap().text(), "40");
}

/// A session interface that fails to open a session fails the request, and the context still ends.
#[test]
fn a_session_that_cannot_be_opened_is_a_500() {
    struct Broken;
    impl SessionInterface for Broken {
        fn open_session(&self, _request: Request) -> Waiting<Map<String, Value>> {
            Waiting::ready(Err(Error::status(503)))
        }
        fn save_session(&self, _session: Session, response: Response) -> Waiting<Response> {
            Waiting::ready(Ok(response))
        }
    }
    let (over, ended) = std::sync::mpsc::channel();
    let mut app = App::new("test");
    app.set_session_interface(Broken);
    app.route("/", || "never");
    app.teardown_request(move || over.send(()));
    assert_eq!(app.test_client().get("/").wait().unwrap().status(), 503);
    receive(&ended);
}

/// A session that could not be opened never overwrites the stored one, and writing to it is an error.
#[rstest]
fn a_session_that_could_not_be_opened_is_not_saved(#[values(true, false)] sync: bool) {
    struct Once(Arc<Mutex<Vec<String>>>);
    impl SessionInterface for Once {
        fn open_session(&self, _request: Request) -> Waiting<Map<String, Value>> {
            Waiting::ready(Err(Error::status(503)))
        }
        fn save_session(&self, session: Session, response: Response) -> Waiting<Response> {
            self.0.lock().unwrap().push(format!("{:?}", session.data()));
            Waiting::ready(Ok(response))
        }
    }
    let saved = Arc::new(Mutex::new(Vec::new()));
    let mut app = App::new("test");
    app.set_session_interface(Once(Arc::clone(&saved)));
    app.route("/", || "never");
    let handler = |_: Error| (session().set("n", 1).unwrap_err().message().to_owned(), 503);
    if sync {
        app.errorhandler(503, handler);
    } else {
        app.errorhandler(503, move |error: Error| async move { handler(error) });
    }
    let response = app.test_client().get("/").wait().unwrap();
    assert!(response.text().contains("could not be opened"), "{}", response.text());
    assert!(saved.lock().unwrap().is_empty());
}

#[test]
fn a_time_that_cannot_be_written_is_an_error() {
    let mut app = App::new("test");
    app.config.secret_key = Some("secret".into());
    app.route("/", || session().set_tagged("born", Tagged::DateTime(UNIX_EPOCH - Duration::from_secs(1))).map(|()| ""));
    let error = app.test_client().get("/").wait().unwrap().error().unwrap().message().to_owned();
    assert!(error.contains("1970 to 9999"), "{error}");
}

/// A cookie that is not text does not invalidate the session's cookie.
#[test]
fn a_broken_cookie_leaves_the_others_alone() {
    let client = client(Some("secret"));
    client.get("/sync/write").wait().unwrap();
    let mut cookie = b"other=caf\xe9; session=".to_vec();
    cookie.extend(client.cookie("session").unwrap().bytes());
    let mut request = http::Request::get("/read").body(costrel::Body::empty()).unwrap();
    request.headers_mut().insert("cookie", http::HeaderValue::from_bytes(&cookie).unwrap());
    let event_loop = tokio::runtime::Runtime::new().unwrap();
    let response = event_loop.block_on(client.application().call(request));
    assert_eq!(response.into_body().as_bytes().unwrap().as_ref(), b"7");
}
