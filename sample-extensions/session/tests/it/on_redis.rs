//! Sessions on a real Redis.

use costrel::testing::TestClient;
use costrel::{App, session};
use costrel_session::Sessions;
use costrel_test_redis::shared;
use redis::Commands;
use rstest::rstest;

use crate::support::{get, id, read, view};

fn machine(sync: bool, url: &str, by_settings: bool) -> TestClient {
    let mut app = App::new("test");
    if by_settings {
        app.config.set("SESSION_TYPE", "redis").unwrap();
        app.config.set("SESSION_REDIS", url).unwrap();
        app.init(Sessions::new()).unwrap();
    } else {
        app.init(Sessions::new().redis(url).unwrap()).unwrap();
    }
    app.rule("/untouched").endpoint("untouched").view(view(sync, || "untouched"));
    app.rule("/read").endpoint("read").view(view(sync, read));
    app.rule("/write").endpoint("write").view(view(sync, || session().set("name", "ada").map(|()| "written")));
    app.rule("/count").endpoint("count").view(view(sync, || {
        let count = session().get::<u64>("count").unwrap_or_default();
        session().set("count", count + 1).map(|()| "counted")
    }));
    app.rule("/other").endpoint("other").view(view(sync, || session().set("other", 1).map(|()| "written")));
    app.rule("/renew").endpoint("renew").view(view(sync, || session().regenerate().map(|()| "renewed")));
    app.rule("/end").endpoint("end").view(view(sync, || {
        session().clear();
        "ended"
    }));
    app.test_client()
}

/// The number of commands that a server has been sent for sessions so far. Those within a script, a `GET` and a `SET`, were not sent.
fn sent(url: &str) -> u64 {
    let mut redis = redis::Client::open(url).unwrap().get_connection().unwrap();
    let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut redis).unwrap();
    let calls = |name: &str| -> u64 {
        let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{name}:calls=")));
        line.and_then(|rest| rest.split(',').next()?.parse().ok()).unwrap_or(0)
    };
    let names = ["get", "set", "evalsha", "eval", "del", "unlink", "expire", "pexpire", "exists", "ttl"];
    names.map(calls).iter().sum::<u64>() - 2 * calls("evalsha")
}

/// A session is one round trip to load, and one to save: also one that was only read, because its lifetime begins anew.
#[rstest]
fn a_session_is_one_round_trip_to_load_and_one_to_save(#[values(true, false)] sync: bool) {
    let Some(server) = costrel_test_redis::or_skip(costrel_test_redis::RedisServer::start) else { return };
    let client = machine(sync, server.url(), true);
    let asked = |path: &str| {
        let before = sent(server.url());
        assert_eq!(get(&client, path).status(), 200);
        sent(server.url()) - before
    };
    // The first change of a session that is there sends the script.
    for path in ["/write", "/count"] {
        get(&client, path);
    }
    assert_eq!(["/untouched", "/read", "/count", "/count"].map(asked), [0, 2, 2, 2]);
}

#[rstest]
fn sessions_are_shared_by_machines(#[values(true, false)] sync: bool, #[values(true, false)] by_settings: bool) {
    let Some(url) = shared() else { return };
    let (one, other) = (machine(sync, url, by_settings), machine(!sync, url, by_settings));
    get(&one, "/write");
    other.set_cookie("session", &id(&one));
    assert_eq!(get(&other, "/read").text(), "ada");
    get(&other, "/other");
    assert_eq!(get(&one, "/read").text(), "ada");
    let mut redis = redis::Client::open(url).unwrap().get_connection().unwrap();
    let key = format!("session:{}", id(&one));
    let value: Vec<u8> = redis.get(&key).unwrap();
    assert_eq!(value, b"\x83\xaa_permanent\xc3\xa4name\xa3ada\xa5other\x01");
    let seconds: i64 = redis.ttl(&key).unwrap();
    assert!((2_678_000..=2_678_400).contains(&seconds), "{seconds}");
    get(&one, "/renew");
    assert_ne!(format!("session:{}", id(&one)), key);
    assert_eq!(get(&other, "/read").text(), "", "the old id is worth nothing");
    assert_eq!(get(&one, "/read").text(), "ada");
    let key = format!("session:{}", id(&one));
    get(&one, "/end");
    assert!(!redis.exists::<_, bool>(&key).unwrap());
}
