//! Changes of the session, and functions of `after_this_request`, that come after the head of the response has left.

use std::sync::Arc;

use costrel::{
    App, Body, Error, IntoResponse, IntoView, Response, View, after_this_request, copy_current_request_context,
    create_task, flash, get_flashed_messages, session, stream_with_context,
};
use futures_util::{StreamExt, stream};
use parking_lot::Mutex;
use rstest::rstest;
use tokio::sync::oneshot;

use crate::support::log::log_of;

/// Builds a view of the given colour that returns the body that `body` makes.
fn view<R: IntoResponse + Send + 'static>(sync: bool, body: impl Fn() -> R + Clone + Send + Sync + 'static) -> View
where
    Result<Response, Error>: IntoResponse,
{
    let body = move || body().into_response();
    if sync { body.into_view() } else { (move || std::future::ready(body())).into_view() }
}

/// Builds a body of one chunk, which `chunk` makes while the body is sent.
fn late(iterator: bool, chunk: impl FnOnce() -> String + Send + 'static) -> Body {
    let mut chunk = Some(chunk);
    let mut next = move |_| chunk.take().map(|chunk| chunk()).unwrap_or_default();
    if iterator {
        Body::from_iterator((0..1).map(move |n| Ok::<_, Error>(next(n))))
    } else {
        Body::from_stream(stream::iter(0..1).map(move |n| Ok::<_, Error>(next(n))))
    }
}

fn app(view: View) -> App {
    let mut app = App::new("test");
    app.config.secret_key = Some("secret".into());
    app.rule("/").view(view.named("index"));
    app
}

fn outcome(changed: Result<(), Error>) -> String {
    changed.map_or_else(|error| error.message().to_owned(), |()| "lost".into())
}

#[rstest]
#[case::set(|| outcome(session().set("n", 1)))]
#[case::set_permanent(|| outcome(session().set_permanent(true)))]
#[case::flash(|| outcome(costrel::async_to_sync(|()| flash("saved", "message"))(()).flatten()))]
fn a_change_in_a_streamed_body_is_an_error(
    #[values(true, false)] sync: bool,
    #[values(true, false)] with_context: bool,
    #[case] change: fn() -> String,
) {
    let body = move || {
        // An iterator runs on a worker, where `flash` may be waited for.
        if with_context {
            return stream_with_context(late(true, change));
        }
        let copied = costrel::copy_current_request_context_sync(change);
        late(true, copied)
    };
    let response = app(view(sync, body)).test_client().get("/").wait().unwrap();
    assert!(response.text().contains("the head of the response has left already"), "{}", response.text());
    assert_eq!(response.header("set-cookie"), None);
}

#[rstest]
fn a_removal_in_a_streamed_body_is_in_the_log(#[values(true, false)] iterator: bool) {
    let removed = || {
        let removed = format!("{:?}", session().remove("n"));
        session().clear();
        format!("{removed} {}", session().contains("n"))
    };
    let body = move || {
        session().set("n", 1).unwrap();
        stream_with_context(late(iterator, removed))
    };
    let text = app(view(true, body)).test_client().get("/").wait().unwrap().text();
    assert_eq!(text, "None true");
    let mut app = app(view(true, body));
    app.config.testing = false;
    let log = log_of(app, "/");
    assert!(log.contains("\"n\" was not removed from the session"), "{log}");
}

