//! The lint for the running app: what it finds, in whose name, and that it changes nothing.

use std::thread;
use std::time::{Duration, Instant};

use costrel::http::header;
use costrel::testing::{Fault, Lint};
use costrel::{App, Callable, Colour, Error, HeaderValue, IntoView, Request, Response, View, abort, async_to_sync};
use rstest::rstest;

use crate::support::log::log_while;

fn sync_view() -> &'static str {
    "hello"
}

async fn async_view() -> &'static str {
    "hello"
}

async fn failing() -> Result<&'static str, Error> {
    abort(503)
}

fn sync() -> View {
    sync_view.into_view()
}

fn asynchronous() -> View {
    async_view.into_view()
}

/// Makes a decorator whose async wrapper is `wrapper`.
fn with<F>(view: View, name: &'static str, wrapper: impl Fn(View, Request) -> F + Send + Sync + 'static) -> View
where
    F: Future<Output = Result<Response, Error>> + Send + 'static,
{
    let next = view.clone();
    view.wrapped(name, Callable::new_async(move |request| wrapper(next.clone(), request)))
}

fn twice(view: View) -> View {
    with(view, "twice", async |next: View, request: Request| {
        next.call(request.clone()).await?;
        next.call(request).await
    })
}

fn twice_from_sync_code(view: View) -> View {
    let next = view.clone();
    let wrapper = move |request: Request| {
        next.call_sync(request.clone())?;
        next.call_sync(request)
    };
    view.wrapped("twice", Callable::new_sync(wrapper))
}

/// Calls the view again where it failed.
fn again(view: View) -> View {
    with(view, "again", async |next: View, request: Request| match next.call(request.clone()).await {
        Err(_) => next.call(request).await,
        answered => answered,
    })
}

fn shortened(view: View) -> View {
    with(view, "shortened", async |next: View, request: Request| {
        let (mut head, _) = next.call(request).await?.into_parts();
        head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("5"));
        Ok(Response::from_parts(head, "hi".into()))
    })
}

fn appended(view: View) -> View {
    with(view, "appended", async |next: View, request: Request| {
        let mut response = next.call(request).await?;
        response.headers_mut().append(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        Ok(response)
    })
}

fn blocking(view: View) -> View {
    with(view, "blocking", async |next: View, request: Request| {
        compute(Fault::LONGEST + Duration::from_millis(20));
        next.call(request).await
    })
}

fn passing(view: View) -> View {
    with(view, "passing", async |next: View, request: Request| next.call(request).await)
}

fn passing_sync(view: View) -> View {
    let next = view.clone();
    view.wrapped("passing_sync", Callable::new_sync(move |request| next.call_sync(request)))
}

fn app_with(view: View) -> App {
    let mut app = App::new("test");
    app.config.threads = None;
    app.rule("/").view(view);
    app
}

/// The lints of an app after two requests.
fn lints_of(app: App) -> Vec<Lint> {
    let client = app.test_client();
    for _ in 0..2 {
        drop(client.get("/").wait());
    }
    client.application().handle().lints()
}

/// Each fault is found on views of both colours, once, in the name of the decorator that has it.
#[rstest]
#[case::called_again(twice, |fault: &Fault| *fault == Fault::CalledAgain)]
#[case::called_again_sync(twice_from_sync_code, |fault: &Fault| *fault == Fault::CalledAgain)]
#[case::wrong_length(shortened, |fault: &Fault| *fault == Fault::WrongLength { stated: "5".to_owned(), actual: 2 })]
#[case::repeated(appended, |fault: &Fault| *fault == Fault::Repeated("content-type"))]
#[case::blocked(blocking, |fault: &Fault| matches!(fault, Fault::BlockedTheLoop(time) if *time > Fault::LONGEST))]
fn a_fault_is_found_once_and_by_name(
    #[case] decorator: fn(View) -> View,
    #[case] is_it: fn(&Fault) -> bool,
    #[values(sync, asynchronous)] view: fn() -> View,
    #[values(passing, passing_sync)] outer: fn(View) -> View,
) {
    let name = decorator(view()).decorators().next().unwrap().name.clone();
    let whole = outer(decorator(passing(view())));
    // Beneath a sync wrapper nothing runs on the event loop.
    let never_shows = name == "blocking" && whole.colour() == Colour::Sync;
    let lints = lints_of(app_with(whole));
    if never_shows {
        return assert_eq!(lints, []);
    }
    let [lint] = &lints[..] else { panic!("{lints:?}") };
    assert!(is_it(&lint.fault), "{lint}");
    assert_eq!((&*lint.name, &*lint.request), (&*name, "GET /"));
}

fn computing() -> &'static str {
    compute(Fault::LONGEST * 2);
    "computed"
}

