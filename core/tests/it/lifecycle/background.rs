//! Background tasks, which run beside requests.

use std::sync::Arc;
use std::time::Duration;

use costrel::{
    App, Error, ErrorKind, async_to_sync, create_task, current_app, g, has_request_context, request,
    signals::GOT_BACKGROUND_EXCEPTION,
};
use rstest::rstest;
use tokio::sync::Semaphore;

use crate::support::notes::Notes;
use crate::support::server::Server;

/// A gate that a test opens, for code of either colour.
#[derive(Clone)]
struct Gate(Arc<Semaphore>);

impl Gate {
    fn new() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    fn open(&self) {
        self.0.add_permits(1);
    }

    async fn passed(&self) {
        self.0.acquire().await.unwrap().forget();
    }
}

/// Builds an app whose view starts a task of the given colour, which notes what it sees when the gate opens.
fn app(sync_view: bool, sync_task: bool, notes: &Notes, gate: &Gate) -> App {
    let (notes, gate) = (notes.clone(), gate.clone());
    let mut app = App::new("test");
    let start = move |to: String| {
        let (notes, gate) = (notes.clone(), gate.clone());
        let seen = || format!("{} {:?} {}", current_app().name(), g().get::<i32>("n"), has_request_context());
        g().set("n", 1);
        if sync_task {
            current_app().add_background_task(move || {
                async_to_sync(|()| gate.passed())(())?;
                notes.note(format!("{to} {}", seen()));
                Ok::<_, Error>(())
            });
        } else {
            current_app().add_background_task(async move || {
                gate.passed().await;
                notes.note(format!("{to} {}", seen()));
            });
        }
        ("queued", 202)
    };
    if sync_view {
        app.route("/<to>", start);
    } else {
        app.route("/<to>", move |to: String| {
            let answer = start(to);
            async move { answer }
        });
    }
    app
}

#[rstest]
fn a_task_goes_on_after_the_response(#[values(true, false)] sync_view: bool, #[values(true, false)] sync_task: bool) {
    let (notes, gate) = (Notes::default(), Gate::new());
    let client = app(sync_view, sync_task, &notes, &gate).test_client();
    assert_eq!(client.get("/ada").wait().unwrap().status(), 202);
    assert!(notes.all().is_empty());
    gate.open();
    assert_eq!(notes.wait_for(1), ["ada test None false"]);
}

/// A client is often dropped by the line that has sent a request, which is no reason to cut off what the request began.
#[rstest]
fn a_task_goes_on_after_its_client_is_dropped(
    #[values(true, false)] sync_view: bool,
    #[values(true, false)] sync_task: bool,
) {
    let (notes, gate) = (Notes::default(), Gate::new());
    assert_eq!(app(sync_view, sync_task, &notes, &gate).test_client().get("/ada").wait().unwrap().status(), 202);
    gate.open();
    assert_eq!(notes.wait_for(1), ["ada test None false"]);
}

/// A task that fails is signalled, and later requests still work.
#[rstest]
fn a_task_that_fails_is_signalled(#[values(true, false)] sync: bool, #[values(true, false)] panics: bool) {
    let (mut app, notes) = (App::new("test"), Notes::default());
    let noting = notes.clone();
    app.connect(&GOT_BACKGROUND_EXCEPTION, move |error: Error| noting.note(error.message()));
    let fail = move || -> Result<(), Error> {
        assert!(!panics, "no mail");
        Err(Error::from_boxed("no mail".into()))
    };
    app.route("/", move || {
        if sync {
            current_app().add_background_task(fail);
        } else {
            current_app().add_background_task(async move || fail());
        }
        "started"
    });
    let client = app.test_client();
    assert_eq!(client.get("/").wait().unwrap().text(), "started");
    assert!(notes.wait_for(1)[0].ends_with("no mail"));
    assert_eq!(client.get("/").wait().unwrap().text(), "started");
}

#[test]
fn a_task_that_fails_is_logged() {
    let mut app = App::new("test");
    app.route("/", async || {
        current_app().add_background_task(async || Err::<(), _>(Error::from_boxed("no mail".into())));
        "started"
    });
    let test_app = app.test_app();
    let client = test_app.test_client();
    let log = crate::support::log::log_while(async {
        test_app.startup().await.unwrap();
        client.get("/").await.unwrap();
        test_app.shutdown().await.unwrap();
    });
    assert!(log.contains("Exception in a background task: ") && log.contains("no mail"), "{log}");
}

