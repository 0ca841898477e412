//! What an app sets up: who loads users, and what becomes of those who are not signed in.

use std::sync::Arc;

use costrel::{Callable, Error, IntoCallable, Response, abort, current_app, redirect, request};
use costrel_ext_kit::{Callback, IntoCallback};

use crate::policy::{User, login_url};

/// The login extension of one app; `app.init(Login::new()...)`.
#[derive(Clone, Debug, Default)]
pub struct Login {
    pub(crate) loader: Option<Callback<String, Option<Arc<dyn User>>>>,
    unauthorized: Option<Callable<(), Response>>,
    view: Option<String>,
}

impl Login {
    /// Without a login view: who is not signed in gets a 401.
    pub fn new() -> Self {
        Self::default()
    }

    /// How a user is found by id: a `fn` or `async fn` from `String` to `Option<U>` or a `Result` of that.
    /// `None` means that there is no such user (any more).
    #[must_use]
    pub fn user_loader<M, U: User>(mut self, load: impl IntoCallback<M, String, Option<U>>) -> Self {
        self.loader = Some(Callback::new(load).map(|user| user.map(|user| Arc::new(user) as Arc<dyn User>)));
        self
    }

    /// Where to sign in, such as `/login`: who is not signed in is sent there, with the way back in `next`.
    #[must_use]
    pub fn login_view(mut self, url: impl Into<String>) -> Self {
        self.view = Some(url.into());
        self
    }

    /// What to answer those who are not signed in, instead of a 401 or a redirect; sync or async.
    #[must_use]
    pub fn unauthorized_handler<M>(mut self, answer: impl IntoCallable<M, (), Response>) -> Self {
        self.unauthorized = Some(answer.into_callable());
        self
    }

    /// Loads the user with this id.
    pub(crate) async fn load(&self, id: String) -> Result<Option<Arc<dyn User>>, Error> {
        match &self.loader {
            Some(loader) => loader.call(id).await,
            None => Ok(None),
        }
    }
}

/// The answer to somebody who is not signed in: the app's own, a redirect to the login view, or a 401.
pub(crate) async fn unauthorized() -> Result<Response, Error> {
    let login = current_app().extension::<Login>()?;
    match (&login.unauthorized, &login.view) {
        (Some(handler), _) => handler.call(()).await,
        (None, Some(login_view)) => redirect(&login_url(login_view, request().full_path())),
        (None, None) => abort(401),
    }
}
