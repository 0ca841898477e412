//! Signing in and out.

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use costrel::{Error, Waiting, request, session};

use crate::current_user::CurrentUser;
use crate::loading::current_user;
use crate::options::Login;
use crate::protection::{identifier, renew_session};
use crate::remember::mark;
use crate::signals::{USER_LOGGED_IN, USER_LOGGED_OUT, USER_LOGIN_CONFIRMED};
use crate::user::User;
use crate::visit::{FRESH, ID, Mark, REMEMBER_SECONDS, USER_ID, Visit, forget};

/// Signs `user` in: `.await` it in async code, `.wait()` for it in sync code. The result is false, and nothing has happened,
/// if the user is not active.
///
/// ```
/// use costrel::App;
/// use costrel_login::{Login, User, login_user};
/// use std::time::Duration;
///
/// # struct Ada;
/// # impl User for Ada {
/// #     fn get_id(&self) -> String {
/// #         "1".into()
/// #     }
/// # }
/// let mut app = App::new("docs");
/// app.config.secret_key = Some("dev".into());
/// app.init(Login::new().user_loader(|_: String| Some(Ada)))?;
/// app.post("/login", async || login_user(Ada).await.map(|done| done.to_string()));
/// app.post("/stay", || login_user(Ada).remember(true).wait().map(|done| done.to_string()));
/// let client = app.test_client();
/// assert_eq!(client.post("/stay").wait()?.text(), "true");
/// assert!(client.cookie("remember_token").unwrap().starts_with("1|"));
/// # Ok::<(), costrel::Error>(())
/// ```
pub fn login_user<U: User>(user: U) -> LoginUser<U> {
    LoginUser { user, remember: false, duration: None, force: false, fresh: true }
}

/// A sign-in being made; see [`login_user`].
#[derive(Clone, Debug)]
#[must_use = "no user is signed in until it is awaited (async) or waited for (sync)"]
pub struct LoginUser<U> {
    user: U,
    remember: bool,
    duration: Option<Duration>,
    force: bool,
    fresh: bool,
}

impl<U: User> LoginUser<U> {
    /// Sets whether the user is remembered when the session is over, by a cookie of its own. Default: no.
    pub fn remember(mut self, remember: bool) -> Self {
        self.remember = remember;
        self
    }

    /// Sets how long the user is remembered. Default: the setting `REMEMBER_COOKIE_DURATION`, which is 365 days.
    pub fn duration(mut self, duration: Duration) -> Self {
        self.duration = Some(duration);
        self
    }

    /// Sets whether a user signs in who is not active. Default: no.
    pub fn force(mut self, force: bool) -> Self {
        self.force = force;
        self
    }

    /// Sets whether the login is fresh, which `fresh_login_required` asks for. Default: yes.
    pub fn fresh(mut self, fresh: bool) -> Self {
        self.fresh = fresh;
        self
    }

    /// Signs the user in; for sync code.
    ///
    /// # Errors
    /// If the session cannot be written, or the duration is beyond what a cookie can have; the errors of the subscribers of
    /// [`USER_LOGGED_IN`].
    pub fn wait(self) -> Result<bool, Error> {
        self.into_future().wait()
    }

    async fn sign_in(self) -> Result<bool, Error> {
        if !self.force && !self.user.is_active() {
            return Ok(false);
        }
        let login = Login::current()?;
        // Checked before anything is written, because the cookie itself is made at the end of the request.
        login.settings().expires(self.duration.map(|lasts| lasts.as_secs_f64()))?;
        // Before anything is written, so that one that fails signs in no user.
        renew_session(&login)?;
        session().set(USER_ID, self.user.get_id())?;
        session().set(FRESH, self.fresh)?;
        session().set(ID, identifier(login.mode))?;
        if self.remember {
            remember(&login, self.duration)?;
        }
        let user = CurrentUser { user: Some(Arc::new(self.user)), visitor: None };
        *Visit::current().user.lock() = Some(user.clone());
        USER_LOGGED_IN.send(user).await?;
        Ok(true)
    }
}

fn remember(login: &Login, duration: Option<Duration>) -> Result<(), Error> {
    match duration {
        Some(duration) => session().set(REMEMBER_SECONDS, duration.as_secs_f64())?,
        // Flask-Login keeps the duration of an earlier login.
        None if login.is_safe() => drop(session().remove(REMEMBER_SECONDS)),
        None => {}
    }
    mark(Mark::Set)
}

impl<U: User> IntoFuture for LoginUser<U> {
    type Output = Result<bool, Error>;
    type IntoFuture = Waiting<bool>;

    fn into_future(self) -> Waiting<bool> {
        Waiting::new(self.sign_in())
    }
}

/// Signs the user out, and deletes the remember cookie: `.await` it in async code, `.wait()` for it in sync code.
///
/// # Errors
/// If the session cannot be written; the errors of [`current_user`], with the user signed out all the same; the errors
/// of the subscribers of [`USER_LOGGED_OUT`].
pub fn logout_user() -> Waiting<()> {
    Waiting::new(async {
        let login = Login::current()?;
        // Kept until the end, because a user who cannot be loaded must be signed out too.
        let user = current_user().await;
        if session().contains(USER_ID) {
            // A removal alone has no error where the session has been saved, as in a streamed body.
            session().set(FRESH, false)?;
        }
        forget(&[USER_ID, FRESH, ID]);
        if request().cookie(login.settings().cookie_name()).is_some() {
            mark(Mark::Clear)?;
            session().remove(REMEMBER_SECONDS);
        }
        let visitor = login.visitor().await?;
        *Visit::current().user.lock() = Some(visitor);
        USER_LOGGED_OUT.send(user?).await
    })
}

/// Makes the login fresh again, after the user has given the password once more: `.await` it in async code, `.wait()` for
/// it in sync code.
///
/// # Errors
/// If the session cannot be written; the errors of the subscribers of [`USER_LOGIN_CONFIRMED`].
pub fn confirm_login() -> Waiting<()> {
    Waiting::new(async {
        let login = Login::current()?;
        renew_session(&login)?;
        session().set(FRESH, true)?;
        session().set(ID, identifier(login.mode))?;
        USER_LOGIN_CONFIRMED.send(()).await
    })
}

/// Whether the user gave the password in this session, and from this browser.
///
/// # Panics
/// Outside a request, with a message that names the remedy.
pub fn login_fresh() -> bool {
    session().get(FRESH).unwrap_or(false)
}
