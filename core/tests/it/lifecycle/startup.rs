//! Start-up and shutdown: the functions that run before, while and after the app serves.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use costrel::{App, Error, Serving, g, signals::GOT_SERVING_EXCEPTION};
use parking_lot::Mutex;
use rstest::rstest;
use tokio::sync::Semaphore;

use crate::support::DEADLINE;
use crate::support::notes::Notes;
use crate::support::server::Server;

/// Builds an app with two functions of each kind, one of each colour.
fn app(first_sync: bool, notes: &Notes) -> App {
    let mut app = App::new("test");
    for (number, sync) in [(1, first_sync), (2, !first_sync)] {
        let [before, during, after] = [notes.clone(), notes.clone(), notes.clone()];
        if sync {
            app.before_serving(move || before.note(format!("b{number}")));
            app.while_serving(move |serving: Serving| {
                during.note(format!("w{number}+"));
                serving.until_stopped().wait()?;
                during.note(format!("w{number}-"));
                Ok::<_, Error>(())
            });
            app.after_serving(move || after.note(format!("a{number}")));
        } else {
            app.before_serving(move || {
                let before = before.clone();
                async move { before.note(format!("b{number}")) }
            });
            app.while_serving(move |serving: Serving| {
                let during = during.clone();
                async move {
                    during.note(format!("w{number}+"));
                    serving.until_stopped().await?;
                    during.note(format!("w{number}-"));
                    Ok::<_, Error>(())
                }
            });
            app.after_serving(move || {
                let after = after.clone();
                async move { after.note(format!("a{number}")) }
            });
        }
    }
    app
}

/// The order is the same over a socket and in a test.
#[rstest]
fn the_order_is_quarts(#[values(true, false)] first_sync: bool, #[values(true, false)] served: bool) {
    let notes = Notes::default();
    let mut app = app(first_sync, &notes);
    app.errorhandler(500, || "");
    app.route("/seen", || "");
    if served {
        let mut server = Server::start(app);
        server.get("/seen");
        server.stop().unwrap();
    } else {
        let test_app = app.test_app();
        test_app.startup().wait().unwrap();
        test_app.test_client().get("/seen").wait().unwrap();
        test_app.shutdown().wait().unwrap();
    }
    assert_eq!(notes.all(), ["b1", "b2", "w1+", "w2+", "w2-", "w1-", "a1", "a2"]);
}

/// An app whose start-up fails refuses to serve and reports why; functions that had begun are ended.
#[rstest]
fn a_start_up_that_fails_refuses_to_serve(
    #[values(true, false)] sync: bool,
    #[values(true, false)] panics: bool,
    #[values("before", "while")] place: &str,
) {
    let (mut app, notes) = (App::new("test"), Notes::default());
    let (signalled, other) = (notes.clone(), notes.clone());
    app.connect(&GOT_SERVING_EXCEPTION, move |error: Error| signalled.note(error.message()));
    let fail = move || {
        assert!(!panics, "no database");
        Err::<(), _>(Error::from_boxed("no database".into()))
    };
    app.while_serving(move |serving: Serving| {
        let _over = other.on_drop("ended");
        serving.until_stopped().wait()
    });
    match (place, sync) {
        ("before", true) => app.before_serving(fail),
        ("before", false) => app.before_serving(move || std::future::ready(fail())),
        (_, true) => app.while_serving(move |_: Serving| fail()),
        (_, false) => app.while_serving(move |_: Serving| std::future::ready(fail())),
    };
    let server = Server::start(app);
    let error = server.end().unwrap_err();
    assert!(
        error.message().starts_with("the app did not start: ") && error.message().contains("no database"),
        "{error}"
    );
    let noted = notes.all();
    assert!(noted[0].contains("no database"), "{noted:?}");
    assert_eq!(noted.get(1).map(String::as_str), (place == "while").then_some("ended"));
}

/// Start-up has its own `g`.
#[test]
fn what_a_start_up_puts_on_g_is_not_seen_by_requests() {
    let (mut app, notes) = (App::new("test"), Notes::default());
    let noting = notes.clone();
    app.before_serving(async || g().set("n", 1));
    app.before_serving(move || noting.note(format!("{:?}", g().get::<i32>("n"))));
    app.route("/", || format!("{:?}", g().get::<i32>("n")));
    let test_app = app.test_app();
    test_app.startup().wait().unwrap();
    assert_eq!(notes.all(), ["Some(1)"]);
    assert_eq!(test_app.test_client().get("/").wait().unwrap().text(), "None");
    test_app.shutdown().wait().unwrap();
}

