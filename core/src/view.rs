//! The view: a function of either colour with its name, ready to be decorated, registered and called.

use std::any::{TypeId, type_name};
use std::fmt;
use std::sync::Arc;

use crate::arg::{ArgKind, FromArg};
use crate::callable::{AsyncFn, Callable, Colour, SyncFn};
use crate::crossing::{self, Waiting};
use crate::error::Error;
use crate::marker::Markers;
use crate::phase::Phase;
use crate::request::Request;
use crate::response::{IntoResponse, Response};

/// A function that answers requests, as a value: it can be decorated, registered on rules, and called from
/// code of either colour. Cheap to clone.
///
/// ```
/// use costrel::{Colour, IntoView};
///
/// async fn index() -> &'static str {
///     "Hello"
/// }
///
/// let view = index.into_view();
/// assert_eq!((view.name(), view.colour()), (Some("index"), Colour::Async));
/// ```
#[derive(Clone)]
pub struct View {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    name: Option<Arc<str>>,
    callable: Callable<Request, Response>,
    function_colour: Colour,
    origin: Origin,
    args: Option<Arc<[ArgKind]>>,
    decorators: Vec<Layer>,
    needs: Vec<Need>,
    markers: Markers,
    faults: Vec<Error>,
}

/// A decorator on a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The decorator's name, taken from its function.
    pub name: String,
    /// The colour of its wrapper.
    pub colour: Colour,
    /// Where it belongs, if it says so.
    pub phase: Option<Phase>,
}

/// An extension that a decorator on a view counts on.
#[derive(Clone, Debug)]
pub(crate) struct Need {
    pub(crate) extension: TypeId,
    pub(crate) name: &'static str,
}

/// Tells one view from another: two rules may share a view, two views may not share an endpoint.
#[derive(Clone, Debug)]
enum Origin {
    Function(TypeId),
    Value(Arc<()>),
}

