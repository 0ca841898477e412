//! Extensions that use all parts of an app: state, hooks, signals, commands, templates, blueprints, class views.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use costrel::{
    App, Blueprint, Error, IntoView, MethodView, Methods, Request, Response, View, abort, context, current_app, g,
    render_template, request,
    signals::{REQUEST_STARTED, Signal},
};
use costrel_ext_kit::{Decorate, Extension};
use rstest::rstest;

/// The signal that visitors were counted.
static COUNTED: Signal<usize> = Signal::new("visitors.counted");

/// An extension that counts visitors and uses all parts of an app.
struct Visitors {
    sync: bool,
}

/// The state of the extension on one app.
#[derive(Default)]
struct Count {
    visits: AtomicUsize,
    closed: AtomicUsize,
    commands: AtomicUsize,
}

fn state() -> Arc<Count> {
    current_app().extension().unwrap()
}

fn add(counter: &AtomicUsize, number: usize) {
    counter.fetch_add(number, Ordering::SeqCst);
}

impl Extension for Visitors {
    fn init_app(self, app: &mut App) -> Result<(), Error> {
        if app.config.get::<bool>("VISITORS_OFF") == Some(true) {
            return Err(Error::setup("VISITORS_OFF is set"));
        }
        app.set_extension(Count::default());
        app.connect(&REQUEST_STARTED, async |request: Request| g().set("started_at", request.path().to_owned()));
        let mut blueprint = Blueprint::new("visitors").url_prefix("/visitors");
        blueprint.rule("/count").endpoint("count").view(|| state().visits.load(Ordering::SeqCst).to_string());
        app.register_blueprint(blueprint);
        app.templates(|templates| templates.add_global("counter", "visitors"));
        if self.sync {
            app.before_request(|| add(&state().visits, 1));
            app.teardown_appcontext(|| add(&state().closed, 1));
            app.command("count", "Count.", |arguments: Vec<String>| {
                add(&state().commands, arguments.len());
                COUNTED.send(1).wait()
            });
            app.context_processor(|| context! { visits => state().visits.load(Ordering::SeqCst) });
        } else {
            app.before_request(async || add(&state().visits, 1));
            app.teardown_appcontext(async || add(&state().closed, 1));
            app.command("count", "Count.", async |arguments: Vec<String>| {
                tokio::task::yield_now().await;
                add(&state().commands, arguments.len());
                COUNTED.send(1).await
            });
            app.context_processor(async || {
                tokio::task::yield_now().await;
                context! { visits => state().visits.load(Ordering::SeqCst) }
            });
        }
        Ok(())
    }
}

fn app_with(sync: bool) -> App {
    let mut app = App::new("site");
    app.init(Visitors { sync }).unwrap();
    app
}

/// Each app has its own state of the extension.
#[rstest]
fn state_is_kept_per_app(#[values(true, false)] sync: bool) {
    let (one, other) = (app_with(sync).test_client(), app_with(sync).test_client());
    one.get("/nowhere").wait().unwrap();
    assert_eq!(one.get("/visitors/count").wait().unwrap().text(), "2");
    assert_eq!(other.get("/visitors/count").wait().unwrap().text(), "1");
}

/// A template whose context comes from an async function renders in views of either colour (in Flask, not in async
/// views), and sees an extension's global.
#[rstest]
fn templates_see_what_an_extension_adds(#[values(true, false)] sync: bool) {
    let mut app = app_with(sync);
    app.templates(|templates| templates.add_template("page.html", "{{ counter }}: {{ visits }}").unwrap());
    app.route("/sync", || render_template("page.html", context! {}).wait());
    app.route("/async", async || render_template("page.html", context! {}).await);
    let client = app.test_client();
    assert_eq!(client.get("/sync").wait().unwrap().text(), "visitors: 1");
    assert_eq!(client.get("/async").wait().unwrap().text(), "visitors: 2");
}

