//! Signals, app contexts and commands.

use std::sync::{Arc, mpsc};

use costrel::{
    App, Error, abort, current_app, flash, g, get_flashed_messages, has_app_context, has_request_context, session,
    signals::{
        APPCONTEXT_POPPED, APPCONTEXT_PUSHED, APPCONTEXT_TEARING_DOWN, GOT_REQUEST_EXCEPTION, MESSAGE_FLASHED,
        REQUEST_FINISHED, REQUEST_STARTED, REQUEST_TEARING_DOWN, Signal,
    },
    testing::TestClient,
};
use parking_lot::Mutex;
use rstest::rstest;

use crate::support::waiting::receive;

/// The steps that the tests record, in order.
#[derive(Clone, Default)]
struct Trail(Arc<Mutex<Vec<String>>>);

impl Trail {
    fn mark(&self, step: impl Into<String>) {
        self.0.lock().push(step.into());
    }

    fn steps(&self) -> Vec<String> {
        self.0.lock().clone()
    }
}

/// Connects a subscriber of the given colour that records `name`.
fn note<T: Clone + Send + Sync + 'static>(
    app: &mut App,
    signal: &Signal<T>,
    name: &'static str,
    trail: &Trail,
    sync: bool,
) {
    let trail = trail.clone();
    if sync {
        app.connect(signal, move || trail.mark(name));
    } else {
        app.connect(signal, move || {
            let trail = trail.clone();
            async move {
                tokio::task::yield_now().await;
                trail.mark(name);
            }
        });
    }
}

fn watched(trail: &Trail, sync: bool) -> App {
    let mut app = App::new("test");
    app.config.secret_key = Some("secret".into());
    note(&mut app, &APPCONTEXT_PUSHED, "pushed", trail, sync);
    note(&mut app, &REQUEST_STARTED, "started", trail, sync);
    note(&mut app, &GOT_REQUEST_EXCEPTION, "exception", trail, sync);
    note(&mut app, &REQUEST_FINISHED, "finished", trail, sync);
    note(&mut app, &REQUEST_TEARING_DOWN, "tearing down", trail, sync);
    note(&mut app, &APPCONTEXT_TEARING_DOWN, "app tearing down", trail, sync);
    note(&mut app, &APPCONTEXT_POPPED, "popped", trail, sync);
    let (before, after, teardown, app_teardown) = (trail.clone(), trail.clone(), trail.clone(), trail.clone());
    app.before_request(move || before.mark("before"));
    app.after_request(move |response: costrel::Response| {
        after.mark("after");
        response
    });
    app.teardown_request(move || teardown.mark("teardown"));
    app.teardown_appcontext(move || app_teardown.mark("app teardown"));
    app
}

/// Signals and hooks come in Flask's order, and an unhandled error is signalled.
#[rstest]
fn signals_come_in_flasks_order(#[values(true, false)] sync: bool) {
    let trail = Trail::default();
    let mut app = watched(&trail, sync);
    app.route("/", || "");
    app.route("/fail", async || Err::<(), _>(std::io::Error::other("broken")).map(|()| ""));
    app.route("/abort", || abort::<&str>(404));
    let client = app.test_client();
    let around = |middle: &[&'static str]| {
        let before = ["pushed", "started", "before"];
        let after = ["tearing down", "app teardown", "app tearing down", "popped"];
        [&before[..], middle, &["teardown"], &after[..]].concat()
    };
    let mut seen = 0;
    for (path, middle) in [
        ("/", &["after", "finished"][..]),
        ("/fail", &["exception", "after", "finished"]),
        ("/abort", &["after", "finished"]),
    ] {
        client.get(path).wait().unwrap();
        let steps = trail.steps();
        assert_eq!(steps[seen..], around(middle), "{path}");
        seen = steps.len();
    }
}

/// An error in a subscriber fails the request, as in Flask; an error at the end of the request is only logged.
#[rstest]
fn a_subscriber_that_fails(#[values(true, false)] sync: bool) {
    static NEVER: Signal<costrel::Request> = Signal::new("never");
    let client = |signal: &Signal<Option<Error>>, other: &Signal<costrel::Request>| -> TestClient {
        let mut app = App::new("test");
        let fail = || Err::<(), Error>(Error::status(503));
        if sync {
            app.connect(other, fail);
            app.connect(signal, || -> () { panic!("on purpose") });
        } else {
            app.connect(other, move || async move { fail() });
            app.connect(signal, async || -> () { panic!("on purpose") });
        }
        app.route("/", || "");
        app.test_client()
    };
    assert_eq!(client(&REQUEST_TEARING_DOWN, &REQUEST_STARTED).get("/").wait().unwrap().status(), 503);
    assert_eq!(client(&REQUEST_TEARING_DOWN, &NEVER).get("/").wait().unwrap().status(), 200);
}