impl View {
    fn of<F: 'static>(args: &[ArgKind], callable: Callable<Request, Response>) -> Self {
        Self::new(function_name::<F>(), callable, Origin::Function(TypeId::of::<F>()), Some(args.into()))
    }

    /// A view around a callable that looks at the request itself and takes no arguments.
    pub fn from_callable(name: &str, callable: Callable<Request, Response>) -> Self {
        Self::new(Some(name.into()), callable, Origin::Value(Arc::new(())), None)
    }

    fn new(
        name: Option<Arc<str>>,
        callable: Callable<Request, Response>,
        origin: Origin,
        args: Option<Arc<[ArgKind]>>,
    ) -> Self {
        let function_colour = callable.colour();
        let (decorators, needs, markers, faults) = Default::default();
        Self {
            inner: Arc::new(Inner {
                name,
                callable,
                function_colour,
                origin,
                args,
                decorators,
                needs,
                markers,
                faults,
            }),
        }
    }

    /// The function's name, which is the endpoint unless the rule names another; closures have none.
    pub fn name(&self) -> Option<&str> {
        self.inner.name.as_deref()
    }

    /// The same view under another name, as a closure needs one to be an endpoint.
    ///
    /// ```
    /// # use costrel::IntoView;
    /// assert_eq!((|| "hello").into_view().named("index").name(), Some("index"));
    /// ```
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        self.noting(|inner| inner.name = Some(name.into()))
    }

    /// Its colour: for a decorated view that of the outermost decorator.
    pub fn colour(&self) -> Colour {
        self.inner.callable.colour()
    }

    /// The colour of the function itself, beneath all decorators.
    pub fn function_colour(&self) -> Colour {
        self.inner.function_colour
    }

    /// The decorators on it, outermost first.
    pub fn decorators(&self) -> impl Iterator<Item = &Layer> {
        self.inner.decorators.iter().rev()
    }

    /// Calls it: `.await` the response in async code, `.wait()` for it in sync code.
    ///
    /// An async view runs where it is awaited, a sync one on a worker.
    pub fn call(&self, request: Request) -> Waiting<Response> {
        if !self.inner.callable.crosses() || crossing::on_worker() {
            return self.inner.callable.call(request);
        }
        let view = self.clone();
        Waiting::new(async move {
            request.prefetch_body().await;
            view.inner.callable.call(request).await
        })
    }

    /// Calls it from sync code: a sync view as a plain call, an async one by waiting for it.
    ///
    /// # Errors
    /// Those of the view, and those of [`async_to_sync`](crate::async_to_sync).
    pub fn call_sync(&self, request: Request) -> Result<Response, Error> {
        self.inner.callable.call_sync(request)
    }

    /// This view behind `wrapper`, which calls it or not. Name, arguments and everything else noted on the
    /// view stay; `decorator` is what `routes` lists.
    ///
    /// This is what decorators are made of; extension authors use the forms of `costrel-ext-kit`.
    pub fn wrapped(&self, decorator: impl Into<String>, wrapper: Callable<Request, Response>) -> Self {
        let layer = Layer { name: decorator.into(), colour: wrapper.colour(), phase: None };
        let mut inner = Inner::clone(&self.inner);
        inner.callable = wrapper;
        inner.origin = Origin::Value(Arc::new(()));
        inner.decorators.push(layer);
        Self { inner: Arc::new(inner) }
    }

    /// Notes that the extension with the state `E` must have been initialised on the app this view is
    /// registered on; `name` is what users know it by.
    #[must_use]
    pub fn needing<E: 'static>(self, name: &'static str) -> Self {
        self.noting(|inner| inner.needs.push(Need { extension: TypeId::of::<E>(), name }))
    }

    /// Says where its outermost decorator belongs in a stack; see [`Phase`].
    ///
    /// ```
    /// # use costrel::{App, Callable, IntoView, Phase, View};
    /// # fn pass(view: View, name: &str) -> View {
    /// #     let inner = view.clone();
    /// #     view.wrapped(name, Callable::new_async(move |request| inner.call(request)))
    /// # }
    /// let cached = |view: View| pass(view, "cached").in_phase(Phase::CACHE);
    /// let login_required = |view: View| pass(view, "login_required").in_phase(Phase::AUTH);
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/").decorate(cached).decorate(login_required).view(|| "private");
    /// let error = app.build().unwrap_err().to_string();
    /// assert!(error.contains("`cached` is outside `login_required`: it would hand one user's page to the next"));
    /// ```
    #[must_use]
    pub fn in_phase(self, phase: Phase) -> Self {
        self.noting(|inner| {
            if let Some(layer) = inner.decorators.last_mut() {
                layer.phase = Some(phase);
            }
        })
    }

    /// Leaves a note of any type on it, for hooks and decorators to find with
    /// [`Request::marker`](crate::Request::marker) or [`marker`](Self::marker). One per type; it survives
    /// further decorators. Where Flask extensions keep lists of function names, this cannot miss.
    ///
    /// ```
    /// # use costrel::{App, IntoView, View, request};
    /// struct Exempt;
    ///
    /// fn exempt(view: View) -> View {
    ///     view.marked(Exempt)
    /// }
    ///
    /// let mut app = App::new("docs");
    /// app.before_request(|| request().marker::<Exempt>().is_none().then_some(("limited", 429)));
    /// app.rule("/free").decorate(exempt).view(|| "free");
    /// app.route("/dear", || "dear");
    /// let client = app.test_client();
    /// assert_eq!(client.get("/free").wait()?.text(), "free");
    /// assert_eq!(client.get("/dear").wait()?.text(), "limited");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[must_use]
    pub fn marked<T: Send + Sync + 'static>(self, note: T) -> Self {
        self.noting(|inner| inner.markers.add(note))
    }

    /// The note of this type, if there is one.
    pub fn marker<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.inner.markers.get()
    }

    pub(crate) fn markers(&self) -> &Markers {
        &self.inner.markers
    }

    /// Notes a mistake made in decorating; building the app reports it.
    #[must_use]
    pub fn faulty(self, fault: Error) -> Self {
        self.noting(|inner| inner.faults.push(fault))
    }

    fn noting(mut self, note: impl FnOnce(&mut Inner)) -> Self {
        note(Arc::make_mut(&mut self.inner));
        self
    }

    /// The kinds of its arguments; `None` if it takes whatever the rule has.
    pub(crate) fn args(&self) -> Option<&[ArgKind]> {
        self.inner.args.as_deref()
    }

    pub(crate) fn needs(&self) -> &[Need] {
        &self.inner.needs
    }

    pub(crate) fn faults(&self) -> &[Error] {
        &self.inner.faults
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (&self.inner.origin, &other.inner.origin) {
            (Origin::Function(a), Origin::Function(b)) => a == b,
            (Origin::Value(a), Origin::Value(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "View({} {})", self.colour(), self.name().unwrap_or("closure"))
    }
}

/// The name a function was written with: the last part of its path. `None` for a closure.
fn function_name<F>() -> Option<Arc<str>> {
    let name = type_name::<F>();
    (!name.ends_with("{{closure}}")).then(|| decorator_name::<F>().into())
}

/// The name of the function `F` is, or was written in; what `routes` calls a decorator.
///
/// ```
/// fn header_adder() -> impl Fn() {
///     || ()
/// }
/// fn name_of<F>(_: F) -> String {
///     costrel::decorator_name::<F>()
/// }
/// assert_eq!(name_of(header_adder), "header_adder");
/// assert_eq!(name_of(header_adder()), "header_adder");
/// ```
pub fn decorator_name<F>() -> String {
    let path = without_generics(type_name::<F>());
    let mut parts = path.rsplit("::").filter(|part| !part.is_empty() && *part != "{{closure}}");
    parts.next().unwrap_or("decorator").to_owned()
}

fn without_generics(path: &str) -> String {
    let mut depth = 0_usize;
    let outside = |character: &char| {
        match character {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            _ => return depth == 0,
        }
        false
    };
    path.chars().filter(outside).collect()
}

/// A function that can be a view: `fn` or `async fn`, of up to six arguments, returning a response.
///
/// `M` is found by the compiler; it tells `fn` from `async fn`.
///
/// A view with state, a database pool say, is a closure that clones it for each request. (State that the whole
/// app shares can also go into [`App::set_extension`](crate::App::set_extension).)
///
/// ```
/// # use std::sync::{Arc, Mutex};
/// # use costrel::App;
/// let visits = Arc::new(Mutex::new(0));
/// let mut app = App::new("docs");
/// app.route("/", move || {
///     let visits = visits.clone();
///     async move {
///         let mut visits = visits.lock().map_err(|_| costrel::Error::status(500))?;
///         *visits += 1;
///         Ok::<_, costrel::Error>(format!("visit {visits}"))
///     }
/// });
/// assert_eq!(app.test_client().get("/").wait()?.text(), "visit 1");
/// # Ok::<(), costrel::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a view",
    label = "not a view",
    note = "a view is a `fn` or `async fn` of up to six arguments, which come from the rule, owned: `String` (not `&str`) \
            for <name>, an integer for <int:name>; the request is not among them: call `request()`",
    note = "it returns a response: `&'static str`, `String`, `Json(value)` with `value: Serialize`, a tuple with a status \
            (a `u16`) or headers, or a `Result` of these whose error is `costrel::Error` or a standard error \
            (for a boxed one: `.map_err(Error::from_boxed)?`)",
    note = "an async view's future must be Send: hold no `Rc` or `MutexGuard` across an `.await`; a closure with state \
            is written `move || {{ let state = state.clone(); async move {{ .. }} }}`",
    note = "a decorator such as `login_required` is not a view: write `app.rule(\"/..\").decorate(login_required).view(f)`"
)]
pub trait IntoView<M> {
    /// Makes the view.
    fn into_view(self) -> View;
}

