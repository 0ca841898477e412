use costrel::{App, Error, TestClient, session};
use rstest::rstest;

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

/// Line 102.
#[rstest]
fn the_cookie_and_vary_follow_the_use_of_the_session(#[values("/sync/write", "/async/write")] write: &str) {
    let client = client(Some("secret"));
    let untouched = client.get("/untouched").wait().unwrap();
    assert_eq!((untouched.header("set-cookie"), untouched.header("vary")), (None, None));
    let read = client.get("/read").wait().unwrap();
    assert_eq!((read.header("set-cookie"), read.header("vary")), (None, Some("Cookie")));
    let written = client.get(write).wait().unwrap();
    let cookie = written.header("set-cookie").unwrap();
    assert!(cookie.starts_with("session=") && cookie.contains("HttpOnly") && cookie.contains("Path=/"), "{cookie}");
    assert_eq!(client.get("/read").wait().unwrap().text(), "7");
    let cleared = client.get("/clear").wait().unwrap();
    assert!(cleared.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(client.get("/read").wait().unwrap().text(), "0");
}

/// Line 103.
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

/// F-75.
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
