//! An app from its start-up to its shutdown.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::TestClient;
use super::call::TestCall;
use crate::app::App;
use crate::context::Application;
use crate::error::{Error, ErrorKind};
use crate::lifecycle::RunningApp;

/// An app whose functions of `before_serving`, `while_serving` and `after_serving` run, which a [`TestClient`] alone
/// does not do: Quart's `test_app`.
///
/// ```
/// use costrel::App;
///
/// let mut app = App::new("docs");
/// app.before_serving(async || println!("opening"));
/// app.after_serving(async || println!("closing"));
/// app.route("/", || "open");
///
/// let test_app = app.test_app();
/// test_app.startup().wait()?;
/// assert_eq!(test_app.test_client().get("/").wait()?.text(), "open");
/// test_app.shutdown().wait()?;
/// # Ok::<(), costrel::Error>(())
/// ```
#[derive(Clone)]
pub struct TestApp {
    client: TestClient,
    started: Arc<Mutex<Option<RunningApp>>>,
}

impl App {
    /// Builds the app, to start it up in a test.
    ///
    /// # Panics
    /// If the app has set-up errors, with what [`build`](App::build) reports.
    #[track_caller]
    pub fn test_app(self) -> TestApp {
        match self.build() {
            Ok(application) => application.test_app(),
            Err(error) => panic!("{error}"),
        }
    }
}

impl Application {
    /// The app, to start it up in a test.
    pub fn test_app(&self) -> TestApp {
        TestApp { client: self.test_client(), started: Arc::default() }
    }
}

impl TestApp {
    /// The client for requests between start-up and shutdown.
    pub fn test_client(&self) -> TestClient {
        self.client.clone()
    }

    /// Runs the functions of `before_serving` and the first halves of `while_serving`.
    ///
    /// # Errors
    /// The error that keeps the app from serving.
    pub fn startup(&self) -> TestCall<()> {
        let (client, place) = (self.client.clone(), self.started.clone());
        TestCall::new(&self.client, async move {
            let started = client.application().handle().startup().await?;
            *place.lock() = Some(started);
            Ok(())
        })
    }

    /// Waits for the background tasks, then runs the second halves of `while_serving` and the functions of
    /// `after_serving`.
    ///
    /// # Errors
    /// The first failure of these, or if the app was not started.
    pub fn shutdown(&self) -> TestCall<()> {
        let (client, started) = (self.client.clone(), self.started.clone());
        TestCall::new(&self.client, async move {
            let started = started.lock().take();
            let started = started.ok_or_else(|| {
                Error::new(ErrorKind::Other, "this app was not started: `startup()` comes before `shutdown()`")
            })?;
            client.application().handle().run_state().stop();
            started.shutdown().await
        })
    }
}

impl fmt::Debug for TestApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestApp").field("started", &self.started.lock().is_some()).finish_non_exhaustive()
    }
}