/// Marks what is a [`View`] already.
#[derive(Debug)]
pub struct Ready;

#[diagnostic::do_not_recommend]
impl IntoView<Ready> for View {
    fn into_view(self) -> View {
        self
    }
}

/// The argument at `index`, or the 404 of a value that does not fit the view's type.
fn argument<A: FromArg>(request: &Request, index: usize) -> Result<A, Error> {
    let value = request.view_args().get(index).and_then(|(_, value)| A::from_arg(value));
    value.ok_or_else(|| Error::status(404))
}

macro_rules! views {
    ($($arg:ident $index:literal),*) => {
        impl<F, R, $($arg,)*> IntoView<SyncFn<(R, $($arg,)*)>> for F
        where
            F: Fn($($arg),*) -> R + Send + Sync + 'static,
            R: IntoResponse,
            $($arg: FromArg,)*
        {
            fn into_view(self) -> View {
                View::of::<F>(&[$($arg::KIND),*], Callable::new_sync(move |_request: Request| {
                    self($(argument::<$arg>(&_request, $index)?),*).into_response()
                }))
            }
        }

        impl<F, R, $($arg,)*> IntoView<AsyncFn<(R, $($arg,)*)>> for F
        where
            F: Fn($($arg),*) -> R + Send + Sync + 'static,
            R: Future<Output: IntoResponse> + Send + 'static,
            $($arg: FromArg,)*
        {
            fn into_view(self) -> View {
                let view = Arc::new(self);
                View::of::<F>(&[$($arg::KIND),*], Callable::new_async(move |_request: Request| {
                    let view = Arc::clone(&view);
                    async move { view($(argument::<$arg>(&_request, $index)?),*).await.into_response() }
                }))
            }
        }
    };
}

views!();
views!(A 0);
views!(A 0, B 1);
views!(A 0, B 1, C 2);
views!(A 0, B 1, C 2, D 3);
views!(A 0, B 1, C 2, D 3, E 4);
views!(A 0, B 1, C 2, D 3, E 4, G 5);