/// An async subscriber of `request_started` sees the request, and sync views see what it sets on `g`.
#[rstest]
fn an_async_subscriber_sees_the_request(#[values(true, false)] sync_view: bool) {
    let mut app = app_with(true);
    app.connect(&REQUEST_STARTED, async || g().set("method", request().method().to_string()));
    let seen = || format!("{:?} {:?}", g().get::<String>("started_at"), g().get::<String>("method"));
    if sync_view {
        app.route("/seen", seen)
    } else {
        app.route("/seen", move || async move { seen() })
    };
    assert_eq!(app.test_client().get("/seen").wait().unwrap().text(), r#"Some("/seen") Some("GET")"#);
}

/// Async commands run (in Flask they silently never run), and an extension's own signal reaches subscribers of either
/// colour.
#[rstest]
fn commands_run_in_an_app_context_of_their_own(#[values(true, false)] sync: bool) {
    let mut app = app_with(sync);
    let heard = Arc::new(AtomicUsize::new(0));
    for _ in 0..2 {
        let heard = Arc::clone(&heard);
        app.connect(&COUNTED, move |number: usize| add(&heard, number));
    }
    let heard_async = Arc::clone(&heard);
    app.connect(&COUNTED, move |number: usize| {
        let heard = Arc::clone(&heard_async);
        async move { add(&heard, number) }
    });
    let app = app.build().unwrap();
    app.invoke("count", ["a", "b"]).wait().unwrap();
    let count = app.handle().extension::<Count>().unwrap();
    assert_eq!(count.commands.load(Ordering::SeqCst), 2);
    assert_eq!((count.closed.load(Ordering::SeqCst), count.visits.load(Ordering::SeqCst)), (1, 0));
    assert_eq!(heard.load(Ordering::SeqCst), 3);
    assert!(app.invoke("recount", []).wait().unwrap_err().message().contains("no command \"recount\""));
}

#[test]
fn an_extension_that_does_not_start_says_which_and_why() {
    let mut app = App::new("site");
    app.config.set("VISITORS_OFF", true).unwrap();
    let error = app.init(Visitors { sync: true }).unwrap_err();
    let line = line!() - 1;
    assert!(error.to_string().contains("the extension Visitors did not start: VISITORS_OFF is set"), "{error}");
    assert_eq!(error.location().map(std::panic::Location::line), Some(line));
}

/// Two commands or two signals with the same name are reported at start-up.
#[test]
fn names_that_are_taken_are_reported() {
    static OTHER: Signal<String> = Signal::new("visitors.counted");
    let mut app = app_with(true);
    app.command("count", "Again.", || ());
    app.connect(&COUNTED, || ());
    app.connect(&OTHER, || ());
    let error = app.build().unwrap_err().to_string();
    assert!(error.contains("there is a command \"count\" already"), "{error}");
    assert!(error.contains("the signal \"visitors.counted\" exists with a value of another type"), "{error}");
}

/// A marker on a view is found through decorators, and by hooks.
#[rstest]
fn a_marker_is_found_through_decorators(#[values(true, false)] sync: bool) {
    struct Exempt;

    let view = if sync { (|| "view").into_view() } else { (async || "view").into_view() };
    let mut app = App::new("site");
    app.before_request(async || request().marker::<Exempt>().is_none().then_some(("", 401)));
    let marked = sync_key_required(key_required(view.clone().marked(Exempt)));
    app.rule("/marked").endpoint("marked").view(marked);
    app.rule("/plain").endpoint("plain").view(view);
    let client = app.test_client();
    assert_eq!(client.get("/plain").wait().unwrap().status(), 401);
    assert_eq!(client.get("/marked").header("x-key", "open").wait().unwrap().text(), "view");
}

fn sync_key_required(view: View) -> View {
    view.wrapped_by(|view, request| {
        if request.header("x-key").is_none() {
            return abort(401);
        }
        current_app().ensure_sync(view)(request)
    })
}

fn key_required(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        if request.header("x-key").is_none() {
            return abort(401);
        }
        next.call(request).await
    })
}

