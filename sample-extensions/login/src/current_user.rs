//! The signed-in user: the id is in the session, and the user is loaded once per request and kept on `g`.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use costrel::{Error, Request, Waiting, current_app, g, session};

use crate::extension::Login;
use crate::user::User;

/// The session's key for the user's id, as in Flask-Login.
const USER_ID: &str = "_user_id";
/// The key of the loaded user on `g`.
const LOADED: &str = "_login_user";

/// The user of this request, or no user.
#[derive(Clone)]
pub struct CurrentUser {
    user: Option<Arc<dyn User>>,
}

impl CurrentUser {
    /// Whether an active user is signed in.
    pub fn is_authenticated(&self) -> bool {
        self.user.as_ref().is_some_and(|user| user.is_active())
    }

    /// The user's id; empty if no user is signed in.
    pub fn get_id(&self) -> String {
        self.user.as_ref().map(|user| user.get_id()).unwrap_or_default()
    }

    /// The user as the app's own type; `None` if no user is signed in or the user has another type.
    pub fn get<U: User>(&self) -> Option<&U> {
        let user: &dyn Any = self.user.as_deref()?;
        user.downcast_ref()
    }
}

impl fmt::Debug for CurrentUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CurrentUser").field(&self.user.as_ref().map(|user| user.get_id())).finish()
    }
}

/// Returns the signed-in user, loaded once per request and kept on `g`: `.await` it in async code, `.wait()` for it in
/// sync code.
///
/// # Errors
/// The errors of the user loader; or if the [`Login`] extension was not initialised.
pub fn current_user() -> Waiting<CurrentUser> {
    Waiting::new(async {
        if let Some(user) = g().get(LOADED) {
            return Ok(user);
        }
        let user = match session().get(USER_ID) {
            Some(id) => current_app().extension::<Login>()?.load(id).await?,
            None => None,
        };
        // Code in this request may have signed a user in or out while the user was loaded; then keep that result.
        Ok(g().get(LOADED).unwrap_or_else(|| remember(CurrentUser { user })))
    })
}

/// Returns the id of the signed-in user, empty if there is none: a key function, for limits and caches by user.
///
/// # Errors
/// The errors of [`current_user`].
pub async fn user_id(_request: Request) -> Result<String, Error> {
    Ok(current_user().await?.get_id())
}

/// Signs `user` in, by storing the user's id in the session. Returns false and does nothing if the user is not active.
///
/// # Errors
/// If the session cannot be written.
pub fn login_user(user: impl User) -> Result<bool, Error> {
    if !user.is_active() {
        return Ok(false);
    }
    session().set(USER_ID, user.get_id())?;
    session().set("_fresh", true)?;
    remember(CurrentUser { user: Some(Arc::new(user)) });
    Ok(true)
}

/// Signs the user out.
///
/// # Errors
/// If the session cannot be written.
pub fn logout_user() -> Result<(), Error> {
    for key in [USER_ID, "_fresh", "_id"] {
        session().remove(key);
    }
    remember(CurrentUser { user: None });
    Ok(())
}

fn remember(user: CurrentUser) -> CurrentUser {
    g().set(LOADED, user.clone());
    user
}