/// Messages that a streamed body could not take out of the session are for the next page, once.
#[rstest]
fn a_streamed_body_takes_no_flashed_messages(#[values(true, false)] sync: bool, #[values(true, false)] iterator: bool) {
    let messages = || format!("{:?}", get_flashed_messages());
    let mut app = app(view(sync, move || stream_with_context(late(iterator, messages))));
    app.route("/flash", || flash("hello", "message").wait().map(|()| "flashed"));
    app.route("/page", messages);
    let client = app.test_client();
    client.get("/flash").wait().unwrap();
    let texts = ["/", "/page", "/page"].map(|path| client.get(path).wait().unwrap().text());
    assert_eq!(texts, ["[]", r#"[("message", "hello")]"#, "[]"]);
}

#[rstest]
fn a_task_that_outlives_its_view_cannot_change_the_session(#[values(true, false)] copied: bool) {
    let (go, mut wait) = (Arc::new(Mutex::new(None)), None);
    let (sender, receiver) = oneshot::channel::<()>();
    *go.lock() = Some(receiver);
    wait.replace(sender);
    let (told, heard) = std::sync::mpsc::channel();
    let view = move || {
        let (start, told) = (go.lock().take(), told.clone());
        async move {
            let task = async move {
                let _ = start.unwrap().await;
                told.send(outcome(session().set("n", 1))).unwrap();
                Ok::<_, Error>(())
            };
            if copied {
                drop(tokio::spawn(copy_current_request_context(task)));
            } else {
                drop(create_task(task));
            }
            "begun"
        }
    };
    let mut app = app(view.into_view());
    app.config.threads = None;
    let client = app.test_client();
    assert_eq!(client.get("/").wait().unwrap().text(), "begun");
    drop(wait);
    let said = heard.recv_timeout(crate::support::DEADLINE).unwrap();
    assert!(said.contains("the head of the response has left already"), "{said}");
}

/// A body that has the context, or a session that the view has got, may read the session when the head has left.
#[rstest]
#[case::with_context(|| stream_with_context(late(false, || session().contains("n").to_string())))]
#[case::captured(|| { let session = session(); late(false, move || session.contains("n").to_string()) })]
fn a_stream_that_reads_the_session_varies_by_cookie(#[values(true, false)] sync: bool, #[case] body: fn() -> Body) {
    let response = app(view(sync, body)).test_client().get("/").wait().unwrap();
    assert_eq!((response.text().as_str(), response.header("vary")), ("false", Some("Cookie")));
}

#[rstest]
fn a_stream_without_the_session_does_not_vary(#[values(true, false)] sync: bool) {
    let body = || late(false, || "plain".to_owned());
    assert_eq!(app(view(sync, body)).test_client().get("/").wait().unwrap().header("vary"), None);
}

#[rstest]
fn a_function_registered_in_a_streamed_body_is_an_error(#[values(true, false)] sync: bool) {
    let register = || {
        let registering = std::panic::AssertUnwindSafe(|| after_this_request(|response: Response| response));
        let panicked = std::panic::catch_unwind(registering).unwrap_err();
        panicked.downcast::<String>().map_or_else(|_| "another panic".to_owned(), |message| *message)
    };
    let body = move || stream_with_context(late(false, register));
    let text = app(view(sync, body)).test_client().get("/").wait().unwrap().text();
    assert!(text.contains("after the head of the response has left"), "{text}");
}

/// A function that a copied context or another such function registers runs on the response of the request.
#[rstest]
fn a_function_registered_by_a_copy_or_by_another_function_runs(#[values(true, false)] sync: bool) {
    let body = || {
        costrel::copy_current_request_context_sync(|| {
            after_this_request(|mut response: Response| {
                after_this_request(|mut response: Response| {
                    response.headers_mut().insert("x-second", "1".parse().unwrap());
                    response
                });
                response.headers_mut().insert("x-first", "1".parse().unwrap());
                response
            });
        })();
        "done"
    };
    let response = app(view(sync, body)).test_client().get("/").wait().unwrap();
    assert_eq!([response.header("x-first"), response.header("x-second")], [Some("1"); 2]);
}

/// The page of an error that comes after the session was saved is a response of its own.
#[test]
fn an_error_handler_can_change_the_session_though_another_response_was_saved() {
    let mut app = app((|| session().set("n", 1).map(|()| "never sent")).into_view());
    app.connect(&costrel::signals::REQUEST_FINISHED, |_| Err::<(), _>(Error::status(500)));
    app.errorhandler(500, |_: Error| session().set("n", 2).map(|()| ("failed", 500)));
    app.config.testing = false;
    let response = app.test_client().get("/").wait().unwrap();
    assert_eq!((response.status().as_u16(), response.text().as_str()), (500, "failed"));
}
