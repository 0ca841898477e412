//! Class views: one type, a function for each method.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::into_view::argument;
use super::{Origin, Signature, View};
use crate::error::Error;
use crate::execution::{AsyncFn, Callable, Colour, SyncFn, Waiting};
use crate::http_types::{IntoResponse, Request};
use crate::routing::{ArgSpec, FromArg};

/// A type whose functions are views: Flask's `MethodView`, and `View` with its `dispatch_request`.
///
/// Each function takes `self` and the rule's arguments, and may be sync or async; colours mix freely in one class.
///
/// ```
/// use costrel::{App, Error, Json, MethodView, Methods, abort, request};
///
/// #[derive(Clone)]
/// struct UserApi;
///
/// impl UserApi {
///     async fn get(self, user_id: Option<i64>) -> Result<Json<String>, Error> {
///         match user_id {
///             None => Ok(Json("everybody".into())),
///             Some(id) if id < 9 => Ok(Json(format!("user {id}"))),
///             Some(_) => abort(404),
///         }
///     }
///
///     async fn post(self) -> Result<(String, u16), Error> {
///         Ok((request().get_json().await?, 201))
///     }
///
///     fn delete(self, user_id: i64) -> (String, u16) {
///         (format!("{user_id} is gone"), 200) // sync: it may block
///     }
/// }
///
/// impl MethodView for UserApi {
///     fn methods(methods: Methods<Self>) -> Methods<Self> {
///         methods.get(Self::get).post(Self::post).delete(Self::delete)
///     }
/// }
///
/// let user_view = UserApi::as_view("user_api", || UserApi);
/// let mut app = App::new("docs");
/// app.rule("/users").defaults([("user_id", None::<i64>)]).methods(["GET"]).view(user_view.clone());
/// app.rule("/users").methods(["POST"]).view(user_view.clone());
/// app.rule("/users/<int:user_id>").methods(["GET", "DELETE"]).view(user_view);
///
/// let client = app.test_client();
/// assert_eq!(client.get("/users").wait()?.text(), "\"everybody\"\n");
/// assert_eq!(client.post("/users").json(&"Ada").wait()?.status(), 201);
/// assert_eq!(client.delete("/users/3").wait()?.text(), "3 is gone");
/// assert_eq!(client.put("/users").wait()?.status(), 405);
/// # Ok::<(), Error>(())
/// ```
///
/// Book: [Class views](../costrel_book/class_views/index.html).
pub trait MethodView: Clone + Send + Sync + 'static {
    /// Whether each request gets an instance of its own; if not, one is made by [`as_view`](Self::as_view) and
    /// cloned. Default: yes.
    const INIT_EVERY_REQUEST: bool = true;

    /// The methods that the view's rules take unless they list their own. Default: those that have a function.
    const METHODS: Option<&'static [&'static str]> = None;

    /// Whether Costrel answers OPTIONS for the view's rules; see [`View::provide_automatic_options`].
    const PROVIDE_AUTOMATIC_OPTIONS: Option<bool> = None;

    /// Registers a function for each method.
    fn methods(methods: Methods<Self>) -> Methods<Self>;

    /// The decorators of every view made of this class, in Flask's order: the first is the innermost.
    ///
    /// ```
    /// use costrel::{App, MethodView, Methods, View};
    ///
    /// fn quiet(view: View) -> View {
    ///     view.named("quiet")
    /// }
    ///
    /// #[derive(Clone)]
    /// struct Page;
    ///
    /// impl MethodView for Page {
    ///     fn methods(methods: Methods<Self>) -> Methods<Self> {
    ///         methods.get(|_page: Self| "page")
    ///     }
    ///
    ///     fn decorators() -> Vec<Box<dyn Fn(View) -> View>> {
    ///         vec![Box::new(quiet)]
    ///     }
    /// }
    ///
    /// assert_eq!(Page::as_view("page", || Page).name(), Some("quiet"));
    /// ```
    fn decorators() -> Vec<Box<dyn Fn(View) -> View>> {
        Vec::new()
    }

    /// Makes a view of this class, to be registered under one rule or several. `init` makes an instance, with whatever
    /// it needs; `name` is the endpoint.
    fn as_view(name: &str, init: impl Fn() -> Self + Send + Sync + 'static) -> View {
        // Passed by value in both cases, so that an async function can own the instance.
        let instance: Arc<dyn Fn() -> Self + Send + Sync> = if Self::INIT_EVERY_REQUEST {
            Arc::new(init)
        } else {
            let instance = init();
            Arc::new(move || instance.clone())
        };
        let mut views = Self::methods(Methods { instance, views: BTreeMap::new() }).views;
        if let Some(methods) = Self::METHODS {
            views.retain(|method, _| methods.iter().any(|taken| taken.eq_ignore_ascii_case(method)));
        }
        let mut view = View::of_methods(name, views);
        if let Some(provide) = Self::PROVIDE_AUTOMATIC_OPTIONS {
            view = view.provide_automatic_options(provide);
        }
        Self::decorators().iter().fold(view, |view, decorate| decorate(view))
    }
}

/// The functions of a class view; see [`MethodView::methods`].
pub struct Methods<T> {
    instance: Arc<dyn Fn() -> T + Send + Sync>,
    views: BTreeMap<String, View>,
}

macro_rules! verbs {
    ($($verb:ident $method:literal)*) => {$(
        #[doc = concat!("Answers ", $method, " with `f`, sync or async.")]
        #[must_use]
        pub fn $verb<M>(self, f: impl IntoHandler<M, T>) -> Self {
            self.on($method, f)
        }
    )*};
}

