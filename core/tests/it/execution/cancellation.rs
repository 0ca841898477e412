//! Cancellation of requests and of their queued and running jobs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use costrel::{App, Callable, Error, IntoView, Request, Response, View, current_app, sync_to_async};
use rstest::rstest;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::support::DEADLINE;
use crate::support::event_loops::{Serve, on_smol, on_tokio};
use crate::support::views::{app_of, wrapped_async};
use crate::support::waiting::{poll_until, receive, take_permit};

/// A job that is cancelled before its turn never runs.
#[rstest]
fn a_queued_call_that_is_cancelled_never_runs(#[values(on_tokio, on_smol)] serve: Serve) {
    let (begun, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let runs = Arc::new(AtomicUsize::new(0));
    let (inside_begun, inside_gate, inside_runs) = (begun.clone(), gate.clone(), runs.clone());
    let view = move || {
        inside_runs.fetch_add(1, Ordering::SeqCst);
        inside_begun.add_permits(1);
        block_until_permit(&inside_gate);
        "done"
    };
    let (tell, told) = mpsc::channel();
    let inner = view.into_view();
    let outer = Callable::new_async(move |request: Request| {
        let (call, told, come) = (inner.call(request), tell.clone(), tell.clone());
        let guard = OnDrop(Some(move || told.send("left").unwrap()));
        async move {
            let _guard = guard;
            come.send("came").unwrap();
            call.await
        }
    });
    let (mut app, (tear, torn)) = (app_of(1, View::from_callable("outer", outer)), mpsc::channel());
    app.teardown_request(move || tear.send("torn down").unwrap());
    let site = serve(app);
    let first = site.get("/");
    take_permit(&begun);
    let queued = site.get("/");
    assert_eq!([receive(&told), receive(&told)], ["came", "came"]);
    queued.leave();
    assert_eq!(receive(&told), "left");
    gate.add_permits(1);
    first.text();
    gate.add_permits(1);
    site.get("/").text();
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    assert!((0..3).all(|_| torn.recv_timeout(DEADLINE).is_ok()), "the cancelled request is torn down too");
}

/// Blocks the worker until there is a permit, and keeps the worker's slot meanwhile.
fn block_until_permit(gate: &Semaphore) {
    poll_until(|| gate.try_acquire().map(SemaphorePermit::forget).is_ok());
}

/// Cancellation reaches the async function beneath a sync one, which is dropped at its `.await`. The sync code in
/// between gets an error, and teardown runs once, after all of it.
#[rstest]
fn cancellation_is_delivered_inward(#[values(on_tokio, on_smol)] serve: Serve) {
    let (begun, mut app) = (Arc::new(Semaphore::new(0)), App::new("test"));
    let (tell, told) = mpsc::channel();
    let inside = (begun.clone(), tell.clone());
    let innermost = move || {
        let (begun, tell) = inside.clone();
        async move {
            let _guard = OnDrop(Some(move || tell.send("inner dropped".to_owned()).unwrap()));
            begun.add_permits(1);
            std::future::pending::<&str>().await
        }
    };
    let inner = innermost.into_view();
    let from_sync = tell.clone();
    let middle = View::from_callable(
        "middle",
        Callable::new_sync(move |request: Request| -> Result<Response, Error> {
            let outcome = current_app().ensure_sync(&inner)(request);
            let kind = outcome.as_ref().err().map(Error::kind);
            from_sync.send(format!("sync saw {kind:?}")).unwrap();
            outcome
        }),
    );
    app.rule("/").view(wrapped_async(middle));
    app.teardown_request(move |error: Option<Error>| {
        tell.send(format!("teardown {:?}", error.map(|error| error.kind()))).unwrap();
    });
    let site = serve(app);
    let leaving = site.get("/");
    take_permit(&begun);
    leaving.leave();
    let order = [(); 3].map(|()| receive(&told));
    assert_eq!(order, ["inner dropped", "sync saw Some(Cancelled)", "teardown Some(Cancelled)"]);
}

struct OnDrop<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(f) = self.0.take() {
            f();
        }
    }
}

/// Teardown waits for running sync code, because it cannot be stopped and may still use what teardown closes.
#[rstest]
fn teardown_waits_for_sync_code_that_is_still_running(#[values(on_tokio, on_smol)] serve: Serve) {
    let (begun, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (tell, told) = mpsc::channel();
    let (inside_begun, inside_gate, from_view) = (begun.clone(), gate.clone(), tell.clone());
    let mut app = App::new("test");
    app.route("/", move || {
        inside_begun.add_permits(1);
        block_until_permit(&inside_gate);
        from_view.send("view").unwrap();
        "never sent"
    });
    app.teardown_request(move |_: Option<Error>| tell.send("teardown").unwrap());
    let site = serve(app);
    let leaving = site.get("/");
    take_permit(&begun);
    leaving.leave();
    gate.add_permits(1);
    let order = [(); 2].map(|()| receive(&told));
    assert_eq!(order, ["view", "teardown"]);
}

/// The result of an abandoned job may panic when it is dropped; the worker survives.
#[rstest]
fn a_destructor_that_panics_costs_no_worker(#[values(on_tokio, on_smol)] serve: Serve) {
    struct Boom;

    impl Drop for Boom {
        fn drop(&mut self) {
            panic!("the destructor panics, as it should");
        }
    }

    let (begun, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (inside_begun, inside_gate) = (begun.clone(), gate.clone());
    let mut app = App::new("test");
    app.config.workers = 1;
    app.route("/abandon", move || {
        let (begun, gate) = (inside_begun.clone(), inside_gate.clone());
        async move {
            let begins = begun.clone();
            let work = sync_to_async(move |()| {
                begins.add_permits(1);
                block_until_permit(&gate);
                Boom
            });
            // The view drops the future of the job, so the worker drops the result.
            tokio::select! {
                _ = work(()) => "never",
                _ = begun.acquire() => "abandoned",
            }
        }
    });
    app.route("/next", || "next");
    let site = serve(app);
    assert_eq!(site.get("/abandon").text(), "abandoned");
    gate.add_permits(1);
    assert_eq!(site.get("/next").text(), "next");
}

/// Teardown also waits for sync code whose future the view has dropped.
#[rstest]
fn teardown_waits_for_sync_code_that_the_view_abandoned(#[values(on_tokio, on_smol)] serve: Serve) {
    let (begun, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (tell, told) = mpsc::channel();
    let (inside_begun, inside_gate, from_job) = (begun.clone(), gate.clone(), tell.clone());
    let mut app = App::new("test");
    app.route("/", move || {
        let (begun, gate, tell) = (inside_begun.clone(), inside_gate.clone(), from_job.clone());
        async move {
            let begins = begun.clone();
            let work = sync_to_async(move |()| {
                begins.add_permits(1);
                block_until_permit(&gate);
                tell.send("job").unwrap();
            });
            tokio::select! {
                _ = work(()) => "never",
                _ = begun.acquire() => "abandoned",
            }
        }
    });
    app.teardown_request(move || tell.send("teardown").unwrap());
    assert_eq!(serve(app).get("/").text(), "abandoned");
    gate.add_permits(1);
    let order = [(); 2].map(|()| receive(&told));
    assert_eq!(order, ["job", "teardown"]);
}