#[rstest]
fn a_server_that_stops_waits_for_tasks(#[values(true, false)] sync_view: bool, #[values(true, false)] sync_task: bool) {
    let (notes, gate) = (Notes::default(), Gate::new());
    let mut app = app(sync_view, sync_task, &notes, &gate);
    let (after, opening) = (notes.clone(), gate.clone());
    app.while_serving(async move |serving: costrel::Serving| serving.until_stopped().await);
    app.after_serving(move || after.note("after serving"));
    let mut server = Server::start(app);
    assert!(server.get("/ada").contains("202"));
    opening.open();
    server.stop().unwrap();
    assert_eq!(notes.all(), ["ada test None false", "after serving"]);
}

/// Shutdown cancels a task after its timeout; a sync task gets the cancellation where it waits.
#[rstest]
fn a_task_that_takes_too_long_is_cancelled(#[values(true, false)] sync: bool) {
    let (mut app, notes) = (App::new("test"), Notes::default());
    app.config.background_task_shutdown_timeout = Duration::from_millis(1);
    let (in_view, after) = (notes.clone(), notes.clone());
    app.route("/", move || {
        let dropped = in_view.on_drop("dropped");
        let never = async move || {
            let _dropped = dropped;
            std::future::pending::<()>().await;
        };
        if sync {
            current_app().add_background_task(move || {
                async_to_sync(|never: Box<dyn FnOnce() -> _ + Send>| never())(Box::new(never))
            });
        } else {
            current_app().add_background_task(never);
        }
        ""
    });
    app.after_serving(move || after.note("after serving"));
    let mut server = Server::start(app);
    server.get("/");
    server.stop().unwrap();
    // A sync task gets the cancellation on its own thread, so the order of the notes is not fixed.
    let mut noted = notes.wait_for(2);
    noted.sort();
    assert_eq!(noted, ["after serving", "dropped"]);
}

#[rstest]
fn a_task_of_before_serving_is_over_by_the_shutdown(#[values(true, false)] sync: bool) {
    let (mut app, notes) = (App::new("test"), Notes::default());
    let noting = notes.clone();
    app.before_serving(move || {
        let notes = noting.clone();
        if sync {
            current_app().add_background_task(move || notes.note("ran"));
        } else {
            current_app().add_background_task(async move || notes.note("ran"));
        }
    });
    let test_app = app.test_app();
    test_app.startup().wait().unwrap();
    test_app.shutdown().wait().unwrap();
    assert_eq!(notes.all(), ["ran"]);
}

/// On the event loop a raw task goes on after the view; where each request holds a thread, it ends with the view.
#[rstest]
fn a_raw_task_lives_as_long_as_its_mode_says(
    #[values(true, false)] sync_view: bool,
    #[values(true, false)] threaded: bool,
) {
    let (mut app, notes, gate) = (App::new("test"), Notes::default(), Gate::new());
    app.config.threads = threaded.then_some(2);
    let (noting, waiting) = (notes.clone(), gate.clone());
    let start = move || {
        let (notes, gate, over) = (noting.clone(), waiting.clone(), noting.on_drop("over"));
        drop(create_task(async move {
            let _over = over;
            gate.passed().await;
            notes.note(format!("went on at {}", request().path()));
            Ok::<_, Error>(())
        }));
        "started"
    };
    if sync_view {
        app.route("/", start);
    } else {
        app.route("/", move || std::future::ready(start()));
    }
    let client = app.test_client();
    client.get("/").wait().unwrap();
    if threaded {
        assert_eq!(notes.wait_for(1), ["over"]);
    } else {
        gate.open();
        assert_eq!(notes.wait_for(2), ["went on at /", "over"]);
    }
}

#[rstest]
fn a_task_gives_its_result_or_its_error(#[values(true, false)] sync: bool) {
    let mut app = App::new("test");
    if sync {
        let wait = |task| async_to_sync(|task: costrel::Task<i32>| task)(task)?;
        app.route("/", move || Ok::<_, Error>(wait(create_task(async { Ok::<_, Error>(21 * 2) }))?.to_string()));
        app.route("/abort", move || Ok::<_, Error>(wait(create_task(async { costrel::abort(409) }))?.to_string()));
    } else {
        app.route("/", async || Ok::<_, Error>(create_task(async { Ok::<_, Error>(21 * 2) }).await?.to_string()));
        app.route("/abort", async || {
            Ok::<_, Error>(create_task(async { costrel::abort::<i32>(409) }).await?.to_string())
        });
    }
    app.route("/cancelled", async || {
        let task = create_task(std::future::pending::<Result<(), Error>>());
        task.cancel();
        Ok::<_, Error>(format!("{:?}", task.await.map_err(|error| error.kind())))
    });
    let client = app.test_client();
    assert_eq!(client.get("/").wait().unwrap().text(), "42");
    assert_eq!(client.get("/abort").wait().unwrap().status(), 409);
    assert_eq!(client.get("/cancelled").wait().unwrap().text(), format!("Err({:?})", ErrorKind::Cancelled));
}
