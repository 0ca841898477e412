//! When the store is asked, and what the client gets.

use std::time::Duration;

use costrel::{App, Error, Response, request, session};
use costrel_session::{Sessions, session_id};
use rstest::rstest;

use crate::support::{Store, app, get, id, read, view};

const MONTH: Duration = Duration::from_secs(31 * 24 * 60 * 60);

#[rstest]
fn a_request_costs_one_call_to_open_and_one_to_save(
    #[values(true, false)] sync: bool,
    #[values(None, Some(2))] threads: Option<usize>,
) {
    let store = Store::new();
    let mut app = app(sync, &store, Sessions::new());
    app.config.threads = threads;
    let client = app.test_client();
    get(&client, "/untouched");
    assert_eq!(get(&client, "/read").text(), "");
    assert!(store.calls().is_empty(), "a client without a session costs nothing");
    get(&client, "/write");
    assert_eq!(store.calls(), ["set"]);
    for _ in 0..3 {
        let untouched = get(&client, "/untouched");
        assert_eq!((untouched.header("vary"), untouched.header("set-cookie")), (None, None));
        assert!(store.calls().is_empty(), "a session that is not looked at costs nothing");
        assert_eq!(get(&client, "/read").text(), "ada");
        assert_eq!(store.calls(), ["get", "set_if"]);
        get(&client, "/write");
        assert_eq!(store.calls(), ["get", "set_if"]);
    }
}

/// A view that looks now and then has its session opened beforehand, and no more than that.
#[test]
fn a_request_that_does_not_look_refreshes_nothing() {
    let store = Store::new();
    let mut app = app(false, &store, Sessions::new());
    app.route(
        "/sometimes",
        async || if request().args().get("look").is_some() { read() } else { "untouched".to_owned() },
    );
    let client = app.test_client();
    get(&client, "/write");
    store.calls();
    let calls = |path: &str| {
        let response = get(&client, path);
        (
            response.text(),
            response.header("set-cookie").is_some(),
            response.header("vary").is_some(),
            store.calls().len(),
        )
    };
    assert_eq!(calls("/sometimes"), ("untouched".into(), false, false, 0));
    assert_eq!(calls("/sometimes?look=1"), ("ada".into(), true, true, 2));
    assert_eq!(calls("/sometimes"), ("untouched".into(), false, false, 1));
}

#[rstest]
fn without_refreshing_a_read_is_one_call(#[values(true, false)] sync: bool) {
    let store = Store::new();
    let mut app = app(sync, &store, Sessions::new());
    app.config.session_refresh_each_request = false;
    let client = app.test_client();
    get(&client, "/write");
    store.calls();
    let response = get(&client, "/read");
    assert_eq!((response.text().as_str(), response.header("vary")), ("ada", Some("Cookie")));
    assert_eq!((store.calls(), response.header("set-cookie")), (vec!["get".to_owned()], None));
}

#[rstest]
fn the_cookie_has_the_id_and_the_apps_attributes(#[values(true, false)] sync: bool) {
    let store = Store::new();
    let mut app = app(sync, &store, Sessions::new());
    app.config.session_cookie_secure = true;
    app.config.session_cookie_path = Some("/".into());
    let client = app.test_client();
    let response = client.get("https://localhost/write").wait().unwrap();
    let cookie = response.header("set-cookie").unwrap().to_owned();
    assert_eq!(response.header("vary"), Some("Cookie"));
    let (id, attributes) = cookie.strip_prefix("session=").unwrap().split_once("; ").unwrap();
    assert!(id.len() == 43 && store.value(id).is_some(), "{cookie}");
    assert!(attributes.contains("Secure") && attributes.contains("Expires="), "{cookie}");
    let for_browser = client.get("https://localhost/browser").wait().unwrap();
    assert!(!for_browser.header("set-cookie").unwrap().contains("Expires="));
}

#[rstest]
fn a_session_that_is_used_goes_on(#[values(true, false)] sync: bool, #[values("/read", "/write")] path: &str) {
    let store = Store::new();
    let client = app(sync, &store, Sessions::new()).test_client();
    get(&client, "/write");
    let first = id(&client);
    for _ in 0..3 {
        store.clock.advance(MONTH.mul_f64(0.6));
        assert!(get(&client, path).header("set-cookie").is_some());
        assert_eq!(id(&client), first);
    }
    store.clock.advance(MONTH);
    assert_eq!(get(&client, "/read").text(), "", "one that is not used ends");
}