fn stamped(view: View) -> View {
    view.followed_by(|outcome| {
        let mut response: Response = outcome?;
        response.headers_mut().append("x-stamp", "1".parse()?);
        Ok(response)
    })
}

/// A class view with methods of both colours, a dependency from its constructor, and decorators in its list.
#[derive(Clone)]
struct Items {
    model: &'static str,
}

impl Items {
    fn get(self, id: i64) -> String {
        format!("{} {id}, on a worker", self.model)
    }

    async fn put(self, id: i64) -> String {
        tokio::task::yield_now().await;
        format!("{} {id}, on the loop", self.model)
    }
}

impl MethodView for Items {
    fn methods(methods: Methods<Self>) -> Methods<Self> {
        methods.get(Self::get).put(Self::put)
    }

    fn decorators() -> Vec<Box<dyn Fn(View) -> View>> {
        vec![Box::new(stamped), Box::new(key_required), Box::new(sync_key_required)]
    }
}

#[rstest]
fn decorators_work_in_the_list_of_a_class_view(#[values("GET", "PUT")] method: &str) {
    let mut app = App::new("site");
    app.route("/items/<int:id>", Items::as_view("items", || Items { model: "item" }));
    let client = app.test_client();
    let open = || client.open(method.parse().unwrap(), "/items/3");
    assert_eq!(open().wait().unwrap().status(), 401);
    let response = open().header("x-key", "1").wait().unwrap();
    assert!(response.text().starts_with("item 3, on"), "{}", response.text());
    assert_eq!(response.header("x-stamp"), Some("1"));
    let rule = &client.application().rules()[0];
    let order: Vec<_> = rule.decorators.iter().map(|layer| layer.name.as_str()).collect();
    assert_eq!((rule.endpoint.as_str(), order), ("items", vec!["sync_key_required", "key_required", "stamped"]));
}

/// A refused request to a class view with sync functions never touches a worker.
#[test]
fn a_class_view_is_refused_without_touching_a_worker() {
    let mut app = App::new("site");
    let view = Items::as_view("items", || Items { model: "item" });
    app.rule("/<int:id>").decorate(key_required).view(view);
    let client = app.test_client();
    assert_eq!(client.get("/1").wait().unwrap().status(), 401);
    assert_eq!(client.application().handle().crossings(), 0);
}

/// A connection that opens on first use closes at the end of the context, of a request or a command; a request that
/// does not use it opens none.
#[rstest]
fn a_lazy_resource_is_opened_once_and_closed(#[values(true, false)] sync: bool) {
    #[derive(Clone)]
    struct Connection(Arc<AtomicUsize>);
    let (opened, closed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counter = Arc::clone(&opened);
    let database = move || {
        g().get::<Connection>("db").unwrap_or_else(|| {
            counter.fetch_add(1, Ordering::SeqCst);
            let connection = Connection(Arc::clone(&counter));
            g().set("db", connection.clone());
            connection
        })
    };
    let mut app = App::new("site");
    let on_close = Arc::clone(&closed);
    app.teardown_appcontext(move || {
        if g().pop::<Connection>("db").is_some() {
            on_close.fetch_add(1, Ordering::SeqCst);
        }
    });
    let in_view = database.clone();
    let use_twice = move || {
        in_view();
        in_view().0.load(Ordering::SeqCst).to_string()
    };
    if sync {
        app.route("/", use_twice);
    } else {
        app.route("/", move || std::future::ready(use_twice()));
    }
    app.route("/idle", || "");
    app.command("query", "Ask once.", move || drop(database()));
    let client = app.test_client();
    assert_eq!(client.get("/").wait().unwrap().text(), "1");
    client.get("/idle").wait().unwrap();
    client.application().invoke("query", []).wait().unwrap();
    assert_eq!((opened.load(Ordering::SeqCst), closed.load(Ordering::SeqCst)), (2, 2));
}
