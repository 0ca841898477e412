//! The crossing between the event loop and the workers.

use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use costrel::{
    App, Bridge, Callable, Colour, Error, ErrorKind, IntoView, Job, Response, Threads, View, async_to_sync,
    current_app, g, request, signals::REQUEST_STARTED, sync_to_async, testing::TestClient,
};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join};
use rstest::rstest;
use tokio::sync::{Semaphore, oneshot};
use tracing::Instrument;

use crate::support::event_loops::{Serve, on_smol, on_tokio, thread_kind};
use crate::support::views::{app_of, wrapped_async, wrapped_sync};
use crate::support::waiting::{in_time, receive, take_permit};

/// Returns a client of an app with the given number of workers, whose only view is `view`.
fn client_of(workers: usize, view: View) -> TestClient {
    app_of(workers, view).test_client()
}

/// Blocking on the event loop returns an error at once; it neither hangs nor panics.
#[rstest]
#[case::a_result(async || request().get_data().wait().map(|_| ()))]
#[case::a_function(async || async_to_sync(|()| async {})(()))]
#[case::a_view(async || current_app().ensure_sync(&(async || "x").into_view())(request()).map(drop))]
fn blocking_on_the_event_loop_is_an_error_with_the_remedy<F>(
    #[case] blocks: impl Fn() -> F + Send + Sync + Copy + 'static,
    #[values(on_tokio, on_smol)] serve: Serve,
) where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let view = move || async move {
        let error = blocks().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OnEventLoop);
        error.message().to_owned()
    };
    let text = serve(app_of(1, view.into_view())).get("/").text();
    assert!(text.contains("`.await` it instead"), "{text}");
}

#[tokio::test]
async fn a_sync_test_client_in_an_async_test_is_an_error_that_says_await() {
    let client = client_of(1, (async || "x").into_view());
    assert_eq!(client.get("/").wait().unwrap_err().kind(), ErrorKind::OnEventLoop);
    assert_eq!(client.get("/").await.unwrap().text(), "x");
}

#[rstest]
fn a_sync_view_runs_on_a_worker_and_an_async_view_on_the_loop(#[values(on_tokio, on_smol)] serve: Serve) {
    assert_eq!(serve(app_of(1, thread_kind.into_view())).get("/").text(), "worker");
    assert_eq!(serve(app_of(1, (async || thread_kind()).into_view())).get("/").text(), "loop");
}

/// Five nested levels need one worker and one crossing, and every sync level runs on the same thread.
#[rstest]
fn nesting_crosses_once_and_stays_on_one_thread(
    #[values(Colour::Sync, Colour::Async)] innermost: Colour,
    #[values(true, false)] async_outside: bool,
    #[values(on_tokio, on_smol)] serve: Serve,
) {
    let view = match innermost {
        Colour::Sync => (|| format!("{} {}", thread_kind(), current_app().crossings())).into_view(),
        Colour::Async => (async || {
            yield_once().await;
            sync_to_async(|()| format!("{} {}", thread_kind(), current_app().crossings()))(()).await
        })
        .into_view(),
    };
    let view = wrapped_sync(wrapped_async(wrapped_sync(wrapped_async(view))));
    let view = if async_outside { wrapped_async(view) } else { view };
    assert_eq!(serve(app_of(1, view)).get("/").text(), "worker 1");
}

/// Is pending once and wakes itself at once, on any event loop.
async fn yield_once() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A worker that waits releases its slot to other jobs, so one worker is enough for views that wait for each other,
/// whether the future sleeps or keeps waking itself.
#[rstest]
fn a_waiting_worker_is_not_a_working_one(
    #[values(true, false)] restless: bool,
    #[values(on_tokio, on_smol)] serve: Serve,
) {
    let (waits, bell, mut app) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)), App::new("test"));
    app.config.workers = 1;
    let (waiting, rung) = (waits.clone(), bell.clone());
    app.route("/wait", move || {
        let (waits, bell) = (waiting.clone(), rung.clone());
        let woken = async_to_sync(|()| async {
            waits.add_permits(1);
            while restless && bell.available_permits() == 0 {
                yield_once().await;
            }
            drop(bell.acquire().await);
            "woken"
        });
        woken(())
    });
    let ringing = bell.clone();
    app.route("/ring", move || {
        ringing.add_permits(1);
        "rung"
    });
    let site = serve(app);
    let waiting = site.get("/wait");
    take_permit(&waits);
    assert_eq!(site.get("/ring").text(), "rung");
    assert_eq!(waiting.text(), "woken");
}