/// `flash` with an async subscriber works in views of both colours; in Flask it does not work in async views.
#[rstest]
fn a_flashed_message_is_signalled(#[values(true, false)] sync_view: bool, #[values(true, false)] sync: bool) {
    let trail = Trail::default();
    let mut app = watched(&trail, sync);
    note(&mut app, &MESSAGE_FLASHED, "flashed", &trail, sync);
    if sync_view {
        app.post("/", || flash("saved", "info").wait().map(|()| ""));
    } else {
        app.post("/", async || flash("saved", "info").await.map(|()| ""));
    }
    app.route("/", || format!("{:?} {:?}", get_flashed_messages(), get_flashed_messages()));
    app.route("/session", || session().contains("_flashes").to_string());
    let client = app.test_client();
    client.post("/").wait().unwrap();
    client.post("/").wait().unwrap();
    assert_eq!(trail.steps().iter().filter(|step| *step == "flashed").count(), 2);
    assert_eq!(client.get("/session").wait().unwrap().text(), "true");
    let twice = r#"[("info", "saved"), ("info", "saved")]"#;
    assert_eq!(client.get("/").wait().unwrap().text(), format!("{twice} {twice}"));
    assert_eq!(client.get("/").wait().unwrap().text(), "[] []");
}

#[test]
fn outside_of_an_app_a_signal_reaches_no_function() {
    static SIGNAL: Signal<u8> = Signal::new("test.unheard");
    assert!(SIGNAL.send(1).wait().is_ok());
}

/// An app context has the app and its own `g` but no request, and ends once. A request inside it gets a fresh app
/// context.
#[rstest]
#[case::sync(true)]
#[case::asynchronous(false)]
fn an_app_context_without_a_request(#[case] sync: bool) {
    let trail = Trail::default();
    let mut app = watched(&trail, true);
    app.route("/g", || g().contains("mine").to_string());
    let app = app.build().unwrap();
    let client = app.test_client();
    let inside = || {
        g().set("mine", true);
        assert!(has_app_context() && !has_request_context());
        let refused = std::panic::catch_unwind(costrel::request).unwrap_err();
        assert!(refused.downcast_ref::<String>().unwrap().starts_with("There is no request in this context."));
        current_app().name().to_owned()
    };
    let name = if sync {
        app.app_context_sync(|| {
            assert_eq!(client.get("/g").wait().unwrap().text(), "false");
            inside()
        })
    } else {
        let event_loop = tokio::runtime::Runtime::new().unwrap();
        event_loop.block_on(app.app_context(async {
            assert_eq!(client.get("/g").await.unwrap().text(), "false");
            inside()
        }))
    };
    assert_eq!(name, "test");
    let ends = trail.steps();
    assert_eq!(ends.iter().filter(|step| *step == "app teardown").count(), 2, "{ends:?}");
    assert_eq!(ends.last().map(String::as_str), Some("popped"));
    assert!(!has_app_context());
}

/// A command that panics or fails returns an error, and its context is still torn down.
#[rstest]
#[case("fail", "no such table")]
#[case("panic", "panicked: on purpose")]
fn a_command_that_fails(#[case] name: &str, #[case] message: &str) {
    let mut app = App::new("test");
    let (told, hear) = mpsc::channel();
    app.teardown_appcontext(move |error: Option<Error>| drop(told.send(error.map(|error| error.message().to_owned()))));
    app.command("fail", "Fails.", async || Err::<(), _>(std::io::Error::other("no such table")));
    app.command("panic", "Panics.", || -> () { panic!("on purpose") });
    let error = app.build().unwrap().invoke(name, []).wait().unwrap_err();
    assert_eq!(error.message(), message);
    assert_eq!(receive(&hear).as_deref(), Some(message));
}

/// A context sends its signals whether it is entered by sync or async code, and its teardown receives a panic as the
/// error.
#[rstest]
#[case::sync(true)]
#[case::asynchronous(false)]
fn a_context_that_panics(#[case] sync: bool) {
    let trail = Trail::default();
    let mut app = watched(&trail, sync);
    let (told, hear) = mpsc::channel();
    app.teardown_appcontext(move |error: Option<Error>| told.send(error.map(|error| error.message().to_owned())));
    let app = app.build().unwrap();
    let fails = || -> () { panic!("on purpose") };
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        if sync {
            app.app_context_sync(fails);
        } else {
            tokio::runtime::Runtime::new().unwrap().block_on(app.app_context(async { fails() }));
        }
    }));
    assert!(panicked.is_err());
    assert_eq!(receive(&hear).as_deref(), Some("panicked: on purpose"));
    assert_eq!(trail.steps(), ["pushed", "app teardown", "app tearing down", "popped"]);
}
