//! The OpenTelemetry context goes wherever a request goes, set by a decorator or by a layer around the app.

use std::thread;

use costrel::{
    App, Body, Error, Extension, Request, View, copy_current_request_context_sync, create_task, stream_with_context,
    sync_to_async,
};
use costrel_ext_kit::Decorator;
use opentelemetry::Context;
use opentelemetry::context::FutureExt;
use rstest::rstest;

/// The value in the context by which the tests know it.
#[derive(Clone)]
struct TraceId(String);

fn trace_id() -> String {
    Context::current().get::<TraceId>().map_or_else(|| "lost".to_owned(), |id| id.0.clone())
}

/// An extension as an author would write it.
struct Tracing;

impl Extension for Tracing {
    fn init_app(self, app: &mut App) -> Result<(), Error> {
        app.propagate(Context::current, |context, run| {
            let _attached = context.clone().attach();
            run();
        });
        Ok(())
    }
}

/// A decorator that reads the id from a header, as the propagators of OpenTelemetry do.
fn traced(view: View) -> View {
    Decorator::new(view).named("traced").wrap_async(|view, request: Request| {
        let id = TraceId(request.header("x-trace").unwrap_or("none").to_owned());
        view.call(request).into_future().with_context(Context::current_with_value(id))
    })
}

fn in_a_thread() -> String {
    thread::spawn(copy_current_request_context_sync(trace_id)).join().unwrap()
}

async fn in_a_job() -> Result<String, Error> {
    let both = [(), ()].map(|()| sync_to_async(|()| trace_id())(()));
    Ok(futures_util::future::try_join_all(both).await?.remove(1))
}

async fn in_a_task() -> Result<String, Error> {
    create_task(async { Ok::<_, Error>(trace_id()) }).await
}

fn in_a_stream() -> Body {
    stream_with_context(Body::from_iterator([()].into_iter().map(|()| trace_id())))
}

fn app() -> App {
    let mut app = App::new("test");
    app.init(Tracing).unwrap();
    app.rule("/sync").decorate(traced).view(trace_id);
    app.rule("/async").decorate(traced).view(async || trace_id());
    app.rule("/thread").decorate(traced).view(in_a_thread);
    app.rule("/job").decorate(traced).view(in_a_job);
    app.rule("/task").decorate(traced).view(in_a_task);
    app.rule("/stream").decorate(traced).view(in_a_stream);
    app.route("/outer/sync", trace_id).route("/outer/async", async || trace_id());
    app
}

#[rstest]
fn the_context_of_a_decorator_goes_with_the_request(
    #[values("/sync", "/async", "/thread", "/job", "/task", "/stream")] path: &str,
    #[values(None, Some(2))] threads: Option<usize>,
) {
    let mut app = app();
    app.config.threads = threads;
    let client = app.test_client();
    for id in ["one", "two"] {
        assert_eq!(client.get(path).header("x-trace", id).wait().unwrap().text(), id);
    }
    assert_eq!(trace_id(), "lost");
}

#[rstest]
#[tokio::test]
async fn the_context_around_the_app_goes_with_the_request(
    #[values("/outer/sync", "/outer/async")] path: &str,
    #[values(None, Some(2))] threads: Option<usize>,
) {
    let mut app = app();
    app.config.threads = threads;
    let context = Context::current_with_value(TraceId("outer".into()));
    let page = app.test_client().get(path).into_future().with_context(context).await.unwrap();
    assert_eq!(page.text(), "outer");
}
