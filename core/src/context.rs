//! What surrounds code in a request: `request`, `session`, `g` and `current_app`.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::bridge::Bridge;
use crate::callable::{Callable, IntoCallable};
use crate::current_app::CurrentApp;
use crate::error::Error;
use crate::local::{self, Carried, Jobs};
use crate::request::Request;
use crate::response::Response;
use crate::session::Session;

/// The request being handled: Flask's `request`.
///
/// # Panics
/// Outside a request, with a message that names the remedy.
#[track_caller]
pub fn request() -> Request {
    in_request(|context| context.request.clone())
}

/// The session of the client being served: Flask's `session`.
///
/// # Panics
/// Outside a request, with a message that names the remedy.
#[track_caller]
pub fn session() -> Session {
    in_request(|context| context.session.clone())
}

/// A namespace for the length of one request: Flask's `g`.
///
/// # Panics
/// Outside a request, with a message that names the remedy.
#[track_caller]
pub fn g() -> G {
    in_request(|context| context.g.clone())
}

/// The app that handles the request: Flask's `current_app`.
///
/// # Panics
/// Outside a request, with a message that names the remedy.
#[track_caller]
pub fn current_app() -> CurrentApp {
    in_request(|context| context.app.clone())
}

/// Whether a request is being handled here, so that [`request()`], [`session()`] and the others may be used.
///
/// ```
/// assert!(!costrel::has_request_context());
/// ```
pub fn has_request_context() -> bool {
    Context::look(|_| ()).is_some()
}

/// Runs `future` with `request` as the request: the same `g`, session and app around another form of it, as
/// when a tower layer has changed it.
///
/// # Panics
/// Outside a request, with a message that names the remedy.
#[track_caller]
pub fn with_request<F: Future>(request: Request, future: F) -> impl Future<Output = F::Output> + use<F> {
    let inner = in_request(|context| Inner {
        app: context.app.clone(),
        request,
        session: context.session.clone(),
        g: context.g.clone(),
        after_this_request: context.after_this_request.clone(),
        jobs: context.jobs.clone(),
    });
    local::scope(Arc::new(inner), future)
}

/// Takes the request along into a task of its own: the same request, session and app, and a `g` of its own,
/// as Flask's `copy_current_request_context` does. Without it a spawned task has no context.
///
/// ```
/// # use costrel::{App, copy_current_request_context, request};
/// # let mut app = App::new("docs");
/// app.route("/", async || {
///     let task = tokio::spawn(copy_current_request_context(async { request().path().to_owned() }));
///     task.await
/// });
/// assert_eq!(app.test_client().get("/").wait()?.text(), "/");
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Panics
/// Outside a request, with a message that names the remedy.
#[track_caller]
pub fn copy_current_request_context<F: Future>(future: F) -> impl Future<Output = F::Output> + use<F> {
    local::scope(Arc::new(in_request(Inner::copy)), future)
}

/// The same for sync code: gives a function to run on a thread of one's own.
///
/// ```
/// # use costrel::{App, copy_current_request_context_sync, request};
/// # let mut app = App::new("docs");
/// app.route("/", || {
///     let path = copy_current_request_context_sync(|| request().path().to_owned());
///     std::thread::spawn(path).join().unwrap_or_default()
/// });
/// assert_eq!(app.test_client().get("/").wait()?.text(), "/");
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Panics
/// Outside a request, with a message that names the remedy.
#[track_caller]
pub fn copy_current_request_context_sync<R>(f: impl FnOnce() -> R) -> impl FnOnce() -> R {
    let context = Arc::new(in_request(Inner::copy));
    move || local::sync_scope(context, f)
}

/// Runs `f` on the response of this request, before the `after_request` functions: Flask's
/// `after_this_request`. `f` is sync or async and returns the response, changed or new.
///
/// ```
/// # use costrel::{App, Response, after_this_request};
/// fn index() -> &'static str {
///     after_this_request(|mut response: Response| {
///         response.headers_mut().insert("x-seen", "1".parse().unwrap());
///         response
///     });
///     "hello"
/// }
///
/// # let mut app = App::new("docs");
/// # app.route("/", index);
/// assert_eq!(app.test_client().get("/").wait()?.header("x-seen"), Some("1"));
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Panics
/// Outside a request, with a message that names the remedy.
#[track_caller]
pub fn after_this_request<M>(f: impl IntoCallable<M, Response, Response>) {
    let f = f.into_callable();
    in_request(|context| context.after_this_request.lock().push(f));
}