/// A job that finds no free worker waits for one, and then runs.
#[rstest]
fn no_more_sync_views_run_at_once_than_there_are_workers(#[values(on_tokio, on_smol)] serve: Serve) {
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (seen, peak) = (running.clone(), most.clone());
    let view = move || {
        let now = seen.fetch_add(1, Ordering::SeqCst) + 1;
        peak.fetch_max(now, Ordering::SeqCst);
        thread::yield_now();
        seen.fetch_sub(1, Ordering::SeqCst);
        "done"
    };
    let site = serve(app_of(3, view.into_view()));
    let visits: Vec<_> = (0..100).map(|_| site.get("/")).collect();
    assert!(visits.into_iter().all(|visit| visit.text() == "done"));
    assert!((1..=3).contains(&most.load(Ordering::SeqCst)));
}

/// A panic in a sync function reaches its async caller with its payload.
#[rstest]
fn a_panic_crosses_unchanged(#[values(on_tokio, on_smol)] serve: Serve) {
    let view = async || {
        let panics = sync_to_async(|()| std::panic::panic_any(42_i32));
        let payload = std::panic::AssertUnwindSafe(panics(())).catch_unwind().await.unwrap_err();
        payload.downcast_ref::<i32>().map_or("lost", |_| "arrived")
    };
    assert_eq!(serve(app_of(1, view.into_view())).get("/").text(), "arrived");
}

/// A panic and an error of an async function reach its sync caller unchanged.
#[rstest]
fn what_fails_beneath_sync_code_arrives(#[values(on_tokio, on_smol)] serve: Serve) {
    let view = || {
        let panics = std::panic::AssertUnwindSafe(|| async_to_sync(|()| async { std::panic::panic_any(42_i32) })(()));
        let payload = std::panic::catch_unwind(|| panics().map(|never: ()| never)).unwrap_err();
        let fails = async_to_sync(|()| async { "x".parse::<i32>().map_err(Error::from) });
        let error = fails(()).and_then(|parsed| parsed).unwrap_err();
        format!("{:?} {}", payload.downcast_ref::<i32>(), error.downcast_ref::<std::num::ParseIntError>().is_some())
    };
    assert_eq!(serve(app_of(1, view.into_view())).get("/").text(), "Some(42) true");
}

/// On an event loop, a task that is spawned beneath sync code goes on after the call.
#[test]
fn a_task_spawned_beneath_sync_code_goes_on() {
    let gate = Arc::new(Semaphore::new(0));
    let (tell, told) = mpsc::channel();
    let opened = gate.clone();
    let view = move || {
        let spawn = async_to_sync(|()| async {
            let (gate, tell) = (opened.clone(), tell.clone());
            tokio::spawn(async move { gate.acquire().await.map(|_| tell.send("went on")).is_ok() });
            "spawned"
        });
        spawn(())
    };
    let client = client_of(1, view.into_view());
    assert_eq!(client.get("/").wait().unwrap().text(), "spawned");
    gate.add_permits(1);
    assert_eq!(receive(&told), "went on");
}

