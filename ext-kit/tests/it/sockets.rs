//! Decorators on WebSockets: those for pages are a set-up error or pass by, all others are around the conversation.

use costrel::{
    App, Blueprint, Error, HeaderValue, IntoView, OnWebSocket, Phase, View, abort, convert::IntoWebSocketView,
    websocket,
};
use costrel_ext_kit::tower::layered;
use costrel_ext_kit::{Decorate, Decorator};
use rstest::rstest;

fn talk() -> Result<(), Error> {
    websocket().send("hello").wait()
}

async fn talk_async() -> Result<(), Error> {
    websocket().send("hello").await
}

fn handler(sync: bool) -> View {
    if sync { talk.into_websocket_view() } else { talk_async.into_websocket_view() }
}

fn cached(view: View) -> View {
    Decorator::new(view).named("cached").phase(Phase::CACHE).wrap_async(|next, request| next.call(request))
}

fn compressed(view: View) -> View {
    Decorator::new(view).named("compressed").on_websocket(OnWebSocket::SetupError).after(|outcome| outcome)
}

fn cors(view: View) -> View {
    Decorator::new(view).named("cors").phase(Phase::CORS).wrap_async(|_, _| async { abort(500) })
}

fn skipped(view: View) -> View {
    Decorator::new(view).named("skipped").on_websocket(OnWebSocket::PassBy).wrap(|_, _| abort(500))
}

fn as_layer(view: View) -> View {
    layered(tower::layer::util::Identity::new())(view)
}

/// A decorator for pages fails at the rule's line, wherever it is put on.
#[rstest]
fn a_decorator_for_pages_is_a_set_up_error(
    #[values(cached as fn(View) -> View, compressed, as_layer)] decorator: fn(View) -> View,
    #[values("rule", "view", "blueprint")] place: &str,
    #[values(true, false)] sync: bool,
) {
    let mut app = App::new("test");
    let line = line!() + 1;
    match place {
        "rule" => drop(app.rule("/talk").decorate(decorator).websocket(handler(sync))),
        "view" => drop(app.websocket("/talk", decorator(handler(sync)))),
        _ => {
            let mut blueprint = Blueprint::new("b");
            blueprint.decorate(decorator);
            blueprint.websocket("/talk", handler(sync));
            app.register_blueprint(blueprint);
        }
    }
    let error = app.build().unwrap_err();
    assert!(error.message().contains("is for pages, and the rule \"/talk\" is for WebSockets"), "{error}");
    assert!(error.to_string().contains("sockets.rs:"), "{error} {line}");
}

/// A decorator that passes WebSockets by is on the pages of its blueprint alone.
#[rstest]
fn a_decorator_may_pass_by(
    #[values(cors as fn(View) -> View, skipped)] decorator: fn(View) -> View,
    #[values(true, false)] in_blueprint: bool,
    #[values(true, false)] sync: bool,
) {
    let (mut app, mut blueprint) = (App::new("test"), Blueprint::new("b"));
    if in_blueprint {
        blueprint.decorate(decorator);
        blueprint.rule("/talk").endpoint("talk").websocket(handler(sync));
        blueprint.route("/page", || "page");
    } else {
        app.rule("/talk").endpoint("talk").decorate(decorator).websocket(handler(sync));
        app.rule("/page").endpoint("page").decorate(decorator).view(|| "page");
    }
    app.register_blueprint(blueprint);
    let client = app.test_client();
    let socket = client.websocket("/talk").wait().unwrap();
    assert_eq!(socket.receive().wait().unwrap().text(), Some("hello"));
    assert_eq!(client.get("/page").wait().unwrap().status(), 500);
    let rules = client.application().rules();
    assert_eq!(rules.iter().map(|rule| rule.decorators.len()).sum::<usize>(), 1);
}

/// One that was put on a view before that view was known for a handler cannot pass by any more.
#[test]
fn passing_by_too_late_is_reported() {
    let mut app = App::new("test");
    app.websocket("/talk", skipped((|| "").into_view()));
    assert!(app.build().unwrap_err().message().contains("put it on with `.decorate(..)`"));
}

fn login(view: View) -> View {
    Decorator::new(view).phase(Phase::AUTH).wrap_async(|next, request| async move {
        if request.header("x-key").is_none() { abort(401) } else { next.call(request).await }
    })
}

fn login_sync(view: View) -> View {
    view.wrapped_by(|view, request| {
        if request.header("x-key").is_none() { abort(401) } else { costrel::current_app().ensure_sync(view)(request) }
    })
}

fn login_guard(view: View) -> View {
    view.guarded_by(|request| if request.header("x-key").is_none() { abort::<()>(401) } else { Ok(()) })
}

/// What checks a client is around the conversation; what follows the view sees refusals, and no ends of conversations.
#[rstest]
fn a_check_is_around_the_conversation(
    #[values(login as fn(View) -> View, login_sync, login_guard)] decorator: fn(View) -> View,
    #[values(true, false)] sync: bool,
    #[values(None, Some(2))] threads: Option<usize>,
) {
    fn stamped(view: View) -> View {
        view.followed_by(|outcome| match outcome {
            Ok(_) => panic!("the end of a conversation is no response"),
            Err(error) => Err(error.with_header("x-stamp".parse()?, HeaderValue::from_static("1"))),
        })
    }
    let mut app = App::new("test");
    app.config.threads = threads;
    app.rule("/talk").decorate(stamped).decorate(decorator).websocket(handler(sync));
    let client = app.test_client();
    let refused = client.websocket("/talk").wait().unwrap();
    assert_eq!((refused.status().as_u16(), refused.header("x-stamp")), (401, Some("1")));
    let socket = client.websocket("/talk").header("x-key", "1").wait().unwrap();
    assert_eq!(socket.receive().wait().unwrap().text(), Some("hello"));
    assert_eq!(socket.closed().wait().unwrap(), Some(1000));
}

/// A refused handshake leaves as a response, also one that the handler ended without accepting; an accepted one has left.
#[rstest]
#[case("/refused", 401)]
#[case("/ended", 403)]
#[case("/talk", 101)]
fn the_response_that_leaves_is_the_refusal(#[case] path: &str, #[case] status: u16) {
    let mut app = App::new("test");
    let (tell, told) = std::sync::mpsc::channel();
    app.on_response(move |_, response| {
        response.headers_mut().insert("x-left", HeaderValue::from_static("1"));
        tell.send(response.status().as_u16()).unwrap();
    });
    app.rule("/refused").decorate(login).websocket(talk_async);
    app.websocket("/ended", async || ());
    app.websocket("/talk", talk);
    let socket = app.test_client().websocket(path).wait().unwrap();
    assert_eq!(socket.status(), status);
    assert_eq!(socket.header("x-left"), (status != 101).then_some("1"));
    drop(socket);
    assert_eq!(told.try_recv().ok(), (status != 101).then_some(status));
}