/// A handle to everything around a request.
#[derive(Clone)]
pub(crate) struct Context {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) app: CurrentApp,
    pub(crate) request: Request,
    pub(crate) session: Session,
    pub(crate) g: G,
    /// Shared with the same context around another form of the request.
    after_this_request: Arc<Mutex<Vec<Callable<Response, Response>>>>,
    jobs: Arc<Jobs>,
}

impl Context {
    pub(crate) fn new(app: CurrentApp, request: Request) -> Self {
        let cookie = request.cookie(&app.config().session_cookie_name);
        let session = Session::open(app.signer().cloned(), app.config().permanent_session_lifetime, cookie);
        let inner =
            Inner { app, request, session, g: G::default(), after_this_request: Arc::default(), jobs: Arc::default() };
        Self { inner: Arc::new(inner) }
    }

    /// Runs `future` inside this context.
    pub(crate) fn scope<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        local::scope(self.inner.clone(), future)
    }

    /// Waits until no job of this request is left on a worker.
    pub(crate) async fn jobs_done(&self) {
        self.inner.jobs.wait().await;
    }

    pub(crate) fn has_jobs(&self) -> bool {
        !self.inner.jobs.are_done()
    }

    pub(crate) fn take_after_this_request(&self) -> Vec<Callable<Response, Response>> {
        std::mem::take(&mut self.inner.after_this_request.lock())
    }

    fn look<R>(look: impl FnOnce(&Inner) -> R) -> Option<R> {
        local::with_current(|carried| (carried as &dyn Any).downcast_ref().map(look)).flatten()
    }
}

impl std::ops::Deref for Context {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl Inner {
    /// The same context for work that goes its own way.
    fn copy(&self) -> Self {
        Self {
            app: self.app.clone(),
            request: self.request.clone(),
            session: self.session.clone(),
            g: G::default(),
            after_this_request: Arc::default(),
            jobs: Arc::default(),
        }
    }
}

impl Carried for Inner {
    fn bridge(&self) -> &Arc<dyn Bridge> {
        self.app.bridge()
    }

    fn job_begins(&self) {
        self.app.count_job();
    }

    fn jobs(&self) -> &Jobs {
        &self.jobs
    }
}

#[track_caller]
fn in_request<R>(look: impl FnOnce(&Inner) -> R) -> R {
    match Context::look(look) {
        Some(found) => found,
        None => panic!("{}", Error::outside_context("request")),
    }
}

/// Named values that live as long as the request. A handle: clones are the same namespace.
///
/// ```
/// # use costrel::{App, g};
/// # let mut app = App::new("docs");
/// app.before_request(|| g().set("user", String::from("ada")));
/// app.route("/", || g().get::<String>("user").unwrap_or_default());
/// assert_eq!(app.test_client().get("/").wait()?.text(), "ada");
/// # Ok::<(), costrel::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct G {
    values: Arc<Mutex<Vec<Named>>>,
}

type Named = (Cow<'static, str>, Box<dyn Any + Send>);

impl G {
    /// Sets `name` to `value`, of any type that can be cloned; share what cannot with an `Arc`.
    pub fn set<T: Clone + Send + 'static>(&self, name: impl Into<Cow<'static, str>>, value: T) {
        let name = name.into();
        let mut values = self.values.lock();
        let old = values.iter().position(|(known, _)| *known == name).map(|at| values.swap_remove(at));
        values.push((name, Box::new(value)));
        // Only now, as its destructor may come back here.
        drop(values);
        drop(old);
    }

    /// The value of `name`; `None` if there is none or it is no `T`.
    pub fn get<T: Clone + 'static>(&self, name: &str) -> Option<T> {
        let values = self.values.lock();
        values.iter().find(|(known, _)| known == name)?.1.downcast_ref::<T>().cloned()
    }

    /// Takes `name` out; `None`, and nothing taken, if there is none or it is no `T`.
    pub fn pop<T: Clone + 'static>(&self, name: &str) -> Option<T> {
        let value = self.get(name)?;
        let mut values = self.values.lock();
        let old = values.iter().position(|(known, _)| known == name).map(|at| values.swap_remove(at));
        drop(values);
        drop(old);
        Some(value)
    }

    /// Whether there is a value of `name`.
    pub fn contains(&self, name: &str) -> bool {
        self.values.lock().iter().any(|(known, _)| known == name)
    }
}

impl fmt::Debug for G {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.values.lock().iter().map(|(name, _)| name)).finish()
    }
}
