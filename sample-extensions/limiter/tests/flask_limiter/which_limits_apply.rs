//! Default, application and shared limits, decorators, exemptions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use costrel::testing::TestClient;
use costrel::{App, Colour, Error, IntoView, Method, Request, View, abort, request, websocket};
use costrel_ext_kit::{Decorate, Enter};
use costrel_limiter::{Exempt, Limit, Limiter};
use costrel_stores::MemoryCounters;
use rstest::rstest;

use crate::support::{COMPAT, app, client_of, get, limiter, seconds, status_with, statuses, user, user_async, view};

#[rstest]
fn r2_a_limit_refuses_until_its_window_is_over(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(false, true)] is_compat: bool,
) {
    let (limiter, clock) = limiter();
    let limiter = if is_compat { limiter.compat(COMPAT) } else { limiter };
    let client = client_of(&limiter, colour, limiter.limit("1/minute"));
    assert_eq!(statuses(&client, ["/", "/"]), [200, 429]);
    assert!(get(&client, "/").text().contains("1 per 1 minute"));
    clock.advance(seconds(60));
    assert_eq!(statuses(&client, ["/"]), [200]);
}

#[rstest]
fn r3_a_decorator_takes_the_place_of_the_default_limits(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let (limiter, clock) = limiter();
    let limiter = limiter.default_limits(["1/hour; 2/day"]);
    let mut app = app(&limiter);
    app.rule("/default").view(view(colour, "default"));
    app.rule("/own").decorate(limiter.limit("3/hour")).view(view(colour, "own"));
    let both = Limit::new("3/hour").override_defaults(false);
    app.rule("/both").decorate(limiter.limit(both)).view(view(colour, "both"));
    let client = app.test_client();
    assert_eq!(statuses(&client, ["/default"; 2]), [200, 429]);
    assert_eq!(statuses(&client, ["/own"; 4]), [200, 200, 200, 429]);
    assert_eq!(statuses(&client, ["/both"; 2]), [200, 429]);
    clock.advance(seconds(3_600));
    assert_eq!(statuses(&client, ["/default"]), [200]);
    clock.advance(seconds(3_600));
    assert_eq!(statuses(&client, ["/default"]), [429], "two a day");
}

#[rstest]
fn r4_default_limits_are_of_each_endpoint_and_application_limits_of_all(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(false, true)] is_compat: bool,
) {
    let client = |limiter: Limiter| {
        let limiter = if is_compat { limiter.compat(COMPAT) } else { limiter };
        let mut app = app(&limiter);
        app.rule("/t1").view(view(colour, "t1"));
        app.rule("/t2").view(view(colour, "t2"));
        app.test_client()
    };
    let defaults = client(limiter().0.default_limits(["1/minute"]));
    assert_eq!(statuses(&defaults, ["/t1", "/t2", "/t1", "/t2"]), [200, 200, 429, 429]);
    let application = client(limiter().0.application_limits(["2/minute"]));
    assert_eq!(statuses(&application, ["/t1", "/t2"]), [200, 200]);
    assert!(get(&application, "/t1").text().contains("2 per 1 minute"));
}

#[rstest]
fn r6_decorators_with_keys_of_their_own_count_each_by_its_key(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let mut app = App::new("test");
    let limiter = Limiter::new(user);
    app.init(&limiter).unwrap();
    app.rule("/")
        .decorate(limiter.limit("5/minute"))
        .decorate(limiter.limit(Limit::new("10/minute").key_func(async |_: Request| "all".to_owned())))
        .view(view(colour, "index"));
    let client = app.test_client();
    let times = |name: &str, times: usize| (0..times).filter(|_| status_with(&client, ("x-user", name)) == 200).count();
    assert_eq!(times("ada", 20), 5, "her own limit");
    assert_eq!(times("bob", 20), 5, "a refused request was not charged to the limit of all");
    assert_eq!(times("eve", 20), 0, "the limit of all");
}

#[rstest]
fn r7_a_shared_limit_is_one_for_all_views_with_its_scope(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let (limiter, _) = limiter();
    let mut app = app(&limiter);
    app.rule("/a").decorate(limiter.shared_limit("2/minute", "uploads")).view(view(colour, "a"));
    app.rule("/b").decorate(limiter.shared_limit("2/minute", "uploads")).view(view(colour, "b"));
    app.rule("/c").decorate(limiter.shared_limit("2/minute", "downloads")).view(view(colour, "c"));
    assert_eq!(statuses(&app.test_client(), ["/a", "/b", "/a", "/b", "/c"]), [200, 200, 429, 429, 200]);
}

