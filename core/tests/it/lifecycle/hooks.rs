use costrel::{
    App, Blueprint, Error, Exception, HttpException, Response, UrlValues, abort, after_this_request, g, of_type,
    request, url_for,
};
use rstest::rstest;

use crate::support::trace::Trace;
use crate::support::waiting::receive;

/// Registers a before, an after and a teardown hook that trace `name`.
fn hooks(app: &mut App, trace: &Trace, name: &'static str, sync: bool) {
    let trace = [(); 3].map(|()| trace.clone());
    let [before, after, teardown] = trace;
    if sync {
        app.before_request(move || before.add(format!("b{name}")));
        app.after_request(move |response: Response| {
            after.add(format!("a{name}"));
            response
        });
        app.teardown_request(move |error: Option<Error>| teardown.add(format!("t{name}{}", shown(error))));
    } else {
        app.before_request(move || {
            let before = before.clone();
            async move { before.add(format!("b{name}")) }
        });
        app.after_request(move |response: Response| {
            let after = after.clone();
            async move {
                after.add(format!("a{name}"));
                response
            }
        });
        app.teardown_request(move |error: Option<Error>| {
            let teardown = teardown.clone();
            async move { teardown.add(format!("t{name}{}", shown(error))) }
        });
    }
}

fn shown(error: Option<Error>) -> String {
    error.map(|error| format!("({error})")).unwrap_or_default()
}

#[rstest]
fn hooks_run_in_order_whatever_their_colours(
    #[values(true, false)] first: bool,
    #[values(true, false)] second: bool,
    #[values(true, false)] view: bool,
) {
    let (mut app, trace) = (App::new("test"), Trace::default());
    hooks(&mut app, &trace, "1", first);
    hooks(&mut app, &trace, "2", second);
    let inside = trace.clone();
    if view {
        app.route("/", move || {
            inside.add("view");
            "ok"
        });
    } else {
        app.route("/", move || {
            let inside = inside.clone();
            async move {
                {
                    inside.add("view");
                    "ok"
                }
            }
        });
    }
    app.test_client().get("/").wait().unwrap();
    assert_eq!(trace.take(), "b1 b2 view a2 a1 t2 t1");
}

