use std::panic;

use costrel::{App, Error, current_app, g, has_request_context, request, session, sync_to_async};
use rstest::rstest;

use crate::support::waiting::receive;

#[rstest]
#[case::request(|| drop(request()), "request")]
#[case::session(|| drop(session()), "request")]
#[case::g(|| drop(g()), "application")]
#[case::current_app(|| drop(current_app()), "application")]
fn outside_a_request_the_message_names_the_remedy(#[case] look: fn(), #[case] wanted: &str) {
    assert!(!has_request_context());
    let payload = panic::catch_unwind(look).unwrap_err();
    let message = payload.downcast_ref::<String>().unwrap();
    assert!(message.starts_with(&format!("Working outside of {wanted} context.")), "{message}");
    assert!(message.contains("pass the value along"), "{message}");
}

/// A thread or task that a view spawns has no context.
#[test]
fn a_thread_or_task_of_ones_own_has_no_context() {
    let mut app = App::new("test");
    app.route("/thread", || std::thread::spawn(has_request_context).join().unwrap().to_string());
    app.route("/task", async || tokio::spawn(async { has_request_context() }).await.unwrap().to_string());
    let client = app.test_client();
    assert_eq!(client.get("/thread").wait().unwrap().text(), "false");
    assert_eq!(client.get("/task").wait().unwrap().text(), "false");
}

#[test]
fn sync_code_on_a_worker_sees_the_context() {
    let mut app = App::new("test");
    app.route("/", async || {
        g().set("n", 41);
        let next = sync_to_async(|()| {
            g().set("n", g().get::<i32>("n").unwrap_or(0) + 1);
            request().path().to_owned() + current_app().name()
        });
        let seen = next(()).await?;
        Ok::<_, Error>(format!("{seen} {:?}", g().get::<i32>("n")))
    });
    assert_eq!(app.test_client().get("/").wait().unwrap().text(), "/test Some(42)");
}

/// Concurrent branches of an async view all see the request. The barrier opens only when all branches have reached it.
#[test]
fn branches_of_an_async_view_run_at_once_and_see_the_context() {
    let mut app = App::new("test");
    app.config.secret_key = Some("secret".into());
    app.route("/", async || {
        let barrier = tokio::sync::Barrier::new(5);
        session().set("n", 5)?;
        g().set("n", 5);
        let branch = async || {
            barrier.wait().await;
            (request().path().to_owned(), g().get::<i32>("n"), session().get::<i32>("n"))
        };
        let branches = futures_util::future::join_all((0..5).map(|_| branch())).await;
        let same = branches.iter().all(|seen| *seen == ("/".to_owned(), Some(5), Some(5)));
        Ok::<_, Error>(format!("{} {same}", branches.len()))
    });
    assert_eq!(app.test_client().get("/").wait().unwrap().text(), "5 true");
}

#[rstest]
fn g_is_empty_at_the_start_of_every_request(#[values(true, false)] sync: bool) {
    let mut app = App::new("test");
    let view = || {
        let seen = g().contains("n");
        g().set("n", ());
        seen.to_string()
    };
    if sync {
        app.route("/", view)
    } else {
        app.route("/", move || async move { view() })
    };
    let client = app.test_client();
    for _ in 0..3 {
        assert_eq!(client.get("/").wait().unwrap().text(), "false");
    }
}

#[test]
fn g_holds_values_of_any_type_by_name() {
    let mut app = App::new("test");
    app.route("/", || {
        let g = g();
        g.set("a", 1_u8);
        g.set("a", "two");
        g.set(String::from("b"), vec![3]);
        assert_eq!((g.get::<u8>("a"), g.get::<&str>("a")), (None, Some("two")));
        assert_eq!((g.pop::<u8>("a"), g.pop::<&str>("a"), g.contains("a")), (None, Some("two"), false));
        format!("{g:?}")
    });
    assert_eq!(app.test_client().get("/").wait().unwrap().text(), "[\"b\"]");
}

/// A value's destructor may use `g` itself.
#[test]
fn a_value_may_use_g_when_it_is_dropped() {
    #[derive(Clone)]
    struct Uses;

    impl Drop for Uses {
        fn drop(&mut self) {
            if has_request_context() {
                g().contains("other");
            }
        }
    }

    let mut app = App::new("test");
    app.route("/", || {
        g().set("a", Uses);
        g().set("a", Uses);
        drop(g().pop::<Uses>("a"));
        "fine"
    });
    assert_eq!(app.test_client().get("/").wait().unwrap().text(), "fine");
}

#[test]
fn a_context_can_be_taken_along() {
    let mut app = App::new("test");
    app.route("/", async || {
        g().set("n", 1);
        let task = costrel::copy_current_request_context(async { (request().path().to_owned(), g().contains("n")) });
        let (path, has_n) = tokio::spawn(task).await?;
        Ok::<_, Error>(format!("{path} {has_n}"))
    });
    assert_eq!(app.test_client().get("/").wait().unwrap().text(), "/ false", "the same request, a `g` of its own");
}

/// A copied context works on a spawned thread, with the same session, even after the view has returned.
#[rstest]
fn a_context_taken_along_outlives_the_view(#[values(true, false)] sync: bool) {
    let mut app = App::new("test");
    app.config.secret_key = Some("secret".into());
    let (hand, handed) = std::sync::mpsc::channel();
    let view = move || {
        session().set("n", 7)?;
        let seen = || format!("{} {:?} {}", request().path(), session().get::<i32>("n"), g().contains("n"));
        g().set("n", 1);
        hand.send(costrel::copy_current_request_context_sync(seen)).map_err(|_| Error::status(500))
    };
    if sync {
        app.route("/", move || view().map(|()| ""));
    } else {
        app.route("/", move || {
            let view = view.clone();
            async move { view().map(|()| "") }
        });
    }
    assert_eq!(app.test_client().get("/").wait().unwrap().status(), 200);
    let seen = receive(&handed);
    assert_eq!(std::thread::spawn(seen).join().unwrap(), "/ Some(7) false");
}
