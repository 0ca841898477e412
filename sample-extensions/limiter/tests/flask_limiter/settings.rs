//! The settings of the app's config, and the mode.

use costrel::{App, Colour};
use costrel_ext_kit::key::remote_address;
use costrel_limiter::{Limiter, Strategy};
use costrel_test_redis::{RedisServer, or_skip};
use rstest::rstest;
use serde_json::json;

use crate::support::{get, statuses, view};

fn app_with(limiter: &Limiter, settings: serde_json::Value, colour: Colour) -> Result<App, costrel::Error> {
    let mut app = App::new("test");
    app.config.from_mapping(settings)?;
    app.init(limiter)?;
    app.rule("/").methods(["GET", "POST"]).view(view(colour, "index"));
    app.rule("/other").view(view(colour, "other"));
    Ok(app)
}

#[rstest]
fn the_config_has_the_settings_that_the_limiter_leaves_open(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let client = |limiter: Limiter, settings| app_with(&limiter, settings, colour).unwrap().test_client();
    let limiter = || Limiter::new(remote_address);
    let default = json!({ "RATELIMIT_DEFAULT": "2/minute", "RATELIMIT_HEADERS_ENABLED": true });
    let of_config = client(limiter(), default.clone());
    assert_eq!(get(&of_config, "/").header("x-ratelimit-limit"), Some("2"));
    let of_limiter = client(limiter().default_limits(["3/minute"]).headers_enabled(false), default);
    assert_eq!(get(&of_limiter, "/").header("x-ratelimit-limit"), None);
    assert_eq!(statuses(&of_limiter, ["/"; 3]), [200, 200, 429]);

    let per_method =
        json!({ "RATELIMIT_DEFAULT": "2/minute", "RATELIMIT_DEFAULTS_PER_METHOD": true, "RATELIMIT_DEFAULTS_COST": 2 });
    let per_method = client(limiter(), per_method);
    assert_eq!(statuses(&per_method, ["/", "/"]), [200, 429]);
    assert_eq!(per_method.post("/").wait().unwrap().status(), 200);

    let application = json!({ "RATELIMIT_APPLICATION": "2/minute", "RATELIMIT_META": "1/day" });
    assert_eq!(statuses(&client(limiter(), application), ["/", "/other", "/other"]), [200, 200, 429]);
    let off = json!({ "RATELIMIT_APPLICATION": "0/minute", "RATELIMIT_ENABLED": false });
    assert_eq!(statuses(&client(limiter(), off), ["/"]), [200]);
}

#[rstest]
#[case(json!({ "RATELIMIT_ENABLED": "maybe" }), "RATELIMIT_ENABLED")]
#[case(json!({ "RATELIMIT_DEFALT": "1/day" }), "unknown field `defalt`")]
#[case(json!({ "RATELIMIT_STRATEGY": "fixed" }), "write one of \"fixed-window\", \"moving-window\", \"sliding-window-counter\"")]
#[case(json!({ "RATELIMIT_HEADER_RETRY_AFTER_VALUE": "date" }), "http-date")]
#[case(json!({ "RATELIMIT_HEADER_LIMIT": "a b" }), "\"a b\" is no name of a header")]
#[case(json!({ "RATELIMIT_STORAGE_URI": "memcached://:secret@10.0.0.1" }), "there is no store for `memcached://`")]
#[case(json!({ "RATELIMIT_STORAGE_OPTIONS": { "ssl": true } }), "RATELIMIT_STORAGE_OPTIONS has no meaning here: write them into the URL")]
#[case(json!({ "RATELIMIT_IN_MEMORY_FALLBACK": ["1/minute"] }), "RATELIMIT_IN_MEMORY_FALLBACK has no meaning here")]
#[case(json!({ "RATELIMIT_DEFAULT": "often" }), "\"often\" is not a rate limit")]
fn a_wrong_setting_is_a_set_up_error_that_names_it(#[case] settings: serde_json::Value, #[case] named: &str) {
    let error = app_with(&Limiter::new(remote_address), settings, Colour::Sync).unwrap_err().to_string();
    assert!(error.contains(named) && error.contains("settings.rs:"), "{error}");
}

/// Two apps, as of two processes, count together.
#[rstest]
#[case::by_socket(RedisServer::start)]
#[case::by_port(RedisServer::start_on_port)]
fn the_config_names_a_redis(
    #[case] start: fn() -> Result<RedisServer, String>,
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
) {
    let Some(server) = or_skip(start) else { return };
    let settings = json!({
        "RATELIMIT_STORAGE_URI": server.url(),
        "RATELIMIT_DEFAULT": "2/minute",
        "RATELIMIT_KEY_PREFIX": format!("config {colour:?}"),
        "RATELIMIT_STORAGE_OPTIONS": {},
        "RATELIMIT_IN_MEMORY_FALLBACK": null,
    });
    let [one, other] =
        [(); 2].map(|()| app_with(&Limiter::new(remote_address), settings.clone(), colour).unwrap().test_client());
    assert_eq!([statuses(&one, ["/"]), statuses(&other, ["/"]), statuses(&one, ["/"])], [[200], [200], [429]]);
}

/// While the server is away, each process counts alone if the config says so, and fails if it does not.
#[rstest]
#[case(json!({ "RATELIMIT_IN_MEMORY_FALLBACK_ENABLED": true }), [200, 200, 429])]
#[case(json!({ "RATELIMIT_IN_MEMORY_FALLBACK_ENABLED": false }), [500, 500, 500])]
#[case(json!({}), [500, 500, 500])]
fn the_config_says_what_happens_while_redis_is_away(
    #[case] settings: serde_json::Value,
    #[case] due: [u16; 3],
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(true, false)] by_url: bool,
) {
    let (mut limiter, mut settings) = (Limiter::new(remote_address).default_limits(["2/minute"]), settings);
    if by_url {
        settings["RATELIMIT_STORAGE_URI"] = json!("redis+unix:///there/is/none.sock");
    } else {
        limiter = limiter.store(costrel_stores::FailAtOnce);
    }
    assert_eq!(statuses(&app_with(&limiter, settings, colour).unwrap().test_client(), ["/"; 3]), due);
}

#[test]
fn a_version_that_the_limiter_does_not_follow_is_a_set_up_error_at_its_line() {
    let limiter = Limiter::new(remote_address).compat("flask-limiter 2");
    let (error, line) = (App::new("test").init(&limiter).unwrap_err().to_string(), line!());
    let expected = format!("settings.rs:{line}:");
    assert!(
        error.contains("RATELIMIT_COMPAT: unknown variant `flask-limiter 2`, expected `flask-limiter 4.1`")
            && error.contains(&expected),
        "{error}"
    );
}

#[rstest]
#[case("fixed-window", Strategy::FixedWindow)]
#[case("moving-window", Strategy::MovingWindow)]
#[case("sliding-window-counter", Strategy::SlidingWindow)]
fn a_strategy_has_flask_limiters_name(#[case] name: &str, #[case] strategy: Strategy) {
    for (limiter, settings) in [
        (Limiter::new(remote_address), json!({ "RATELIMIT_STRATEGY": name })),
        (Limiter::new(remote_address).strategy(strategy), json!({ "RATELIMIT_STRATEGY": "moving-window" })),
    ] {
        app_with(&limiter, settings, Colour::Sync).unwrap().build().unwrap();
    }
}
