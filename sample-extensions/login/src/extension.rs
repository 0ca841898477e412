//! The extension: its options, and its set-up on an app.

use std::sync::Arc;

use costrel::convert::IntoCallable;
use costrel::{App, Callable, Error, Extension, Response, abort, current_app, redirect, request};
use costrel_ext_kit::IntoCallback;

use crate::next_url::login_url;
use crate::user::User;

/// The login extension of one app: `app.init(Login::new()...)`.
#[derive(Clone, Debug, Default)]
pub struct Login {
    loader: Option<Callable<String, Option<Arc<dyn User>>>>,
    unauthorized: Option<Callable<(), Response>>,
    view: Option<String>,
}

impl Login {
    /// Builds the extension without a login view: a client that is not signed in gets a 401.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the function that finds a user by id: a `fn` or `async fn` from `String` to `Option<U>` or a `Result` of
    /// that. `None` means that there is no such user (any more).
    #[must_use]
    pub fn user_loader<M, U: User>(mut self, load: impl IntoCallback<M, String, Option<U>>) -> Self {
        self.loader = Some(load.into_callback().map(|user| user.map(|user| Arc::new(user) as Arc<dyn User>)));
        self
    }

    /// Sets the URL of the login page, such as `/login`. A client that is not signed in is redirected there, with the
    /// path to return to in `next`. The URL is used as it is: of an app that is mounted below `/shop`, it is `/shop/login`.
    #[must_use]
    pub fn login_view(mut self, url: impl Into<String>) -> Self {
        self.view = Some(url.into());
        self
    }

    /// Sets the function that answers a client that is not signed in, instead of a 401 or a redirect; sync or async.
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

impl Extension for Login {
    fn init_app(self, app: &mut App) -> Result<(), Error> {
        if self.loader.is_none() {
            return Err(Error::setup("no user loader is set: write `Login::new().user_loader(load_user)`"));
        }
        if app.config.secret_key.as_deref().unwrap_or_default().is_empty() {
            return Err(Error::setup("the session needs a secret key: set `app.config.secret_key` first"));
        }
        app.set_extension(self);
        Ok(())
    }
}

/// Answers a client that is not signed in: with the app's handler, a redirect to the login view, or a 401.
pub(crate) async fn unauthorized() -> Result<Response, Error> {
    let login = current_app().extension::<Login>()?;
    match (&login.unauthorized, &login.view) {
        (Some(handler), _) => handler.call(()).await,
        (None, Some(login_view)) => {
            let request = request();
            // With the path below which the app is mounted, because the client goes back to the URL that it asked for.
            redirect(&login_url(login_view, &format!("{}{}", request.script_root(), request.full_path())))
        }
        (None, None) => abort(401),
    }
}
