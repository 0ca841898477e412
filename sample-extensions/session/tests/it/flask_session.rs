//! Keys, values and cookies as Flask-Session 0.8 writes them. `fixtures/flask_session.json` was made by it.

use costrel::{Tagged, session};
use costrel_session::Sessions;
use rmpv::Value as Packed;
use rstest::rstest;
use serde::Deserialize;
use serde_json::Value;

use crate::support::{Store, app, get, id, view};

#[derive(Deserialize)]
struct Fixture {
    id: String,
    signed: Vec<Signed>,
    values: Vec<Vector>,
}

#[derive(Deserialize)]
struct Signed {
    secret: String,
    signed: String,
}

/// A session, its two forms in the store, and what Flask reads from them.
#[derive(Deserialize)]
struct Vector {
    name: String,
    msgpack: String,
    json: String,
    read: Value,
    read_json: Value,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("fixtures/flask_session.json")).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// Makes an app that shows its session, and one that writes it back as it is.
fn client(store: &Store, sync: bool, format: &str) -> costrel::testing::TestClient {
    let mut app = costrel::App::new("test");
    app.config.set("SESSION_SERIALIZATION_FORMAT", format).unwrap();
    app.init(Sessions::new().store(store.clone())).unwrap();
    app.rule("/data").endpoint("data").view(view(sync, || Value::Object(session().data()).to_string()));
    app.rule("/again").endpoint("again").view(view(sync, || {
        session().set("zz", 1)?;
        Ok::<_, costrel::Error>(if session().remove("zz").is_some() { "again" } else { "" })
    }));
    app.test_client()
}

#[rstest]
fn values_are_flasks_byte_for_byte(#[values(true, false)] sync: bool) {
    let (fixture, store) = (fixture(), Store::new());
    let (packed, json) = (client(&store, sync, "msgpack"), client(&store, sync, "json"));
    for vector in &fixture.values {
        let msgpack = bytes(&vector.msgpack);
        let put = |client: &costrel::testing::TestClient, value: &[u8]| {
            store.put(&fixture.id, value.to_vec());
            client.set_cookie("session", &fixture.id);
        };
        let data = |client| serde_json::from_str::<Value>(&get(client, "/data").text()).unwrap();
        put(&packed, &msgpack);
        assert_eq!(data(&packed), vector.read, "{} is read", vector.name);
        get(&packed, "/again");
        assert_eq!(store.value(&fixture.id).unwrap(), msgpack, "{} is written", vector.name);
        put(&json, &msgpack);
        get(&json, "/again");
        let written = store.value(&fixture.id).unwrap();
        assert_eq!(String::from_utf8_lossy(&written), vector.json, "{} is written as JSON", vector.name);
        put(&json, vector.json.as_bytes());
        assert_eq!(data(&json), vector.read_json, "{} is read from JSON", vector.name);
    }
}

/// Tuples and marked-up text are lists and text in msgpack, as msgspec writes them.
#[rstest]
fn python_values_are_written_as_msgspec_does(#[values(true, false)] sync: bool) {
    let store = Store::new();
    let mut app = app(sync, &store, Sessions::new());
    app.rule("/set").view(view(sync, || {
        session().set_tagged("t", Tagged::Tuple(vec![1.into(), 2.into()]))?;
        session().set_tagged("b", Tagged::Bytes(vec![0, 255]))?;
        session().set_tagged("m", Tagged::Markup("<b>".into()))?;
        session().set("escaped", serde_json::json!({" b": "no tag"})).map(|()| "set")
    }));
    let client = app.test_client();
    get(&client, "/set");
    let due = "85aa5f7065726d616e656e74c3a162c40200ffa765736361706564 81a2 2062a66e6f20746167a16da33c623ea174920102";
    assert_eq!(store.value(&id(&client)).unwrap(), bytes(&due.replace(' ', "")));
}

