//! The timeline of a request: its steps with their threads, its crossings and waits; as text, JSON, picture and page.

use costrel::timeline::{StepKind, Trace};
use costrel::{App, Colour, Error, IntoView, Response, View, abort, async_to_sync};
use rstest::rstest;

use crate::support::views::{wrapped_async, wrapped_sync};

/// The kind, name and depth of each step, with the threads that it ran on.
fn steps(trace: &Trace) -> Vec<(StepKind, &str, usize, String)> {
    let seen = |step| trace.threads_of(step).join(" ");
    trace.steps.iter().map(|step| (step.kind, &*step.name, step.depth, seen(step))).collect()
}

fn app_with(view: View) -> App {
    let mut app = App::new("test");
    app.config.threads = None;
    app.rule("/").view(view);
    app
}

fn traced(app: App) -> Trace {
    app.test_client().get("/").traced().wait().unwrap().trace().unwrap()
}

fn sync_view() -> &'static str {
    "sync"
}

async fn async_view() -> &'static str {
    tokio::task::yield_now().await;
    "async"
}

fn before() {}

fn after(response: Response) -> Response {
    response
}

async fn teardown() {}

const LOOP: &str = "event loop 1";
const WORKER: &str = "worker 1";

#[test]
fn a_request_of_sync_code_crosses_once_and_its_steps_are_in_their_order() {
    let mut app = app_with(sync_view.into_view());
    app.before_request(before).after_request(after).teardown_request(|| ());
    let trace = traced(app);
    assert_eq!(
        steps(&trace),
        [
            (StepKind::BeforeRequest, "before", 0, WORKER.into()),
            (StepKind::View, "sync_view", 0, WORKER.into()),
            (StepKind::AfterRequest, "after", 0, WORKER.into()),
            (
                StepKind::Teardown,
                "closure in a_request_of_sync_code_crosses_once_and_its_steps_are_in_their_order",
                0,
                WORKER.into()
            ),
        ]
    );
    assert_eq!((trace.crossings.len(), trace.status), (1, 200));
    assert_eq!(trace.request, "GET /");
    assert!(trace.crossings[0].sent <= trace.crossings[0].began);
    assert!(trace.steps.iter().all(|step| step.ended.is_some_and(|ended| ended <= trace.duration)));
}

#[test]
fn async_steps_run_on_the_event_loop() {
    let mut app = app_with(async_view.into_view());
    app.before_request(async || ()).teardown_request(teardown);
    let trace = traced(app);
    assert!(trace.crossings.is_empty());
    assert_eq!(trace.threads, [LOOP]);
    let view = &trace.steps[1];
    // It waited once, so it ran twice.
    assert_eq!((view.kind, view.colour, view.runs.len()), (StepKind::View, Colour::Async, 2));
}

#[rstest]
#[case::async_around_sync(wrapped_async, sync_view.into_view(), LOOP, WORKER)]
#[case::async_around_async(wrapped_async, async_view.into_view(), LOOP, LOOP)]
#[case::sync_around_sync(wrapped_sync, sync_view.into_view(), WORKER, WORKER)]
#[case::sync_around_async(wrapped_sync, async_view.into_view(), WORKER, WORKER)]
fn a_decorator_is_the_step_around_its_view(
    #[case] decorator: fn(View) -> View,
    #[case] view: View,
    #[case] decorator_on: &str,
    #[case] view_on: &str,
) {
    let (decorated, name) = (decorator(view.clone()), view.name().unwrap().to_owned());
    let trace = traced(app_with(decorated));
    let [decorator, view] = &steps(&trace)[..] else { panic!("{trace:?}") };
    assert_eq!((decorator.0, decorator.2, &*decorator.3), (StepKind::Decorator, 0, decorator_on));
    assert_eq!((view.0, view.1, view.2, &*view.3), (StepKind::View, &*name, 1, view_on));
    assert_eq!(trace.crossings.len(), usize::from(view_on == WORKER));
}

