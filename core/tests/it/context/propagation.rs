//! What `App::propagate` takes along: a task-local of the code around the app, and of an async decorator.

use std::thread;

use costrel::{
    App, Body, Callable, Error, IntoView, Message, Request, Response, View, abort, copy_current_request_context,
    copy_current_request_context_sync, create_task, current_app, iterate, request, stream_with_context, sync_to_async,
    websocket, with_request,
};
use futures_util::{StreamExt, stream};
use rstest::rstest;

use crate::support::log::log_while;
use crate::support::notes::Notes;

tokio::task_local! {
    static TENANT: &'static str;
}

fn tenant() -> &'static str {
    TENANT.try_with(|tenant| *tenant).unwrap_or("none")
}

fn propagating(threads: Option<usize>) -> App {
    let mut app = App::new("test");
    app.config.threads = threads;
    app.propagate(
        || TENANT.try_with(|tenant| *tenant).ok(),
        |tenant, run| match tenant {
            Some(tenant) => TENANT.sync_scope(*tenant, run),
            None => run(),
        },
    );
    app
}

/// A decorator, as an extension for OpenTelemetry would be: it sets the task-local around the view.
fn as_inner(view: View) -> View {
    let inner = view.clone();
    view.wrapped("as_inner", Callable::new_async(move |request: Request| TENANT.scope("inner", inner.call(request))))
}

#[derive(Clone, Copy, Debug)]
enum From {
    /// The code around the app, as a tower layer.
    Outside,
    /// An async decorator around the view.
    Decorator,
}

/// Returns the text of a request for `view`, for a tenant that is set where `from` says.
fn text(from: From, threads: Option<usize>, view: View) -> String {
    let mut app = propagating(threads);
    let client = |app: App| app.test_client();
    match from {
        From::Outside => {
            app.route("/", view);
            let client = client(app);
            TENANT.sync_scope("inner", || client.get("/").wait()).unwrap().text()
        }
        From::Decorator => {
            app.rule("/").decorate(as_inner).view(view);
            client(app).get("/").wait().unwrap().text()
        }
    }
}

async fn many_jobs() -> Result<String, Error> {
    let jobs = [(), ()].map(|()| sync_to_async(|()| tenant())(()));
    let both = futures_util::future::try_join_all(jobs).await?;
    Ok(both.concat())
}

async fn other_request() -> Result<&'static str, Error> {
    let changed = with_request(request(), async { tenant() }).await;
    Ok(changed)
}

async fn task() -> Result<String, Error> {
    let awaited = create_task(async { Ok::<_, Error>(tenant()) });
    let blocking = create_task(async { sync_to_async(|()| tenant())(()).await });
    Ok([awaited.await?, blocking.await?].concat())
}

async fn copied() -> Result<&'static str, Error> {
    Ok(tokio::spawn(copy_current_request_context(async { tenant() })).await?)
}

fn copied_sync() -> &'static str {
    let copied = copy_current_request_context_sync(tenant);
    thread::spawn(copied).join().unwrap()
}

fn streamed() -> Body {
    stream_with_context(Body::from_stream(stream::iter([()]).map(|()| tenant())))
}

fn iterated_in_context() -> Body {
    stream_with_context(Body::from_iterator([()].into_iter().map(|()| tenant())))
}

fn iterated() -> Body {
    Body::from_iterator([()].into_iter().map(|()| tenant()))
}

async fn each() -> String {
    iterate([()].into_iter().map(|()| tenant())).map(Result::unwrap).collect().await
}

#[rstest]
fn a_task_local_is_wherever_the_work_goes(
    #[values(From::Outside, From::Decorator)] from: From,
    #[values(None, Some(2))] threads: Option<usize>,
) {
    let views: [(&str, View); 11] = [
        ("sync", tenant.into_view()),
        ("async", (async || tenant()).into_view()),
        ("with_request", other_request.into_view()),
        ("copied", copied.into_view()),
        ("copied_sync", copied_sync.into_view()),
        ("stream_with_context", streamed.into_view()),
        ("an iterator in context", iterated_in_context.into_view()),
        ("an iterator", iterated.into_view()),
        ("iterate", each.into_view()),
        ("many jobs", many_jobs.into_view()),
        ("task", task.into_view()),
    ];
    for (name, view) in views {
        let text = text(from, threads, view);
        assert_eq!(text.replace("innerinner", "inner"), "inner", "{name}");
    }
}