/// `ensure_sync` and `ensure_async` take views and any other function, of both colours.
#[rstest]
fn ensure_sync_and_ensure_async_take_either_colour(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(on_tokio, on_smol)] serve: Serve,
) {
    let (view, double) = match colour {
        Colour::Sync => (thread_kind.into_view(), Callable::new_sync(|n: i64| Ok::<_, Error>(n * 2))),
        Colour::Async => ((async || thread_kind()).into_view(), Callable::new_async(async |n: i64| Ok(n * 2))),
    };
    let (inner, twice) = (view.clone(), double.clone());
    let from_async = move || {
        let (view, double) = (inner.clone(), twice.clone());
        async move {
            let response = current_app().ensure_async(&view)(request()).await?;
            let text = response.into_body().collect().await?;
            let doubled = current_app().ensure_async(&double)(21).await?;
            Ok::<_, Error>(format!("{} {doubled}", String::from_utf8_lossy(&text)))
        }
    };
    let from_sync = move || {
        current_app().ensure_sync(&view)(request())?;
        current_app().ensure_sync(&double)(21).map(|doubled| doubled.to_string())
    };
    let kind = if colour == Colour::Sync { "worker" } else { "loop" };
    assert_eq!(serve(app_of(1, from_async.into_view())).get("/").text(), format!("{kind} 42"));
    assert_eq!(serve(app_of(1, from_sync.into_view())).get("/").text(), "42");
}

#[rstest]
fn a_worker_survives_panics(#[values(on_tokio, on_smol)] serve: Serve) {
    let site = serve(app_of(1, (|| -> &str { panic!("the view panics, as it should") }).into_view()));
    for _ in 0..3 {
        assert!(site.get("/").text().contains("500 Internal Server Error"));
    }
}

/// A thread without an event loop gets one for the length of the call.
#[test]
fn on_a_plain_thread_an_async_function_gets_a_loop_of_its_own() {
    let (left, gone) = oneshot::channel::<()>();
    let answer = async_to_sync(|left| async move {
        tokio::spawn(async move {
            let _left = left;
            std::future::pending::<()>().await;
        });
        tokio::task::yield_now().await;
        "answer"
    })(left);
    assert_eq!(answer.unwrap(), "answer");
    assert!(smol::block_on(in_time(gone)).is_err(), "the task left behind ends with the call");
}

#[tokio::test]
async fn sync_to_async_needs_an_app() {
    assert_eq!(sync_to_async(|()| ())(()).await.unwrap_err().kind(), ErrorKind::OutsideContext);
}

/// Without a lane, sync calls of one request run side by side.
#[rstest]
fn sync_calls_awaited_together_run_at_the_same_time(#[values(on_tokio, on_smol)] serve: Serve) {
    let view = async || {
        // Each call blocks its thread until the other call has sent.
        let (to_left, left) = mpsc::channel();
        let (to_right, right) = mpsc::channel();
        let meet = sync_to_async(|(sender, receiver): (mpsc::Sender<()>, mpsc::Receiver<()>)| {
            sender.send(()).unwrap();
            receive(&receiver);
        });
        let both = join(meet((to_right, left)), meet((to_left, right))).await;
        both.0.and(both.1).map(|()| "met")
    };
    assert_eq!(serve(app_of(2, view.into_view())).get("/").text(), "met");
}

/// Async code beneath sync code may wait for a timer of its own event loop.
#[rstest]
#[case::tokio(on_tokio, || tokio::time::timeout(Duration::from_millis(1), pending::<()>()).map(drop).boxed())]
#[case::smol(on_smol, || smol::Timer::after(Duration::from_millis(1)).map(drop).boxed())]
fn a_worker_waits_for_timers_of_its_loop(#[case] serve: Serve, #[case] timer: fn() -> BoxFuture<'static, ()>) {
    let view = move || async_to_sync(|()| timer())(()).map(|()| thread_kind());
    assert_eq!(serve(app_of(1, view.into_view())).get("/").text(), "worker");
}