#[rstest]
fn an_emptied_session_is_deleted_on_both_sides(#[values(true, false)] sync: bool) {
    let store = Store::new();
    let client = app(sync, &store, Sessions::new()).test_client();
    get(&client, "/write");
    let old = id(&client);
    let response = get(&client, "/end");
    assert!(response.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!((client.cookie("session"), store.value(&old)), (None, None));
    client.set_cookie("session", &old);
    assert_eq!(get(&client, "/read").text(), "", "a copy of the cookie is worth nothing");
}

#[rstest]
fn a_session_gets_a_new_id_and_keeps_its_data(#[values(true, false)] sync: bool) {
    let store = Store::new();
    let client = app(sync, &store, Sessions::new()).test_client();
    get(&client, "/write");
    let old = id(&client);
    store.calls();
    get(&client, "/renew");
    assert_eq!(store.calls(), ["get", "set", "set_if", "delete"]);
    assert_ne!(id(&client), old);
    assert_eq!((get(&client, "/read").text().as_str(), store.value(&old)), ("ada", None));
}

/// An id that an attacker has planted is worth nothing, whatever else the view does before it writes.
#[rstest]
fn a_session_that_is_cleared_gets_a_new_id_too(#[values(true, false)] sync: bool) {
    let store = Store::new();
    let mut app = app(sync, &store, Sessions::new());
    app.rule("/again").view(view(sync, || {
        session().clear();
        session().regenerate()?;
        session().set("name", "bob").map(|()| "again")
    }));
    let client = app.test_client();
    get(&client, "/write");
    let planted = id(&client);
    get(&client, "/again");
    assert_ne!(id(&client), planted);
    assert_eq!((get(&client, "/read").text().as_str(), store.value(&planted)), ("bob", None));
}

/// An attacker who sets a client's cookie does not choose the id of its session.
#[rstest]
fn an_id_that_is_not_in_the_store_is_replaced(
    #[values(true, false)] sync: bool,
    #[values("4zgnSkZN5SYsHxBhbRRqwJA1UQMOGd9EXmXpVB0Uv2c", "x", "a b", "../../etc/passwd", "a:b*", "")] planted: &str,
) {
    let store = Store::new();
    let client = app(sync, &store, Sessions::new()).test_client();
    client.set_cookie("session", planted);
    assert_eq!(get(&client, "/read").text(), "");
    get(&client, "/write");
    assert_eq!(id(&client).len(), 43);
    assert_eq!(get(&client, "/read").text(), "ada");
}

#[test]
fn an_id_of_any_length_is_not_looked_for() {
    let store = Store::new();
    let client = app(true, &store, Sessions::new()).test_client();
    client.set_cookie("session", &"a".repeat(300));
    get(&client, "/read");
    assert!(store.calls().is_empty());
}

#[rstest]
fn a_value_that_is_no_session_is_left_alone(#[values(true, false)] sync: bool) {
    let store = Store::new();
    let client = app(sync, &store, Sessions::new()).test_client();
    for value in [&b"\x80\x04\x95pickle"[..], b"", b"[1]", b"\xc1", b"\x91\x01", b"\xdf\xff\xff\xff\xff"] {
        store.put("planted", value);
        client.set_cookie("session", "planted");
        assert_eq!(get(&client, "/read").text(), "");
        get(&client, "/write");
        assert_ne!(id(&client), "planted");
        assert_eq!(store.value("planted").as_deref(), Some(value));
    }
}

#[rstest]
fn what_login_and_hooks_do_is_saved_once(#[values(true, false)] sync: bool) {
    let store = Store::new();
    let mut app = app(sync, &store, Sessions::new());
    app.before_request(|| session().set("before", 1));
    app.after_request(async |response: Response| session().set("after", 1).map(|()| response));
    app.rule("/all").view(view(sync, || session().set("view", 1).map(|()| "set")));
    app.rule("/keys").view(view(sync, || session().data().keys().cloned().collect::<Vec<_>>().join(" ")));
    let client = app.test_client();
    get(&client, "/all");
    assert_eq!(store.calls(), ["set"]);
    assert_eq!(get(&client, "/keys").text(), "_permanent after before view");
}

/// The response of a request that fails after its session was saved is another one, and has the cookie too.
#[rstest]
fn an_error_page_has_the_session_too(#[values(true, false)] sync: bool) {
    let store = Store::new();
    let mut app = app(sync, &store, Sessions::new());
    app.config.testing = false;
    app.rule("/fail").view(view(sync, || {
        session().set("name", "ada")?;
        Err::<&str, _>(Error::status(500))
    }));
    let client = app.test_client();
    assert_eq!(get(&client, "/fail").status(), 500);
    assert_eq!(get(&client, "/read").text(), "ada");
}

#[rstest]
fn the_id_of_a_session_is_known(#[values(true, false)] sync: bool) {
    let store = Store::new();
    let mut app = app(sync, &store, Sessions::new());
    app.rule("/id").view(view(sync, || session_id().unwrap_or_default()));
    let client = app.test_client();
    assert_eq!(get(&client, "/id").text(), "");
    get(&client, "/write");
    assert_eq!(get(&client, "/id").text(), id(&client));
}

/// A session is cleared, and its client stays one whose session is permanent or not.
#[rstest]
fn clearing_keeps_whether_it_is_permanent(#[values(true, false)] sync: bool) {
    let store = Store::new();
    let mut app = app(sync, &store, Sessions::new());
    app.rule("/again").view(view(sync, || {
        session().clear();
        session().set("name", "bob").map(|()| "again")
    }));
    let client = app.test_client();
    get(&client, "/browser");
    assert!(!get(&client, "/again").header("set-cookie").unwrap().contains("Expires="));
    get(&client, "/end");
    get(&client, "/write");
    assert!(get(&client, "/again").header("set-cookie").unwrap().contains("Expires="));
}

/// As in Flask-Session, where `clear` leaves `_permanent`, which is false if it was not there.
#[rstest]
#[case::new_and_permanent(true, &["/again"], b"\x82\xaa_permanent\xc3\xa4name\xa3bob")]
#[case::new(false, &["/again"], b"\x82\xaa_permanent\xc2\xa4name\xa3bob")]
#[case::stored_without(false, &["/write", "/again"], b"\x82\xaa_permanent\xc2\xa4name\xa3bob")]
#[case::stored_with(true, &["/write", "/again"], b"\x82\xaa_permanent\xc3\xa4name\xa3bob")]
fn a_session_that_was_cleared_says_whether_it_is_permanent(
    #[case] permanent: bool,
    #[case] paths: &[&str],
    #[case] due: &[u8],
    #[values(true, false)] sync: bool,
) {
    let store = Store::new();
    let mut app = App::new("test");
    app.config.set("SESSION_PERMANENT", permanent).unwrap();
    app.init(Sessions::new().store(store.clone())).unwrap();
    app.rule("/write").endpoint("write").view(view(sync, || session().set("name", "ada").map(|()| "written")));
    app.rule("/again").endpoint("again").view(view(sync, || {
        session().clear();
        session().set("name", "bob").map(|()| "again")
    }));
    let client = app.test_client();
    for path in paths {
        assert_eq!(get(&client, path).status(), 200);
    }
    assert_eq!(store.value(&id(&client)).as_deref(), Some(due));
}

#[rstest]
fn whether_it_is_permanent_can_be_taken_out(#[values(true, false)] sync: bool) {
    let store = Store::new();
    let mut app = app(sync, &store, Sessions::new());
    app.rule("/forget").view(view(sync, || {
        session().remove("_permanent");
        "forgotten"
    }));
    let client = app.test_client();
    get(&client, "/write");
    assert!(!get(&client, "/forget").header("set-cookie").unwrap().contains("Expires="));
    assert_eq!(store.value(&id(&client)).as_deref(), Some(&b"\x81\xa4name\xa3ada"[..]));
}

#[test]
fn an_app_without_the_extension_has_its_cookie() {
    let mut app = App::new("test");
    app.config.secret_key = Some("dev-secret-key".into());
    app.route("/", || session().set("name", "ada").and_then(|()| session().regenerate()).map(|()| read()));
    let client = app.test_client();
    assert_eq!(get(&client, "/").text(), "ada");
    assert!(client.cookie("session").unwrap().contains('.'), "a signed one");
}