/// Holds this thread for at least `time`.
fn compute(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        thread::yield_now();
    }
}

async fn waiting() -> &'static str {
    let began = Instant::now();
    while began.elapsed() < Fault::LONGEST * 2 {
        tokio::task::yield_now().await;
    }
    "waited"
}

fn waiting_sync() -> Result<&'static str, Error> {
    async_to_sync(|()| waiting())(())
}

#[rstest]
#[case::right(passing(sync()))]
#[case::again_after_an_error(again(failing.into_view()))]
#[case::again_without_need(again(asynchronous()))]
#[case::a_sync_view_that_computes(computing.into_view())]
#[case::a_view_that_waits(waiting.into_view())]
#[case::sync_code_that_waits(waiting_sync.into_view())]
#[case::not_modified((async || ("", 304, [("content-length", "5")])).into_view())]
#[case::two_cookies((async || ("", [("set-cookie", "a=1"), ("set-cookie", "b=2")])).into_view())]
fn what_is_right_is_not_accused(#[case] view: View) {
    assert_eq!(lints_of(app_with(view)), []);
}

/// A decorator that doubles one header, and another one later, is told of both, each once.
#[rstest]
fn each_doubled_header_is_said(#[values(sync, asynchronous)] view: fn() -> View) {
    const DOUBLED: [&str; 4] = ["content-type", "etag", "x-frame-options", "retry-after"];
    let client = app_with(doubling(view())).test_client();
    for name in DOUBLED.iter().chain(&DOUBLED) {
        drop(client.get(&format!("/?header={name}")).wait());
    }
    let said: Vec<_> = client.application().handle().lints().into_iter().map(|lint| lint.fault).collect();
    assert_eq!(said, DOUBLED.map(Fault::Repeated));
}

fn doubling(view: View) -> View {
    with(view, "doubling", async |next: View, request: Request| {
        let name: header::HeaderName = request.args().get("header").unwrap_or("x-none").parse()?;
        let mut response = next.call(request).await?;
        response.headers_mut().remove(&name);
        for value in ["1", "2"] {
            response.headers_mut().append(&name, HeaderValue::from_static(value));
        }
        Ok(response)
    })
}

#[test]
fn a_fault_of_a_hook_is_found_in_the_response_that_leaves() {
    let mut app = app_with(sync());
    app.after_request(async |mut response: Response| {
        response.headers_mut().append(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        response
    });
    let lints = lints_of(app);
    assert_eq!(lints.len(), 1);
    assert_eq!((&lints[0].fault, &*lints[0].name), (&Fault::Repeated("content-type"), "a hook or an error handler"));
}

#[test]
fn a_fault_is_said_once_in_the_log() {
    let client = app_with(twice(asynchronous())).test_client();
    let log = log_while(async {
        for _ in 0..3 {
            drop(client.get("/").await.unwrap());
        }
    });
    let said = "lint: `twice` called the view beneath it again after that had answered";
    assert_eq!(log.matches(said).count(), 1, "{log}");
}

/// A request that neither the test client nor debug mode makes is not looked at.
#[rstest]
#[case::production(false, 0)]
#[case::debug(true, 1)]
fn it_is_on_in_debug_mode_only(#[case] debug: bool, #[case] found: usize) {
    let mut app = app_with(twice(asynchronous()));
    app.config.debug = debug;
    let application = app.build().unwrap();
    let request = costrel::http::Request::builder().uri("/").body(costrel::Body::empty()).unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(application.call(request));
    assert_eq!(application.handle().lints().len(), found);
}

/// The response, the timeline and the crossings are what they would be without the lint.
#[rstest]
#[case::sync(sync, 1)]
#[case::asynchronous(asynchronous, 0)]
fn it_changes_nothing(#[case] view: fn() -> View, #[case] crossings: u64) {
    let client = app_with(appended(shortened(passing(view())))).test_client();
    let response = client.get("/").wait().unwrap();
    assert_eq!((response.text().as_str(), response.header("content-length")), ("hi", Some("2")));
    assert_eq!(response.headers().get_all(header::CONTENT_TYPE).iter().count(), 2);
    assert!(response.trace().is_none() && client.application().handle().traces().is_empty());
    assert_eq!(client.application().handle().crossings(), crossings);
}