/// What a session of Costrel cannot tell whole stays as Python has written it, also under a new id.
#[rstest]
fn a_value_that_is_not_changed_stays_as_it_was(
    #[values(true, false)] sync: bool,
    #[values("/write", "/renew")] path: &str,
) {
    let session = |name: &str| {
        let value = Packed::Map(vec![
            ("a fraction".into(), Packed::Ext(-1, vec![255, 0, 0, 0, 101, 0, 0, 0])),
            ("before 1970".into(), Packed::Ext(-1, [&[0, 0, 0, 9][..], &[255; 8]].concat())),
            ("infinite".into(), Packed::Array(vec![f64::INFINITY.into(), f64::NAN.into()])),
            ("name".into(), name.into()),
            ("numbered".into(), Packed::Map(vec![(1.into(), "a".into())])),
            ("of its own".into(), Packed::Ext(5, vec![1])),
            ("short".into(), Packed::F32(0.5)),
        ]);
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, &value).unwrap();
        bytes
    };
    let store = Store::new();
    let client = app(sync, &store, Sessions::new()).test_client();
    store.put("known", session("bob"));
    client.set_cookie("session", "known");
    get(&client, path);
    let due = if path == "/write" { "ada" } else { "bob" };
    assert_eq!(store.value(&id(&client)).unwrap(), session(due));
}

#[rstest]
fn signed_ids_are_flasks(#[values(true, false)] sync: bool) {
    let fixture = fixture();
    for Signed { secret, signed } in &fixture.signed {
        let store = Store::new();
        store.put(&fixture.id, bytes(&fixture.values[0].msgpack));
        let mut app = costrel::App::new("test");
        app.config.secret_key = Some(secret.clone());
        app.config.set("SESSION_USE_SIGNER", true).unwrap();
        app.init(Sessions::new().store(store.clone())).unwrap();
        app.rule("/").view(view(sync, || session().get::<String>("_user_id").unwrap_or_default()));
        let client = app.test_client();
        client.set_cookie("session", signed);
        assert_eq!(get(&client, "/").text(), "42");
        assert_eq!(&id(&client), signed, "the cookie is sent again as it came");
        for forged in [fixture.id.as_str(), &format!("{}.AAAA", fixture.id), &signed.replace('4', "5"), ".", ""] {
            client.set_cookie("session", forged);
            assert_eq!(get(&client, "/").text(), "", "{forged}");
        }
    }
}

#[test]
fn an_id_signed_with_a_replaced_key_holds() {
    let (fixture, store) = (fixture(), Store::new());
    store.put(&fixture.id, bytes(&fixture.values[0].msgpack));
    let mut app = costrel::App::new("test");
    app.config.secret_key = Some("new".into());
    app.config.secret_key_fallbacks = vec![fixture.signed[0].secret.clone()];
    app.config.set("SESSION_USE_SIGNER", true).unwrap();
    app.init(Sessions::new().store(store)).unwrap();
    app.route("/", || session().get::<String>("_user_id").unwrap_or_default());
    let client = app.test_client();
    client.set_cookie("session", &fixture.signed[0].signed);
    assert_eq!(get(&client, "/").text(), "42");
    assert_ne!(id(&client), fixture.signed[0].signed, "signed anew");
}

/// With the compat mode every request opens its session, and refreshes it.
#[rstest]
fn the_compat_mode_refreshes_with_every_request(#[values(true, false)] sync: bool) {
    let store = Store::new();
    let client = app(sync, &store, Sessions::new().compat("flask-session 0.8")).test_client();
    assert_eq!(get(&client, "/untouched").header("set-cookie"), None);
    get(&client, "/write");
    store.calls();
    let response = get(&client, "/untouched");
    assert_eq!((response.header("vary"), store.calls()), (Some("Cookie"), vec!["get".to_owned(), "set_if".to_owned()]));
    assert!(response.header("set-cookie").is_some());
}
