//! A decorator as a guard inside a view.

use costrel::{Callable, Response, View, Waiting, abort, request};

/// A decorator that code enters in the middle of a view: Flask's `with limiter.limit("1/day"):`. Every decorator can be
/// entered.
///
/// ```
/// use costrel::{App, Error, View, abort};
/// use costrel_ext_kit::{Decorate, Enter};
///
/// fn key_required(view: View) -> View {
///     view.guarded_by(|request| if request.header("x-key").is_some() { Ok(()) } else { abort(401) })
/// }
///
/// let mut app = App::new("docs");
/// app.route("/sync", || key_required.enter().wait().map(|()| "secret"));
/// app.route("/async", async || {
///     let has_key = key_required.enter().await.is_ok();
///     if has_key { "secret" } else { "for all" }
/// });
/// let client = app.test_client();
/// assert_eq!(client.get("/sync").wait()?.status(), 401);
/// assert_eq!(client.get("/async").wait()?.text(), "for all");
/// assert_eq!(client.get("/async").header("x-key", "1").wait()?.text(), "secret");
/// # Ok::<(), Error>(())
/// ```
pub trait Enter {
    /// Asks the decorator whether it lets this request through: `.await` it in async code, `.wait()` for it in sync code.
    ///
    /// # Errors
    /// The decorator's refusal: its error, or the response that it answered with, as [`abort`] gives it.
    ///
    /// # Panics
    /// Outside of a request.
    fn enter(&self) -> Waiting<()>;
}

/// The marker of a view that is a place inside another view, where a decorator is entered. A decorator that counts by endpoints
/// finds it with [`View::marker`], and counts by its own line there.
#[derive(Clone, Debug)]
pub struct Entered;

impl<D: Fn(View) -> View> Enter for D {
    fn enter(&self) -> Waiting<()> {
        let passed = Callable::new_async(|_| async {
            let mut response = Response::default();
            response.extensions_mut().insert(Entered);
            Ok(response)
        });
        let outcome = self(View::from_callable("entered", passed).marked(Entered)).call(request());
        Waiting::new(async move {
            let response = outcome.await?;
            if response.extensions().get::<Entered>().is_some() { Ok(()) } else { abort(response) }
        })
    }
}
