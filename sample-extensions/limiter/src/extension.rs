//! The extension: its set-up on an app, and the decorators that it gives.

use std::panic::Location;
use std::sync::Arc;

use costrel::{App, Error, Extension, View, Waiting, current_app, has_request_context, request};

use crate::decorator::{self, Limiting};
use crate::exempt::{Exempt, Notes};
use crate::hooks;
use crate::limit::{Limit, RequestLimit};
use crate::limiter::Limiter;
use crate::state::State;

impl Extension for &Limiter {
    fn init_app(self, app: &mut App) -> Result<(), Error> {
        let state = State::new(self, app)?;
        hooks::register(app, &state);
        app.set_extension_of(self.instance, state);
        Ok(())
    }
}

impl Limiter {
    /// Returns a decorator that refuses requests beyond a limit with 429 and `Retry-After`: `"10/minute"`,
    /// `"1 per 3 hours"`, `"100/day;10/minute"`, or a [`Limit`] with options.
    /// [Entered](costrel_ext_kit::Enter) in a view, it counts by the line where it was made.
    ///
    /// Every endpoint is counted alone, and in a [`DecoratorLayer`](costrel_ext_kit::tower::DecoratorLayer) every
    /// [`route`](costrel_ext_kit::key::route). A request that one limit refuses is charged to no limit.
    ///
    /// ```
    /// use costrel::{App, Error};
    /// use costrel_ext_kit::key::remote_address;
    /// use costrel_limiter::Limiter;
    /// use costrel_ext_kit::Enter;
    ///
    /// let limiter = Limiter::new(remote_address);
    /// let mut app = App::new("docs");
    /// app.init(&limiter)?;
    /// app.rule("/search").decorate(limiter.limit("1/minute")).view(|| "found");
    /// app.route("/ask", move || {
    ///     limiter.limit("1/day").enter().wait()?; // in async code: `.await?`
    ///     Ok::<_, Error>("today's only answer")
    /// });
    /// let client = app.test_client();
    /// for path in ["/search", "/ask"] {
    ///     assert_eq!(client.get(path).wait()?.status(), 200);
    ///     assert_eq!(client.get(path).wait()?.status(), 429);
    /// }
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn limit<L: Into<Limit>>(&self, limit: L) -> impl Fn(View) -> View + Clone + use<L> {
        self.limiting(limit.into(), Location::caller())
    }

    /// Returns a decorator for a limit that all views share which have it with the same scope. A scope that is also the name
    /// of an endpoint is counted with that endpoint's own limits, as in Flask-Limiter.
    #[track_caller]
    pub fn shared_limit<L: Into<Limit>>(&self, limit: L, scope: &str) -> impl Fn(View) -> View + Clone + use<L> {
        self.limiting(limit.into().scope(scope).shared(), Location::caller())
    }

    fn limiting(&self, limit: Limit, location: &'static Location<'static>) -> impl Fn(View) -> View + Clone + use<> {
        let limiting = Limiting { limiter: self.instance, limit: Arc::new(limit), location };
        move |view| decorator::limit(view, limiting.clone())
    }

    /// Returns a decorator that exempts a view from the application, default and meta limits.
    pub fn exempt(&self) -> impl Fn(View) -> View + Clone + use<> {
        self.exempt_from(Exempt::ALL)
    }

    /// Returns a decorator that exempts a view from these limits.
    pub fn exempt_from(&self, limits: Exempt) -> impl Fn(View) -> View + Clone + use<> {
        let limiter = self.instance;
        move |view| Notes::add(limiter, Some(limits), view.requires_of::<State>(limiter))
    }

    /// The limit that the response's headers tell of: the one that refused the request, or the first of its endpoint; `None` if
    /// none has counted the request.
    pub fn current_limit(&self) -> Option<RequestLimit> {
        self.current_limits().into_iter().next()
    }

    /// The limits that have counted the request, the [`current_limit`](Self::current_limit) first.
    pub fn current_limits(&self) -> Vec<RequestLimit> {
        if !has_request_context() {
            return Vec::new();
        }
        // Noted as a look at the client, because what is left differs from one to the next, so no cache may share it.
        let _address = request().remote_addr();
        let state = current_app().extension_of::<State>(self.instance);
        state.map(|state| state.ledger().counted()).unwrap_or_default()
    }

    /// Forgets all that the limiter of this app has counted: the counters with its [`key_prefix`](Self::key_prefix), so set one
    /// where apps share a store. `.await` it in async code, `.wait()` for it in sync code.
    pub fn reset(&self) -> Waiting<()> {
        let limiter = self.instance;
        Waiting::new(async move {
            let state = current_app().extension_of::<State>(limiter)?;
            state.store.clear(&state.prefix).await
        })
    }
}