#[rstest]
#[tokio::test]
async fn a_task_local_is_in_background_tasks(#[values(false, true)] in_decorator: bool) {
    let (mut app, notes) = (propagating(None), Notes::default());
    let noting = notes.clone();
    let view = move || {
        let (of_sync, of_async) = (noting.clone(), noting.clone());
        current_app().add_background_task(move || of_sync.note(tenant()));
        current_app().add_background_task(async move || of_async.note(tenant()));
        "begun"
    };
    let rule = app.rule("/");
    if in_decorator {
        rule.decorate(as_inner).view(view)
    } else {
        rule.view(view)
    };
    let outer = if in_decorator { "outer" } else { "inner" };
    let page = TENANT.scope(outer, app.test_client().get("/").into_future()).await.unwrap();
    assert_eq!(page.text(), "begun");
    notes.reached(2).await;
    assert_eq!(notes.all(), ["inner", "inner"]);
}

#[rstest]
fn a_task_local_of_the_outside_is_in_every_step(
    #[values(false, true)] is_async: bool,
    #[values(None, Some(2))] threads: Option<usize>,
) {
    let (mut app, notes) = (propagating(threads), Notes::default());
    let note = |step: &'static str| {
        let notes = notes.clone();
        move || notes.note(format!("{step} {}", tenant()))
    };
    let (before, after, handler, teardown) = (note("before"), note("after"), note("handler"), note("teardown"));
    if is_async {
        app.before_request(move || {
            before();
            std::future::ready(())
        });
        app.after_request(move |response: Response| {
            after();
            std::future::ready(response)
        });
        app.errorhandler(404, move |_| {
            handler();
            std::future::ready("none")
        });
        app.teardown_request(move || {
            teardown();
            std::future::ready(())
        });
    } else {
        app.before_request(before);
        app.after_request(move |response: Response| {
            after();
            response
        });
        app.errorhandler(404, move |_| {
            handler();
            "none"
        });
        app.teardown_request(teardown);
    }
    app.route("/", async || abort::<&str>(404));
    let client = app.test_client();
    TENANT.sync_scope("acme", || client.get("/").wait()).unwrap();
    assert_eq!(notes.wait_for(4), ["before acme", "handler acme", "after acme", "teardown acme"]);
}

#[test]
fn without_it_a_task_local_of_the_outside_stays_behind() {
    let mut app = App::new("test");
    app.route("/", tenant);
    let client = app.test_client();
    let page = TENANT.sync_scope("acme", || client.get("/").wait()).unwrap();
    assert_eq!(page.text(), "none");
}

#[rstest]
fn a_task_local_is_in_a_conversation(#[values("/sync", "/async")] path: &str) {
    let mut app = propagating(None);
    app.websocket("/sync", || websocket().send(tenant()).wait());
    app.websocket("/async", async || websocket().send(tenant()).await);
    let client = app.test_client();
    let socket = TENANT.sync_scope("acme", || client.websocket(path).wait()).unwrap();
    assert_eq!(socket.receive().wait().unwrap(), Message::from("acme"));
}

#[rstest]
fn the_work_goes_on_without_a_value_that_panics(#[values("capture", "enter", "enter after")] at: &'static str) {
    let mut app = App::new("test");
    app.propagate(
        move || assert!(at != "capture", "no value"),
        move |(), run| {
            assert!(at != "enter", "no way in");
            run();
            assert!(at != "enter after", "no way out");
        },
    );
    app.route("/sync", || "sync").route("/async", async || "async");
    let client = app.test_client();
    for path in ["sync", "async"] {
        let log = log_while(async { assert_eq!(client.get(&format!("/{path}")).await.unwrap().text(), path) });
        assert!(log.contains("a value of `App::propagate` failed: panicked: no "), "{log}");
    }
}

#[rstest]
fn the_work_runs_once(#[values(0, 1, 2)] times: usize, #[values("/sync", "/async")] path: &str) {
    let (mut app, notes) = (App::new("test"), Notes::default());
    app.propagate(|| (), move |(), run| (0..times).for_each(|_| run()));
    let (of_sync, of_async) = (notes.clone(), notes.clone());
    app.route("/sync", move || {
        of_sync.note("runs");
        "ok"
    });
    app.route("/async", move || {
        of_async.note("runs");
        std::future::ready("ok")
    });
    assert_eq!(app.test_client().get(path).wait().unwrap().status(), 200);
    assert_eq!(notes.all(), ["runs"]);
}

#[test]
fn the_first_registered_is_entered_first() {
    let (mut app, notes) = (App::new("test"), Notes::default());
    for name in ["first", "second"] {
        let notes = notes.clone();
        app.propagate(
            || (),
            move |(), run| {
                notes.note(name);
                run();
            },
        );
    }
    app.build().unwrap().app_context_sync(|| notes.note("work"));
    let notes = notes.all();
    let work = notes.iter().position(|note| note == "work").unwrap();
    assert_eq!(notes[work - 2..=work], ["first", "second", "work"]);
}
