//! The options of the extension, which are also its state on an app.

use std::any::Any;
use std::collections::HashMap;
use std::future::ready;
use std::sync::{Arc, OnceLock};

use costrel::convert::IntoCallable;
use costrel::{Callable, Colour, Error, Request, Response, current_app};
use costrel_ext_kit::IntoCallback;

use crate::current_user::{CurrentUser, Visitor};
use crate::settings::{Mode, SessionProtection, Settings};
use crate::user::User;

/// The login extension of one app: `app.init(Login::new()..)`. Every function that it takes may be sync or async.
#[derive(Clone, Debug, Default)]
pub struct Login {
    pub(crate) user_loader: Option<Loader<String>>,
    pub(crate) request_loader: Option<Loader<Request>>,
    visitor: Option<Callable<(), Visitor>>,
    /// The answer to a client that is not signed in.
    pub(crate) unauthorized: Refusal,
    /// The answer to a client whose login is not fresh.
    pub(crate) needs_refresh: Refusal,
    /// The login views of blueprints; `None` for a 401.
    pub(crate) blueprint_views: HashMap<String, Option<String>>,
    pub(crate) localize: Option<Callable<String, String>>,
    protection: SessionProtection,
    pub(crate) mode: Mode,
    pub(crate) setup_error: Option<Error>,
    pub(crate) settings: OnceLock<Settings>,
    /// The types of users whose attributes templates see.
    #[cfg(feature = "templates")]
    pub(crate) shown: Vec<crate::current_user::Show>,
}

/// How one kind of clients is refused: by the handler, else a redirect to the view with a message, else a 401.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refusal {
    pub(crate) handler: Option<Callable<(), Response>>,
    pub(crate) view: Option<String>,
    /// The message and its category, if they are not Flask-Login's.
    pub(crate) message: Option<(String, String)>,
}

impl Login {
    /// Builds the extension without a login view: a client that is not signed in gets a 401.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the function that finds a user by id: from `String` to `Option<U>` or a `Result` of that. `None` means that
    /// there is no such user (any more).
    pub fn user_loader<M, U: User>(mut self, load: impl IntoCallback<M, String, Option<U>>) -> Self {
        self.user_loader = Some(loader(load));
        self
    }

    /// Sets the function that finds a user by the request, such as by a token in a header, where the session and the
    /// remember cookie have none: from `Request` to `Option<U>` or a `Result` of that. The session is not changed.
    pub fn request_loader<M, U: User>(mut self, load: impl IntoCallback<M, Request, Option<U>>) -> Self {
        self.request_loader = Some(loader(load));
        self
    }

    /// Sets the function that makes the value for a visitor who is not signed in, of any type:
    /// [`CurrentUser::get`] gives it back. Such a visitor never passes `login_required`. `make` neither blocks nor waits.
    pub fn anonymous_user<V: Any + Send + Sync>(mut self, make: impl Fn() -> V + Send + Sync + 'static) -> Self {
        self.visitor = Some(Callable::new_async(move |()| ready(Ok(Some(Arc::new(make()) as _)))));
        self
    }

    /// Sets the login page: the name of an endpoint, such as `login`, or else a path or a whole URL, which is used as it
    /// is. A client that is not signed in is redirected there, with the path to return to in `next`. An endpoint or path
    /// that the app does not have is a set-up error.
    pub fn login_view(mut self, view: impl Into<String>) -> Self {
        self.unauthorized.view = Some(view.into());
        self
    }