#[rstest]
#[case::sync(|limit: Limit, calls: Arc<AtomicUsize>| limit.scope(move |endpoint: String| note(&calls, &endpoint)))]
#[case::asynchronous(|limit: Limit, calls: Arc<AtomicUsize>| limit.scope(move |endpoint: String| {
    let scope = note(&calls, &endpoint);
    async move { scope }
}))]
fn r7_the_function_of_a_scope_gets_the_endpoint_once_for_each_request(
    #[case] scope: fn(Limit, Arc<AtomicUsize>) -> Limit,
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
) {
    let (limiter, _) = limiter();
    let mut app = app(&limiter);
    let calls = Arc::new(AtomicUsize::new(0));
    let shared = scope(Limit::new("2/minute;5/hour").shared(), calls.clone());
    app.rule("/a").decorate(limiter.limit(shared.clone())).view(view(colour, "user_list"));
    app.rule("/b").decorate(limiter.limit(shared.clone())).view(view(colour, "user_page"));
    app.rule("/c").decorate(limiter.limit(shared)).view(view(colour, "shop_page"));
    assert_eq!(statuses(&app.test_client(), ["/a", "/b", "/a", "/c"]), [200, 200, 429, 200]);
    assert_eq!(calls.load(Ordering::SeqCst), 4);
}

/// The part of an endpoint before its underscore, with the call counted.
fn note(calls: &AtomicUsize, endpoint: &str) -> String {
    calls.fetch_add(1, Ordering::SeqCst);
    endpoint.split('_').next().unwrap_or_default().to_owned()
}

#[rstest]
fn r8_an_exempt_view_is_counted_by_no_app_wide_limit(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(false, true)] is_compat: bool,
) {
    let (limiter, _) = limiter();
    let limiter = limiter.application_limits(["3/minute"]).default_limits(["2/minute"]);
    let limiter = if is_compat { limiter.compat(COMPAT) } else { limiter };
    let mut app = app(&limiter);
    app.rule("/free").decorate(limiter.exempt()).view(view(colour, "free"));
    app.rule("/half").decorate(limiter.exempt_from(Exempt::APPLICATION)).view(view(colour, "half"));
    app.rule("/bound").view(view(colour, "bound"));
    app.rule("/other").view(view(colour, "other"));
    let client = app.test_client();
    assert_eq!(statuses(&client, ["/free"; 5]), [200; 5]);
    assert_eq!(statuses(&client, ["/half"; 3]), [200, 200, 429], "the default limit is still there");
    assert_eq!(statuses(&client, ["/bound", "/bound", "/other", "/other"]), [200, 200, 200, 429]);
}

#[rstest]
fn r10_a_filtered_request_is_neither_counted_nor_told_of(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(false, true)] is_async: bool,
) {
    fn is_internal(request: Request) -> bool {
        request.header("x-internal").is_some()
    }
    let (limiter, _) = limiter();
    let limiter = limiter.default_limits(["1/minute"]).headers_enabled(true);
    let limiter = if is_async {
        limiter.request_filter(async |request| is_internal(request))
    } else {
        limiter.request_filter(is_internal)
    };
    let mut app = app(&limiter);
    app.rule("/").view(view(colour, "index"));
    app.rule("/own").decorate(limiter.limit("1/minute")).view(view(colour, "own"));
    let client = app.test_client();
    for path in ["/", "/own"] {
        for _ in 0..3 {
            let free = client.get(path).header("x-internal", "1").wait().unwrap();
            assert_eq!((free.status().as_u16(), free.header("x-ratelimit-limit")), (200, None));
        }
        assert_eq!(statuses(&client, [path, path]), [200, 429]);
    }
}

#[rstest]
fn r27_a_limit_entered_in_a_view_counts_by_its_line(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let (limiter, clock) = limiter();
    let mut app = app(&limiter);
    let known = limiter.clone();
    match colour {
        Colour::Sync => app.route("/", move || {
            let is_first = known.limit("1/minute").enter().wait().is_ok();
            known.limit("2/minute").enter().wait()?;
            Ok::<_, Error>(if is_first { "first" } else { "later" })
        }),
        Colour::Async => app.route("/", move || {
            let known = known.clone();
            async move {
                let is_first = known.limit("1/minute").enter().await.is_ok();
                known.limit("2/minute").enter().await?;
                Ok::<_, Error>(if is_first { "first" } else { "later" })
            }
        }),
    };
    let client = app.test_client();
    assert_eq!([get(&client, "/").text(), get(&client, "/").text()], ["first", "later"]);
    assert_eq!(get(&client, "/").status(), 429);
    clock.advance(seconds(60));
    assert_eq!(get(&client, "/").text(), "first");
}