#[rstest]
fn a_before_hook_that_answers_skips_the_rest_but_not_after_and_teardown(#[values(true, false)] sync: bool) {
    let (mut app, trace) = (App::new("test"), Trace::default());
    hooks(&mut app, &trace, "1", sync);
    if sync {
        app.before_request(|| Some(("early", 418)))
    } else {
        app.before_request(async || Some(("early", 418)))
    };
    hooks(&mut app, &trace, "2", sync);
    app.route("/", || -> &'static str { panic!("the view must not run") });
    let response = app.test_client().get("/").wait().unwrap();
    assert_eq!((response.status().as_u16(), response.text().as_str()), (418, "early"));
    assert_eq!(trace.take(), "b1 a2 a1 t2 t1");
}

/// Hooks also run for requests that match no rule and for requests whose view fails.
#[rstest]
fn hooks_run_around_404_405_308_options_and_errors(#[values(true, false)] sync: bool) {
    let (mut app, trace) = (App::new("test"), Trace::default());
    hooks(&mut app, &trace, "1", sync);
    app.route("/d/", || "d");
    app.route("/fail", || abort::<&str>(403));
    let client = app.test_client();
    for (method, path, status) in
        [("GET", "/x", 404), ("POST", "/d/", 405), ("GET", "/d", 308), ("OPTIONS", "/d/", 200), ("GET", "/fail", 403)]
    {
        let response = client.open(method.parse().unwrap(), path).wait().unwrap();
        assert_eq!((response.status().as_u16(), trace.take().as_str()), (status, "b1 a1 t1"), "{path}");
    }
}

#[rstest]
fn a_before_hook_that_fails_skips_the_view(#[values(true, false)] sync: bool) {
    let (mut app, trace) = (App::new("test"), Trace::default());
    hooks(&mut app, &trace, "1", sync);
    if sync {
        app.before_request(|| abort::<()>(403))
    } else {
        app.before_request(async || abort::<()>(403))
    };
    app.errorhandler(403, |_: Error| ("no entry", 403));
    app.route("/", || -> &'static str { panic!("the view must not run") });
    assert_eq!(app.test_client().get("/").wait().unwrap().text(), "no entry");
    assert_eq!(trace.take(), "b1 a1 t1");
}

#[rstest]
fn after_this_request_runs_first_and_only_once(#[values(true, false)] sync: bool) {
    let (mut app, trace) = (App::new("test"), Trace::default());
    hooks(&mut app, &trace, "1", sync);
    let inside = trace.clone();
    app.route("/once", move || {
        for name in ["x", "y"] {
            let inside = inside.clone();
            after_this_request(move |response: Response| {
                inside.add(name);
                response
            });
        }
        "once"
    });
    let inside = trace.clone();
    app.route("/once/async", move || {
        let inside = inside.clone();
        async move {
            tokio::task::yield_now().await;
            after_this_request(move |response: Response| {
                let inside = inside.clone();
                async move {
                    inside.add("z");
                    response
                }
            });
            "once"
        }
    });
    app.route("/", async || "plain");
    let client = app.test_client();
    client.get("/once").wait().unwrap();
    assert_eq!(trace.take(), "b1 x y a1 t1");
    client.get("/once/async").wait().unwrap();
    assert_eq!(trace.take(), "b1 z a1 t1");
    client.get("/").wait().unwrap();
    assert_eq!(trace.take(), "b1 a1 t1");
}

#[test]
#[should_panic(expected = "Working outside of request context.")]
fn after_this_request_needs_a_request() {
    after_this_request(|response: Response| response);
}

#[rstest]
fn an_error_of_a_before_hook_finds_its_handler_by_type(#[values(true, false)] sync: bool) {
    let (mut app, trace) = (App::new("test"), Trace::default());
    hooks(&mut app, &trace, "1", sync);
    let fail = || Err::<(), _>(Error::from("x".parse::<i32>().unwrap_err()));
    if sync {
        app.before_request(fail)
    } else {
        app.before_request(move || async move { fail() })
    };
    app.errorhandler(of_type::<std::num::ParseIntError>(), async |_| ("not a number", 400));
    app.route("/", || "never");
    let response = app.test_client().get("/").wait().unwrap();
    assert_eq!((response.status().as_u16(), response.text().as_str()), (400, "not a number"));
    assert_eq!(trace.take(), "b1 a1 t1");
}

/// Teardown functions of the app context run last, the last registered first.
#[rstest]
fn the_app_context_is_torn_down_last_and_in_reverse(#[values(true, false)] sync: bool) {
    let (mut app, trace) = (App::new("test"), Trace::default());
    for name in ["x1", "x2"] {
        let trace = trace.clone();
        if sync {
            app.teardown_appcontext(move |_: Option<Error>| trace.add(name));
        } else {
            app.teardown_appcontext(move |_: Option<Error>| {
                let trace = trace.clone();
                async move { trace.add(name) }
            });
        }
    }
    hooks(&mut app, &trace, "app", sync);
    let mut blueprint = Blueprint::new("blueprint");
    let torn = trace.clone();
    blueprint.teardown_request(move |_: Option<Error>| {
        let torn = torn.clone();
        async move { torn.add("tblueprint") }
    });
    blueprint.route("/", || "x");
    app.register_blueprint(blueprint);
    app.test_client().get("/").wait().unwrap();
    assert_eq!(trace.take(), "bapp aapp tblueprint tapp x2 x1");
}

/// Each after hook runs at most once per request.
#[rstest]
fn an_after_hook_that_fails_is_a_500_and_the_others_still_run(#[values(true, false)] sync: bool) {
    let (mut app, trace) = (App::new("test"), Trace::default());
    hooks(&mut app, &trace, "1", sync);
    let failing = |_: Response| -> Result<Response, Error> { Err(Error::from(std::io::Error::other("broken hook"))) };
    if sync {
        app.after_request(failing)
    } else {
        app.after_request(move |response: Response| async move { failing(response) })
    };
    hooks(&mut app, &trace, "2", sync);
    app.route("/", || "fine");
    assert_eq!(app.test_client().get("/").wait().unwrap().status(), 500);
    assert_eq!(trace.take(), "b1 b2 a2 a1 t2(broken hook) t1(broken hook)");
}

/// An HTTP error is for the client where a view raises it. After the response is made it is an error of the app's, and
/// the handlers for 500, for HTTP errors and for all see it as one, as in Flask.
#[rstest]
#[case::page(|_: &mut App| (), "<!doctype html>")]
#[case::code(|app: &mut App| { app.errorhandler(500, told); }, "told 500 Some")]
#[case::http(|app: &mut App| { app.errorhandler(HttpException, told); }, "told 500 Some")]
#[case::all(|app: &mut App| { app.errorhandler(Exception, told); }, "told 500 Some")]
#[case::another(|app: &mut App| { app.errorhandler(404, told); }, "<!doctype html>")]
#[case::failing(|app: &mut App| { app.errorhandler(500, || abort::<&str>(404)); }, "<!doctype html>")]
fn an_abort_after_the_view_is_a_500(
    #[values(true, false)] sync: bool,
    #[values("after_request", "after_this_request", "error handler", "two hooks")] place: &str,
    #[case] handle: fn(&mut App),
    #[case] expected: &str,
) {
    let mut app = App::new("test");
    let failing = |_: Response| abort::<Response>(404);
    let failing_async = |_: Response| async { abort::<Response>(404) };
    let hooks = match place {
        "after_request" => 1,
        "two hooks" => 2,
        _ => 0,
    };
    for _ in 0..hooks {
        if sync {
            app.after_request(failing)
        } else {
            app.after_request(failing_async)
        };
    }
    if sync {
        app.errorhandler(410, || abort::<&str>(404))
    } else {
        app.errorhandler(410, async || abort::<&str>(404))
    };
    let place = place.to_owned();
    app.route("/", move || {
        match &*place {
            "after_this_request" if sync => after_this_request(failing),
            "after_this_request" => after_this_request(failing_async),
            "error handler" => return abort(410),
            _ => {}
        }
        Ok::<_, Error>("fine")
    });
    handle(&mut app);
    let response = app.test_client().get("/").wait().unwrap();
    assert_eq!(response.status(), 500);
    assert!(response.text().starts_with(expected), "{}", response.text());
}

/// Answers with what an error handler sees.
fn told(error: Error) -> (String, u16) {
    let original = error.original_exception().map(ToString::to_string);
    (format!("told {} {original:?}", error.status_code().as_u16()), error.status_code().as_u16())
}

#[rstest]
fn a_teardown_that_fails_or_panics_does_not_stop_the_others(
    #[values(true, false)] sync: bool,
    #[values(true, false)] panics: bool,
) {
    let (mut app, trace) = (App::new("test"), Trace::default());
    hooks(&mut app, &trace, "1", sync);
    let broken = move || {
        assert!(!panics, "the teardown panics, as it should");
        Err::<(), _>(std::io::Error::other("broken teardown"))
    };
    if sync {
        app.teardown_request(move |_: Option<Error>| broken());
    } else {
        app.teardown_request(move |_: Option<Error>| async move { broken() });
    }
    hooks(&mut app, &trace, "2", sync);
    app.route("/", || "fine");
    assert_eq!(app.test_client().get("/").wait().unwrap().text(), "fine");
    assert_eq!(trace.take(), "b1 b2 a2 a1 t2 t1");
}

#[test]
fn after_hooks_may_replace_the_response() {
    let mut app = App::new("test");
    app.after_request(|response: Response| {
        assert_eq!(response.status(), 201);
        response
    });
    app.after_request(async |_: Response| ("replaced", 201));
    app.route("/", || "original");
    let response = app.test_client().get("/").wait().unwrap();
    assert_eq!((response.status().as_u16(), response.text().as_str()), (201, "replaced"));
}

#[rstest]
fn what_a_hook_of_one_colour_puts_on_g_the_other_colour_sees(#[values(true, false)] sync_hook: bool) {
    let mut app = App::new("test");
    if sync_hook {
        app.before_request(|| g().set("n", 1))
    } else {
        app.before_request(async || g().set("n", 1))
    };
    app.route("/sync", || g().get::<i32>("n").unwrap_or(0).to_string());
    app.route("/async", async || g().get::<i32>("n").unwrap_or(0).to_string());
    app.after_request(async |mut response: Response| {
        response.headers_mut().insert("x-n", g().get::<i32>("n").unwrap_or(0).into());
        response
    });
    let (tell, told) = std::sync::mpsc::channel();
    app.teardown_request(move |_: Option<Error>| tell.send(g().get::<i32>("n")));
    let client = app.test_client();
    for path in ["/sync", "/async"] {
        let response = client.get(path).wait().unwrap();
        assert_eq!((response.text().as_str(), response.header("x-n")), ("1", Some("1")));
        assert_eq!(receive(&told), Some(1));
    }
}

/// A prefix is taken out of every URL before the hooks run, and put into every URL that is built.
#[rstest]
fn a_language_is_taken_from_the_url_and_put_back(#[values(true, false)] sync: bool) {
    let mut app = App::new("test");
    let seen = || g().set("at_hook", g().get::<String>("lang").unwrap_or_default());
    if sync {
        app.url_value_preprocessor(["lang"], |values: UrlValues| {
            g().set("lang", values.get::<String>("lang").unwrap_or("none".into()));
        });
        app.before_request(seen);
    } else {
        app.url_value_preprocessor(["lang"], async |values: UrlValues| {
            g().set("lang", values.get::<String>("lang").unwrap_or("none".into()));
        });
        app.before_request(move || async move { seen() });
    }
    app.url_defaults(|values| values.set_default("lang", g().get::<String>("lang")));
    app.rule("/<lang>/").endpoint("index").view(|| url_for("about").arg("page", 2).build());
    app.rule("/<lang>/about/<int:page>").endpoint("about").view(|page: i64| {
        format!("{} {page} {:?}", g().get::<String>("at_hook").unwrap_or_default(), request().view_args().len())
    });
    app.errorhandler(404, |_: Error| g().get::<String>("lang").unwrap_or_default());
    let client = app.test_client();
    let text = |path: &str| client.get(path).wait().unwrap().text();
    assert_eq!([text("/de/"), text("/de/about/2"), text("/a/b/c/d")], ["/de/about/2", "de 2 1", "none"]);
}

#[test]
fn the_view_may_be_known_to_a_hook() {
    fn named() -> &'static str {
        "named"
    }
    let mut app = App::new("test");
    app.before_request(|| request().endpoint().map(|endpoint| endpoint.to_owned() + "!"));
    app.route("/", named);
    assert_eq!(app.test_client().get("/").wait().unwrap().text(), "named!");
}

/// A function that panics before it returns its future is treated like one that panics later.
#[test]
fn a_hook_or_handler_that_panics_before_its_future_is_caught() {
    let (mut app, trace) = (App::new("test"), Trace::default());
    let first = trace.clone();
    app.teardown_request(move || first.add("still run"));
    app.teardown_request(|| {
        assert!(request().path().is_empty(), "the teardown panics, as it should");
        async {}
    });
    app.errorhandler(500, || {
        assert!(request().path().is_empty(), "the handler panics, as it should");
        async { "never" }
    });
    app.route("/", || abort::<&str>(500));
    assert_eq!(app.test_client().get("/").wait().unwrap().status(), 500);
    assert_eq!(trace.take(), "still run");
}

/// A hook may return a `Result` of a response or of an optional response.
#[rstest]
fn a_hook_may_answer_with_a_redirect(#[values(true, false)] sync: bool) {
    let mut app = App::new("test");
    let guard = || match request().path() {
        "/login" => Ok(None),
        _ => costrel::redirect("/login").map(Some),
    };
    let mut closed = costrel::Blueprint::new("closed").url_prefix("/closed");
    if sync {
        app.before_request(guard);
        closed.before_request(|| costrel::redirect("/never"));
    } else {
        app.before_request(move || async move { guard() });
        closed.before_request(async || costrel::redirect("/never"));
    }
    closed
        .get("/get", || "")
        .post("/post", async || "")
        .put("/put", || "")
        .patch("/patch", || "")
        .delete("/delete", || "");
    app.register_blueprint(closed);
    app.route("/login", || "login");
    let client = app.test_client();
    let text = |path: &str| client.get(path).wait().unwrap();
    assert_eq!((text("/").status().as_u16(), text("/").header("location")), (302, Some("/login")));
    assert_eq!(text("/login").text(), "login");
    assert_eq!(client.delete("/closed/delete").wait().unwrap().header("location"), Some("/login"));
}