    /// Sets the login page for the views of a blueprint; with `None` its clients get a 401.
    pub fn blueprint_login_view<'v>(mut self, blueprint: &str, view: impl Into<Option<&'v str>>) -> Self {
        self.blueprint_views.insert(blueprint.into(), view.into().map(str::to_owned));
        self
    }

    /// Sets the message that is flashed for the login page, and its category. Empty for none. Default: `Please log in to
    /// access this page.` and `message`.
    pub fn login_message(mut self, message: &str, category: &str) -> Self {
        self.unauthorized.message = Some((message.into(), category.into()));
        self
    }

    /// Sets the function that answers a client that is not signed in, instead of a 401 or a redirect.
    pub fn unauthorized_handler<M>(mut self, answer: impl IntoCallable<M, (), Response>) -> Self {
        self.unauthorized.handler = Some(answer.into_callable());
        self
    }

    /// Sets the page on which a user gives the password once more, as [`login_view`](Self::login_view) does. Without it,
    /// a client whose login is not fresh gets a 401.
    pub fn refresh_view(mut self, view: impl Into<String>) -> Self {
        self.needs_refresh.view = Some(view.into());
        self
    }

    /// Sets the message that is flashed for the refresh page, and its category. Empty for none. Default: `Please
    /// reauthenticate to access this page.` and `message`.
    pub fn needs_refresh_message(mut self, message: &str, category: &str) -> Self {
        self.needs_refresh.message = Some((message.into(), category.into()));
        self
    }

    /// Sets the function that answers a client whose login is not fresh, instead of a 401 or a redirect.
    pub fn needs_refresh_handler<M>(mut self, answer: impl IntoCallable<M, (), Response>) -> Self {
        self.needs_refresh.handler = Some(answer.into_callable());
        self
    }

    /// Sets the function that translates both messages before they are flashed.
    pub fn localize_callback<M>(mut self, translate: impl IntoCallback<M, String, String>) -> Self {
        self.localize = Some(translate.into_callback());
        self
    }

    /// Sets what becomes of a session from another browser or address than the one that signed in. The setting
    /// `SESSION_PROTECTION` (`"basic"`, `"strong"` or null) takes precedence. Default: [`SessionProtection::Basic`].
    pub fn session_protection(mut self, protection: SessionProtection) -> Self {
        self.protection = protection;
        self
    }

    /// Follows a version of Flask-Login bit for bit, for apps that share cookies with a Flask app: `"flask-login 0.6"` or
    /// `"flask-login 0.7"`. Default: the safe mode, which mends Flask-Login's faults. COMPATIBILITY.md lists them.
    pub fn compat(mut self, version: &str) -> Self {
        match version {
            "flask-login 0.6" => self.mode = Mode::FlaskLogin06,
            "flask-login 0.7" => self.mode = Mode::FlaskLogin07,
            _ => {
                let message = format!("{version:?} is not known: write \"flask-login 0.6\" or \"flask-login 0.7\"");
                self.setup_error = Some(Error::setup(message));
            }
        }
        self
    }

    /// Lets templates see the attributes of users, or visitors, of type `U`: `{{ current_user.name }}`. One call for each
    /// type that the app has.
    #[cfg(feature = "templates")]
    pub fn in_templates<U: Any + serde::Serialize>(mut self) -> Self {
        self.shown.push(crate::current_user::show::<U>);
        self
    }
}

impl Login {
    /// The extension of the current app.
    pub(crate) fn current() -> Result<Arc<Self>, Error> {
        current_app().extension()
    }

    pub(crate) fn settings(&self) -> &Settings {
        // Building the app has read them already.
        self.settings.get_or_init(Settings::default)
    }

    /// Whether the faults of Flask-Login are mended.
    pub(crate) fn is_safe(&self) -> bool {
        self.mode == Mode::Safe
    }

    pub(crate) fn protection(&self) -> SessionProtection {
        self.settings().session_protection.unwrap_or(self.protection)
    }

    /// Makes the current user of a visitor who is not signed in.
    pub(crate) async fn visitor(&self) -> Result<CurrentUser, Error> {
        Ok(match &self.visitor {
            Some(make) => CurrentUser { user: None, visitor: make.call(()).await? },
            None => CurrentUser::default(),
        })
    }
}

/// A user that a loader has found, or none.
pub(crate) type FoundUser = Option<Arc<dyn User>>;

/// A function that finds a user by an id or a request.
pub(crate) type Loader<I> = Callable<I, FoundUser>;

tokio::task_local! {
    /// Set while a loader runs.
    static LOADING: ();
}

/// Whether this is the code of a loader.
pub(crate) fn is_loading() -> bool {
    LOADING.try_with(|()| ()).is_ok()
}

/// Makes a loader of an app's function, of either colour.
fn loader<M, I: Send + 'static, U: User>(load: impl IntoCallback<M, I, Option<U>>) -> Loader<I> {
    let load = load.into_callback().map(|user| user.map(|user| Arc::new(user) as Arc<dyn User>));
    match load.colour() {
        Colour::Sync => Callable::new_sync(move |input| LOADING.sync_scope((), || load.call_sync(input))),
        Colour::Async => Callable::new_async(move |input| LOADING.scope((), load.call(input))),
    }
}