#[rstest]
fn r27_a_limit_counts_each_time_that_it_is_entered(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let (limiter, _) = limiter();
    let mut app = app(&limiter);
    let limit = move || limiter.limit("2/minute").enter();
    match colour {
        Colour::Sync => app.route("/", move || format!("{:?}", [(); 4].map(|()| limit().wait().is_ok()))),
        Colour::Async => app.route("/", move || {
            let entered = [(); 4].map(|()| limit());
            async move {
                let mut passed = Vec::new();
                for limit in entered {
                    passed.push(limit.await.is_ok());
                }
                format!("{passed:?}")
            }
        }),
    };
    assert_eq!(get(&app.test_client(), "/").text(), "[true, true, false, false]");
}

#[rstest]
fn r27_a_wrong_limit_that_is_entered_is_an_error_and_no_free_pass(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
) {
    let (limiter, _) = limiter();
    let mut app = app(&limiter);
    match colour {
        Colour::Sync => app.route("/", move || limiter.limit("often").enter().wait().map(|()| "passed")),
        Colour::Async => app.route("/", move || {
            let entered = limiter.limit("often").enter();
            async move { entered.await.map(|()| "passed") }
        }),
    };
    assert_eq!(get(&app.test_client(), "/").status(), 500);
}

#[rstest]
fn r29_static_files_and_unknown_paths_are_never_counted(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(false, true)] is_compat: bool,
) {
    let (limiter, _) = limiter();
    let limiter = limiter.application_limits(["1/minute"]).headers_enabled(true);
    let limiter = if is_compat { limiter.compat(COMPAT) } else { limiter };
    let mut app = app(&limiter);
    let mut blueprint = costrel::Blueprint::new("shop").url_prefix("/shop");
    blueprint.rule("/static/<name>").endpoint("static").view(|_name: String| "file");
    app.register_blueprint(blueprint);
    app.rule("/static/<name>").endpoint("static").view(async |_name: String| "file");
    app.rule("/").view(view(colour, "index"));
    let client = app.test_client();
    assert_eq!(statuses(&client, ["/static/a", "/shop/static/a", "/nowhere"]), [200, 200, 404]);
    assert_eq!(get(&client, "/nowhere").header("x-ratelimit-limit"), None);
    assert_eq!(statuses(&client, ["/", "/"]), [200, 429]);
}

/// A view of the app's own may have that name, too; a limit that was written for it holds.
#[rstest]
#[case::safe(false, [200, 429])]
#[case::compat(true, [200, 200])]
fn r29_a_limit_on_a_view_of_that_name_holds(
    #[case] is_compat: bool,
    #[case] expected: [u16; 2],
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
) {
    let (limiter, _) = limiter();
    let limiter = if is_compat { limiter.compat(COMPAT) } else { limiter };
    let mut app = app(&limiter);
    app.rule("/download").endpoint("static").decorate(limiter.limit("1/minute")).view(view(colour, "file"));
    assert_eq!(statuses(&app.test_client(), ["/download", "/download"]), expected);
}

#[rstest]
fn r30_head_counts_and_options_only_on_demand(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let ask = |limiter: Limiter, method: Method| {
        let mut app = app(&limiter);
        app.rule("/").view(view(colour, "index"));
        let client = app.test_client();
        [(); 2].map(|()| client.open(method.clone(), "/").wait().unwrap().status().as_u16())
    };
    let limited = || limiter().0.application_limits(["1/minute"]);
    assert_eq!(ask(limited(), Method::HEAD), [200, 429]);
    assert_eq!(ask(limited(), Method::OPTIONS), [200, 200]);
    assert_eq!(ask(limited().counts_options(true), Method::OPTIONS), [200, 429]);
    assert_eq!(ask(limited().compat(COMPAT), Method::OPTIONS), [200, 429]);
}

#[rstest]
fn r32_a_limiter_that_is_off_counts_nothing(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let (limiter, _) = limiter();
    let limiter = limiter.enabled(false).default_limits(["1/minute"]).application_limits(["1/minute"]);
    let client = client_of(&limiter, colour, limiter.limit("0/minute"));
    assert_eq!(statuses(&client, ["/"; 3]), [200; 3]);
}

/// A decorator that lets only requests with the header `x-user` through.
fn login_required(view: View) -> View {
    view.guarded_by(|request| if request.header("x-user").is_some() { Ok(()) } else { abort(401) })
}

fn from(client: &TestClient, user: Option<&str>) -> u16 {
    let request = client.get("/");
    let request = match user {
        Some(user) => request.header("x-user", user),
        None => request,
    };
    request.wait().unwrap().status().as_u16()
}