#[rstest]
fn a_function_has_two_halves(#[values(true, false)] sync: bool, #[values(0, 2)] waits: usize) {
    let mut app = App::new("test");
    if sync {
        app.while_serving(move |serving: Serving| {
            (0..waits).for_each(|_| drop(serving.until_stopped().wait()));
        });
    } else {
        app.while_serving(move |serving: Serving| async move {
            for _ in 0..waits {
                drop(serving.until_stopped().await);
            }
        });
    }
    let test_app = app.test_app();
    let started = test_app.startup().wait();
    let error = if waits == 0 { started.unwrap_err() } else { test_app.shutdown().wait().unwrap_err() };
    let expected = if waits == 0 { "returned before `serving.until_stopped()`" } else { "did not terminate" };
    assert!(error.message().contains(expected), "{error}");
}

/// A function that fails at shutdown does not keep the others from running.
#[test]
fn a_shutdown_that_fails_runs_to_its_end_and_says_so() {
    let (mut app, notes) = (App::new("test"), Notes::default());
    let noting = notes.clone();
    app.after_serving(|| Err::<(), _>(Error::from_boxed("cannot close".into())));
    app.after_serving(move || {
        noting.note("closed");
        std::future::ready(())
    });
    let test_app = app.test_app();
    test_app.startup().wait().unwrap();
    assert!(test_app.shutdown().wait().unwrap_err().message().contains("cannot close"));
    assert_eq!(notes.all(), ["closed"]);
    assert!(test_app.shutdown().wait().unwrap_err().message().contains("was not started"));
}

/// A second half that never ends times out with an error, and the rest of the shutdown still runs.
#[rstest]
fn a_second_half_has_so_much_time(#[values(true, false)] sync: bool) {
    let (mut app, notes) = (App::new("test"), Notes::default());
    app.config.server.shutdown_timeout = Duration::from_millis(20);
    let (release, held) = mpsc::channel::<()>();
    let held = Arc::new(Mutex::new(held));
    if sync {
        app.while_serving(move |serving: Serving| {
            serving.until_stopped().wait()?;
            let _ = held.lock().recv_timeout(DEADLINE);
            Ok::<_, Error>(())
        });
    } else {
        app.while_serving(async |serving: Serving| {
            serving.until_stopped().await?;
            std::future::pending::<Result<(), Error>>().await
        });
    }
    let noting = notes.clone();
    app.after_serving(move || noting.note("closed"));
    let test_app = app.test_app();
    test_app.startup().wait().unwrap();
    let error = test_app.shutdown().wait().unwrap_err();
    assert!(error.message().contains("did not end within `config.server.shutdown_timeout`"), "{error}");
    assert_eq!(notes.all(), ["closed"]);
    drop(release);
}

/// An app that is stopped before it serves completes its start-up, and then closes what it has opened.
#[rstest]
fn a_stop_during_start_up_is_a_start_and_an_end(#[values(true, false)] sync: bool) {
    let (mut app, notes) = (App::new("test"), Notes::default());
    let (open, opened) = (notes.clone(), notes.clone());
    let gate = Arc::new(Semaphore::new(0));
    let opening = gate.clone();
    let start = move || {
        let (notes, gate) = (open.clone(), opening.clone());
        async move {
            notes.note("opening");
            gate.acquire().await.unwrap().forget();
            notes.note("open");
        }
    };
    if sync {
        app.before_serving(move || costrel::async_to_sync(|()| start())(()));
    } else {
        app.before_serving(start);
    }
    app.after_serving(move || opened.note("closed"));
    let mut server = Server::start(app);
    notes.wait_for(1);
    server.begin_to_stop();
    gate.add_permits(1);
    server.stop().unwrap();
    assert_eq!(notes.all(), ["opening", "open", "closed"]);
}

#[test]
fn a_client_alone_runs_none_of_it() {
    let notes = Notes::default();
    app(true, &notes).test_client().get("/none").wait().unwrap();
    assert!(notes.all().is_empty());
}

/// A function of `while_serving` may work for as long as the app serves.
#[test]
fn a_function_may_work_while_the_app_serves() {
    let (mut app, notes) = (App::new("test"), Notes::default());
    let noting = notes.clone();
    app.while_serving(move |serving: Serving| {
        let notes = noting.clone();
        async move {
            let work = async {
                tokio::task::yield_now().await;
                notes.note("worked");
                std::future::pending::<()>().await;
            };
            tokio::select! {
                stopped = serving.until_stopped() => stopped,
                () = work => Ok(()),
            }
        }
    });
    let test_app = app.test_app();
    test_app.startup().wait().unwrap();
    notes.wait_for(1);
    test_app.shutdown().wait().unwrap();
}