/// All of an app's jobs go through its own bridge: one for the sync steps of a request, and those of a command.
#[test]
fn an_apps_own_bridge_is_used_for_everything() {
    struct Counting(Threads, Arc<AtomicUsize>);

    impl Bridge for Counting {
        fn run(&self, job: Job) -> Result<(), Job> {
            self.1.fetch_add(1, Ordering::SeqCst);
            self.0.run(job)
        }

        fn wait(&self, future: Pin<&mut (dyn Future<Output = ()> + '_)>) {
            self.0.wait(future);
        }

        fn is_event_loop(&self) -> bool {
            self.0.is_event_loop()
        }

        fn spawn(&self, task: BoxFuture<'static, ()>) {
            self.0.spawn(task);
        }
    }

    let (mut app, jobs) = (App::new("test"), Arc::new(AtomicUsize::new(0)));
    app.set_bridge(Counting(Threads::new(1), jobs.clone()));
    app.before_request(|| ());
    app.route("/", || costrel::abort::<&str>(418));
    app.errorhandler(418, |_: Error| "handled");
    app.after_request(|response: Response| response);
    app.teardown_request(|_: Option<Error>| ());
    app.teardown_appcontext(|| ());
    app.connect(&REQUEST_STARTED, || ());
    app.command("work", "Work.", || ());
    let client = app.test_client();
    assert_eq!(client.get("/").wait().unwrap().text(), "handled");
    assert_eq!(jobs.load(Ordering::SeqCst), 1);
    tokio::runtime::Runtime::new().unwrap().block_on(client.application().invoke("work", [])).unwrap();
    assert_eq!(jobs.load(Ordering::SeqCst), 3);
}

/// A bridge that drops jobs, or says that it has no thread, costs a request its view, and not its response.
#[rstest]
#[case::drops_them(Ok)]
#[case::has_no_thread(Err)]
fn a_bridge_without_threads_leads_to_an_error_page(#[case] run: fn(Job) -> Result<Job, Job>) {
    struct Broken(fn(Job) -> Result<Job, Job>);

    impl Bridge for Broken {
        fn run(&self, job: Job) -> Result<(), Job> {
            (self.0)(job).map(drop)
        }

        fn wait(&self, _future: Pin<&mut (dyn Future<Output = ()> + '_)>) {}

        fn is_event_loop(&self) -> bool {
            true
        }

        fn spawn(&self, task: BoxFuture<'static, ()>) {
            tokio::spawn(task);
        }
    }

    let mut app = App::new("test");
    app.set_bridge(Broken(run));
    app.route("/", || "view");
    app.route("/async", async || "async");
    let client = app.test_client();
    assert!(client.get("/").wait().unwrap().status().is_server_error());
    assert_eq!(client.get("/async").wait().unwrap().text(), "async");
}

/// Sync and async code read each other's writes to `g`, at any depth.
#[rstest]
fn g_goes_with_the_work_and_comes_back(#[values(on_tokio, on_smol)] serve: Serve) {
    let view = async || {
        g().set("trail", String::from("a"));
        let deeper = sync_to_async(|()| {
            push("b");
            let deepest = async_to_sync(|()| async {
                push("c");
                sync_to_async(|()| push("d"))(()).await
            });
            deepest(())?
        });
        deeper(()).await??;
        Ok::<_, Error>(g().get::<String>("trail").unwrap_or_default())
    };
    assert_eq!(serve(app_of(1, view.into_view())).get("/").text(), "abcd");
}

fn push(step: &str) {
    let trail = g().get::<String>("trail").unwrap_or_default();
    g().set("trail", trail + step);
}

#[test]
fn the_tracing_span_goes_with_the_work() {
    fn span_name() -> String {
        format!("{:?}", tracing::Span::current().metadata().map(tracing::Metadata::name))
    }
    // The default is set once per process; if another test has set one already, that one works as well.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::fmt().with_test_writer().finish());
    let text = |view: View| client_of(1, view).get("/").wait().unwrap().text();
    assert_eq!(text(span_name.into_view()), "Some(\"request\")");
    let view = async || {
        let there = sync_to_async(|()| span_name())(()).instrument(tracing::info_span!("outer"));
        there.await
    };
    assert_eq!(text(view.into_view()), "Some(\"outer\")");
}