impl<T: 'static> Methods<T> {
    verbs!(get "GET" post "POST" head "HEAD" options "OPTIONS" delete "DELETE" put "PUT" trace "TRACE" patch "PATCH");

    /// Answers `method` with `f`, sync or async; it may be a method that HTTP does not define.
    #[must_use]
    pub fn on<M>(mut self, method: &str, f: impl IntoHandler<M, T>) -> Self {
        self.views.insert(method.to_ascii_uppercase(), f.into_handler(self.instance.clone()));
        self
    }

    /// Answers all of these methods with one function: Flask's `View.dispatch_request`.
    ///
    /// ```
    /// use costrel::{App, MethodView, Methods, request};
    ///
    /// #[derive(Clone)]
    /// struct Echo;
    ///
    /// impl Echo {
    ///     fn dispatch_request(self, word: String) -> String {
    ///         format!("{} {word}", request().method())
    ///     }
    /// }
    ///
    /// impl MethodView for Echo {
    ///     fn methods(methods: Methods<Self>) -> Methods<Self> {
    ///         methods.dispatch_request(["GET", "POST"], Self::dispatch_request)
    ///     }
    /// }
    ///
    /// let mut app = App::new("docs");
    /// app.route("/<word>", Echo::as_view("echo", || Echo));
    /// assert_eq!(app.test_client().post("/hello").wait()?.text(), "POST hello");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[must_use]
    pub fn dispatch_request<'m, M>(
        mut self,
        methods: impl IntoIterator<Item = &'m str>,
        f: impl IntoHandler<M, T>,
    ) -> Self {
        let view = f.into_handler(self.instance.clone());
        self.views.extend(methods.into_iter().map(|method| (method.to_ascii_uppercase(), view.clone())));
        self
    }
}

impl<T> fmt::Debug for Methods<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.views.keys()).finish()
    }
}

/// A function of a class view: `fn` or `async fn` of `self` and up to five arguments, returning a response. `M` is
/// found by the compiler.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a function of the class view `{T}`",
    label = "not a function of the class view",
    note = "it takes `self` by value and then the rule's arguments, owned: `async fn get(self, user_id: i64)`; it returns \
            a response or a `Result` of one, and a future must be Send"
)]
pub trait IntoHandler<M, T> {
    /// Makes the view that answers one method.
    fn into_handler(self, instance: Arc<dyn Fn() -> T + Send + Sync>) -> View;
}

macro_rules! handlers {
    ($($arg:ident $index:literal),*) => {
        impl<F, T, R, $($arg,)*> IntoHandler<SyncFn<(R, $($arg,)*)>, T> for F
        where
            F: Fn(T, $($arg),*) -> R + Send + Sync + 'static,
            T: 'static,
            R: IntoResponse,
            $($arg: FromArg,)*
        {
            fn into_handler(self, instance: Arc<dyn Fn() -> T + Send + Sync>) -> View {
                View::of_function::<F>(None, &[$(ArgSpec::of::<$arg>()),*], Callable::new_sync(move |_request: Request| {
                    self(instance(), $(argument::<$arg>(&_request, $index)?),*).into_response()
                }))
            }
        }

        impl<F, T, R, $($arg,)*> IntoHandler<AsyncFn<(R, $($arg,)*)>, T> for F
        where
            F: Fn(T, $($arg),*) -> R + Send + Sync + 'static,
            T: Send + 'static,
            R: Future<Output: IntoResponse> + Send + 'static,
            $($arg: FromArg,)*
        {
            fn into_handler(self, instance: Arc<dyn Fn() -> T + Send + Sync>) -> View {
                let f = Arc::new(self);
                View::of_function::<F>(None, &[$(ArgSpec::of::<$arg>()),*], Callable::new_async(move |_request: Request| {
                    let (f, instance) = (Arc::clone(&f), instance());
                    async move { f(instance, $(argument::<$arg>(&_request, $index)?),*).await.into_response() }
                }))
            }
        }
    };
}

handlers!();
handlers!(A 0);
handlers!(A 0, B 1);
handlers!(A 0, B 1, C 2);
handlers!(A 0, B 1, C 2, D 3);
handlers!(A 0, B 1, C 2, D 3, E 4);

impl View {
    /// A view that hands each request to the view for its method.
    pub(crate) fn of_methods(name: &str, views: BTreeMap<String, Self>) -> Self {
        let function = |view: &Self| (view.inner.signature.clone(), view.function_colour());
        let signatures = views.iter().map(|(method, view)| (method.clone(), function(view))).collect();
        let all_sync = views.values().all(|view| view.colour() == Colour::Sync);
        let colour = if all_sync { Colour::Sync } else { Colour::Async };
        let views = Arc::new(views);
        let views_sync = Arc::clone(&views);
        // In place, so that each function crosses by its own colour, and a decorator's refusal does not cross.
        let callable = Callable::new_in_place(
            colour,
            move |request: Request| match by_method(&views, &request) {
                Ok(view) => view.call(request),
                Err(error) => Waiting::ready(Err(error)),
            },
            move |request| by_method(&views_sync, &request)?.call_sync(request),
        );
        Self::new(Some(name.into()), callable, Origin::Value(Arc::new(())), Signature::Methods(Arc::new(signatures)))
    }
}

/// Returns the view for the request's method; the view for GET also takes HEAD.
fn by_method<'v>(views: &'v BTreeMap<String, View>, request: &Request) -> Result<&'v View, Error> {
    let method = request.method();
    let get = || if method == http::Method::HEAD { views.get("GET") } else { None };
    views.get(method.as_str()).or_else(get).ok_or_else(|| Error::status(405))
}
