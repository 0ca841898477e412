//! No stack of decorators and no number of workers deadlocks: random stacks, random colours, pools of one to four
//! workers, requests cancelled at random. Every case must end, and every request that is not cancelled must get the
//! right response.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use costrel::{
    App, Application, Body, Error, IntoView, Response, View, async_to_sync, current_app, http, sync_to_async,
};
use costrel_ext_kit::Decorate;
use futures_util::future::join_all;
use proptest::prelude::{Just, Strategy, any};
use proptest::test_runner::{Config, TestRunner};
use proptest::{collection, prop_oneof};
use tokio::runtime::Builder;

const CASES: u32 = 10_000;

/// A decorator of a stack.
#[derive(Clone, Copy, Debug)]
enum Layer {
    SyncWrapper,
    AsyncWrapper,
    AsyncThatWaits,
    Guard,
    After,
    /// A sync wrapper that waits for async code, which runs sync code.
    SyncThroughAsync,
    /// An async wrapper that runs sync code, which waits for async code.
    AsyncThroughSync,
}

#[derive(Clone, Debug)]
struct Case {
    stack: Vec<Layer>,
    sync_view: bool,
    workers: usize,
    /// The number of polls after which each request is cancelled, if it is.
    requests: Vec<Option<u8>>,
}

fn cases() -> impl Strategy<Value = Case> {
    let layer = prop_oneof![
        Just(Layer::SyncWrapper),
        Just(Layer::AsyncWrapper),
        Just(Layer::AsyncThatWaits),
        Just(Layer::Guard),
        Just(Layer::After),
        Just(Layer::SyncThroughAsync),
        Just(Layer::AsyncThroughSync),
    ];
    let request = prop_oneof![Just(None), (0..8_u8).prop_map(Some)];
    (collection::vec(layer, 0..=12), any::<bool>(), 1..=4_usize, collection::vec(request, 1..=6))
        .prop_map(|(stack, sync_view, workers, requests)| Case { stack, sync_view, workers, requests })
}

async fn yield_now() {
    tokio::task::yield_now().await;
}

fn decorate(view: View, layer: Layer) -> View {
    match layer {
        Layer::SyncWrapper => view.wrapped_by(|view, request| current_app().ensure_sync(view)(request)),
        Layer::AsyncWrapper => view.wrapped_by_async(|next, request| next.call(request)),
        Layer::AsyncThatWaits => view.wrapped_by_async(|next, request| async move {
            yield_now().await;
            let response = next.call(request).await;
            yield_now().await;
            response
        }),
        Layer::Guard => view.guarded_by(|_| ()),
        Layer::After => view.followed_by(|outcome| outcome),
        Layer::SyncThroughAsync => view.wrapped_by(|view, request| {
            let inner = async_to_sync(|()| async {
                yield_now().await;
                sync_to_async(|()| 1)(()).await
            });
            inner(())??;
            view.call_sync(request)
        }),
        Layer::AsyncThroughSync => view.wrapped_by_async(|next, request| async move {
            sync_to_async(|()| async_to_sync(|()| yield_now())(()))(()).await??;
            next.call(request).await
        }),
    }
}

fn build(case: &Case, teardowns: &Arc<AtomicUsize>) -> Application {
    let mut app = App::new("random");
    app.config.workers = case.workers;
    let view = if case.sync_view {
        (|| "answer").into_view()
    } else {
        (async || {
            yield_now().await;
            "answer"
        })
        .into_view()
    };
    app.rule("/").endpoint("view").any_order().view(case.stack.iter().fold(view, |view, layer| decorate(view, *layer)));
    let teardowns = teardowns.clone();
    app.teardown_request(move |_: Option<Error>| {
        let teardowns = teardowns.clone();
        async move {
            teardowns.fetch_add(1, Ordering::SeqCst);
        }
    });
    app.build().unwrap()
}

/// Sends a request and cancels it after `give_up` polls; returns the response, if there was one.
async fn send(application: Application, give_up: Option<u8>) -> Option<Response> {
    let request = http::Request::get("/").body(Body::empty()).unwrap();
    let mut answer = Box::pin(application.call(request));
    let Some(polls) = give_up else { return Some(answer.await) };
    for _ in 0..polls {
        if let std::task::Poll::Ready(response) = futures_util::poll!(&mut answer) {
            return Some(response);
        }
        yield_now().await;
    }
    None
}

async fn run(case: Case) {
    let teardowns = Arc::new(AtomicUsize::new(0));
    let application = build(&case, &teardowns);
    let sent = case.requests.iter().map(|give_up| tokio::spawn(send(application.clone(), *give_up)));
    let answers = join_all(sent).await;
    for answer in answers.into_iter().filter_map(Result::unwrap) {
        let text = answer.into_body().collect().await.unwrap();
        assert_eq!(text, "answer", "{case:?}");
    }
    // Cancelled requests run their teardown in the background, so wait until all have done so.
    let begun = case.requests.iter().filter(|give_up| **give_up != Some(0)).count();
    while teardowns.load(Ordering::SeqCst) < begun {
        yield_now().await;
    }
    assert_eq!(teardowns.load(Ordering::SeqCst), begun, "{case:?}");
}

#[test]
fn no_stack_locks_up_and_every_request_tears_down_once() {
    let event_loop = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&cases(), |case| {
        let shown = format!("{case:?}");
        let ended = event_loop.block_on(async { tokio::time::timeout(Duration::from_secs(20), run(case)).await });
        assert!(ended.is_ok(), "locked up: {shown}");
        Ok(())
    });
    event_loop.shutdown_background();
    outcome.unwrap();
}