#[rstest]
fn r42_a_limit_counts_what_reaches_it(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let client = |is_outside: bool| {
        let (limiter, _) = limiter();
        let mut app = app(&limiter);
        let rule = app.rule("/");
        let (limit, login) = (limiter.limit("2/minute"), login_required);
        let rule = if is_outside { rule.decorate(limit).decorate(login) } else { rule.decorate(login).decorate(limit) };
        rule.view(view(colour, "index"));
        app.test_client()
    };
    let inside = client(false);
    assert_eq!(
        [None, None, None, Some("ada"), Some("ada"), Some("ada")].map(|user| from(&inside, user)),
        [401, 401, 401, 200, 200, 429]
    );
    let outside = client(true);
    assert_eq!([None, None, None, Some("ada")].map(|user| from(&outside, user)), [401, 401, 429, 429]);
}

/// An application limit counts requests that a decorator outside of the view's own limit has answered, and refuses them too.
#[rstest]
fn an_application_limit_counts_what_does_not_reach_the_limit_of_the_view(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(false, true)] is_compat: bool,
) {
    let (limiter, _) = limiter();
    let limiter = limiter.application_limits(["2/minute"]);
    let limiter = if is_compat { limiter.compat(COMPAT) } else { limiter };
    let mut app = app(&limiter);
    app.rule("/").decorate(login_required).decorate(limiter.limit("9/minute")).view(view(colour, "index"));
    let client = app.test_client();
    assert_eq!([None, None, None, Some("ada")].map(|user| from(&client, user)), [401, 401, 429, 429]);
}

/// What a decorator between two limits has answered counts for the outer one.
#[rstest]
fn a_limit_around_another_counts_what_a_decorator_between_them_has_answered(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
) {
    let (limiter, _) = limiter();
    let mut app = app(&limiter);
    app.rule("/")
        .decorate(limiter.limit("2/minute"))
        .decorate(login_required)
        .decorate(limiter.limit("9/minute"))
        .view(view(colour, "index"));
    let client = app.test_client();
    assert_eq!([None, None, None, Some("ada")].map(|user| from(&client, user)), [401, 401, 429, 429]);
}

#[rstest]
fn r43_a_limited_helper_is_counted_once_for_each_call(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let (limiter, _) = limiter();
    let mut app = app(&limiter);
    let helper = limiter.limit("2/minute")((async || "help").into_view().named("helper"));
    match colour {
        Colour::Sync => app.route("/", move || helper.call(request()).wait()),
        Colour::Async => app.route("/", move || helper.call(request())),
    };
    assert_eq!(statuses(&app.test_client(), ["/"; 3]), [200, 200, 429]);
}

/// All limits of a request, of the app and the view, are counted in one call, and a request that one of them refuses is charged
/// to none.
#[rstest]
fn all_limits_of_a_request_are_charged_or_none(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let (limiter, clock) = limiter();
    let limiter = limiter.application_limits(["3/hour"]);
    let client = client_of(&limiter, colour, |view| limiter.limit("1/second")(limiter.limit("9/day")(view)));
    assert_eq!(statuses(&client, ["/"; 5]), [200, 429, 429, 429, 429]);
    clock.advance(seconds(1));
    assert_eq!(statuses(&client, ["/"; 2]), [200, 429]);
    clock.advance(seconds(1));
    assert_eq!(statuses(&client, ["/"]), [200]);
    clock.advance(seconds(1));
    assert!(get(&client, "/").text().contains("3 per 1 hour"));
}

#[rstest]
#[case::sync(Limiter::new(user))]
#[case::asynchronous(Limiter::new(user_async))]
fn app_wide_limits_count_by_a_key_of_either_colour(
    #[case] limiter: Limiter,
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
) {
    let store = Arc::new(MemoryCounters::new());
    let limiter = limiter.default_limits(["1/minute"]).store(store.clone());
    let client = client_of(&limiter, colour, |view| view);
    assert_eq!(["ada", "ada", "bob"].map(|name| status_with(&client, ("x-user", name))), [200, 429, 200]);
    assert_eq!(store.len(), 2);
}

#[rstest]
fn app_wide_limits_count_the_handshakes_of_websockets(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let (limiter, _) = limiter();
    let limiter = limiter.default_limits(["2/minute"]).headers_enabled(true);
    let mut app = app(&limiter);
    match colour {
        Colour::Sync => app.websocket("/talk", || websocket().send("hello").wait()),
        Colour::Async => app.websocket("/talk", async || websocket().send("hello").await),
    };
    let client = app.test_client();
    let statuses = [(); 3].map(|()| client.websocket("/talk").wait().unwrap().status().as_u16());
    assert_eq!(statuses, [101, 101, 429]);
}
