//! The event loops that the tests run on: tokio's, and smol's with a bridge that is written here.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::thread;

use costrel::{App, Body, Bridge, Job};
use futures_util::future::BoxFuture;
use smol::lock::{Semaphore, SemaphoreGuardArc};

use super::DEADLINE;

/// A function that puts an app on an event loop.
pub(crate) type Serve = fn(App) -> Site;

/// An app on its event loop, for a test that is outside of it.
pub(crate) struct Site(Box<dyn Fn(&str) -> Visit>);

impl Site {
    /// Sends a GET request.
    pub(crate) fn get(&self, path: &str) -> Visit {
        (self.0)(path)
    }
}

/// A request in flight.
pub(crate) struct Visit {
    text: mpsc::Receiver<String>,
    leave: Box<dyn FnOnce()>,
}

impl Visit {
    /// Waits for the text of the response.
    pub(crate) fn text(self) -> String {
        self.text.recv_timeout(DEADLINE).unwrap_or_else(|error| panic!("no answer within {DEADLINE:?}: {error}"))
    }

    /// Cancels the request.
    pub(crate) fn leave(self) {
        (self.leave)();
    }
}

pub(crate) fn on_tokio(app: App) -> Site {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let client = app.test_client();
    Site(Box::new(move |path| {
        let (tell, text) = mpsc::channel();
        let request = client.get(path).into_future();
        let task = runtime.spawn(async move { tell.send(request.await.unwrap().text()) });
        Visit { text, leave: Box::new(move || task.abort()) }
    }))
}

pub(crate) fn on_smol(mut app: App) -> Site {
    app.set_bridge(Smol { slots: Arc::new(Semaphore::new(app.config.workers)) });
    let application = app.build().unwrap();
    Site(Box::new(move |path| {
        let (tell, text) = mpsc::channel();
        let (application, request) = (application.clone(), costrel::http::Request::get(path).body(Body::empty()));
        let task = smol::spawn(async move {
            let body = application.call(request.unwrap()).await.into_body().collect().await.unwrap();
            tell.send(String::from_utf8(body.to_vec()).unwrap())
        });
        Visit { text, leave: Box::new(move || drop(task)) }
    }))
}

/// A bridge on another event loop, with as many slots for sync code as the app has workers.
struct Smol {
    slots: Arc<Semaphore>,
}

thread_local! {
    /// The slot of the job that runs on this thread.
    static SLOT: RefCell<Option<SemaphoreGuardArc>> = const { RefCell::new(None) };
}

impl Bridge for Smol {
    fn run(&self, job: Job) -> Result<(), Job> {
        let slots = self.slots.clone();
        let in_its_slot = async move {
            let slot = slots.acquire_arc().await;
            smol::unblock(move || {
                SLOT.set(Some(slot));
                let outcome = catch_unwind(AssertUnwindSafe(|| job.run()));
                drop((SLOT.take(), outcome));
            })
            .await;
        };
        smol::spawn(in_its_slot).detach();
        Ok(())
    }

    fn wait(&self, future: Pin<&mut (dyn Future<Output = ()> + '_)>) {
        let slot = SLOT.take();
        // A wait inside another wait has no slot to release, so it takes none afterwards.
        let had_one = slot.is_some();
        drop(slot);
        smol::block_on(future);
        SLOT.set(had_one.then(|| smol::block_on(self.slots.acquire_arc())));
    }

    fn is_event_loop(&self) -> bool {
        thread::current().name().is_some_and(|name| name.starts_with("smol-"))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        smol::spawn(task).detach();
    }
}

/// Returns the kind of the current thread, on either event loop: `worker` or `loop`.
pub(crate) fn thread_kind() -> &'static str {
    let name = thread::current().name().unwrap_or("unnamed").to_owned();
    if name == "costrel-worker" || name.starts_with("blocking-") { "worker" } else { "loop" }
}