/// A worker that waits in `ensure_sync`, `.wait()` or a function of `async_to_sync` is blocked meanwhile.
#[test]
fn a_wait_of_sync_code_is_no_run() {
    let trace = traced(app_with((|| async_to_sync(|()| tokio::task::yield_now())(()).map(|()| "waited")).into_view()));
    let view = &trace.steps[0];
    assert!(view.runs.iter().any(|run| run.waits), "{view:?}");
}

#[rstest]
#[case::sync_view((|| abort::<&str>(418)).into_view())]
#[case::async_view((async || abort::<&str>(418)).into_view())]
fn an_error_handler_is_a_step(#[case] view: View) {
    let mut app = app_with(view);
    app.errorhandler(418, |error: Error| async move { (error.to_string(), 418) });
    let trace = traced(app);
    let kinds: Vec<_> = trace.steps.iter().map(|step| (step.kind, step.colour)).collect();
    assert_eq!((kinds[1], kinds.len()), ((StepKind::ErrorHandler, Colour::Async), 2));
    assert_eq!(trace.status, 418);
}

#[test]
fn a_step_that_panics_has_an_end() {
    let trace = traced(app_with((|| -> &'static str { panic!("on purpose") }).into_view()));
    assert_eq!((trace.status, trace.steps.len()), (500, 1));
    assert!(trace.steps[0].ended.is_some());
}

#[test]
fn nothing_is_recorded_unless_a_test_asks() {
    let client = app_with(sync_view.into_view()).test_client();
    assert!(client.get("/").wait().unwrap().trace().is_none());
}

#[test]
fn the_forms_show_the_same_steps_and_escape_what_the_client_sent() {
    let mut app = App::new("test");
    app.config.threads = None;
    app.rule("/<path>").decorate(wrapped_async).view(|_path: String| "sync");
    let client = app.test_client();
    let trace = client.get("/x?a=%3C&b='").traced().wait().unwrap().trace().unwrap();
    let (text, svg, json) = (trace.to_text(), trace.to_svg(), trace.to_json());
    assert!(text.starts_with("GET /x?a=%3C&b=': 200 in "), "{text}");
    for row in ["decorator async", "  view closure", "    crossing", WORKER, LOOP] {
        assert!(text.contains(row), "{row} is not in {text}");
    }
    assert!(svg.contains("GET /x?a=%3C&amp;b=&#39;: 200 in "), "{svg}");
    assert_eq!((svg.matches("crosses to worker 1").count(), json["crossings"].as_array().unwrap().len()), (1, 1));
    assert_eq!(json["steps"][1]["runs"][0]["thread"], WORKER);
}

fn debugged() -> App {
    let mut app = app_with(sync_view.into_view());
    app.config.debug = true;
    app
}

#[test]
fn debug_mode_has_a_page_for_each_of_the_last_requests() {
    let client = debugged().test_client();
    let page = |path: &str| client.get(path).wait().unwrap();
    assert!(page("/_trace/").text().contains("No request has been handled yet"));
    for _ in 0..60 {
        page("/");
    }
    let list = page("/_trace/").text();
    assert_eq!(list.matches("GET /</a>: 200 in ").count(), 50);
    assert!(list.contains("href=\"./60\"") && !list.contains("href=\"./10\""), "{list}");
    assert!(page("/_trace/60").text().contains("<svg xmlns="));
    for missing in ["/_trace/10", "/_trace/61", "/_trace/x", "/_trace/-1"] {
        assert_eq!(page(missing).status(), 404, "{missing}");
    }
}

#[test]
fn the_pages_are_there_in_debug_mode_only_and_where_the_app_has_no_rule() {
    let client = app_with(sync_view.into_view()).test_client();
    assert_eq!(client.get("/_trace/").wait().unwrap().status(), 404);
    let mut app = debugged();
    app.route("/_trace/", || "the app's own");
    assert_eq!(app.test_client().get("/_trace/").wait().unwrap().text(), "the app's own");
}
