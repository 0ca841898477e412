//! Who is signed in: the id in the session, the user loaded once per request and kept on `g`.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use costrel::{Error, Request, Waiting, current_app, g, session};

use crate::extension::Login;
use crate::user::User;

/// The session's key for the user's id; the same as Flask-Login's.
const USER_ID: &str = "_user_id";
/// Where the loaded user is kept on `g`.
const LOADED: &str = "_login_user";

/// The user of this request, or nobody.
#[derive(Clone)]
pub struct CurrentUser {
    user: Option<Arc<dyn User>>,
}

impl CurrentUser {
    /// Whether somebody is signed in.
    pub fn is_authenticated(&self) -> bool {
        self.user.as_ref().is_some_and(|user| user.is_active())
    }

    /// The user's id, empty for nobody.
    pub fn get_id(&self) -> String {
        self.user.as_ref().map(|user| user.get_id()).unwrap_or_default()
    }

    /// The user as the app's own type; `None` for nobody.
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

/// Who is signed in, loaded once per request and kept on `g`: `.await` it in async code, `.wait()` for it in sync.
///
/// # Errors
/// Those of the user loader; or the [`Login`] extension was not initialised.
pub fn current_user() -> Waiting<CurrentUser> {
    Waiting::new(async {
        if let Some(user) = g().get(LOADED) {
            return Ok(user);
        }
        let user = match session().get(USER_ID) {
            Some(id) => current_app().extension::<Login>()?.load(id).await?,
            None => None,
        };
        // Somebody may have signed in or out while the user was loaded.
        Ok(g().get(LOADED).unwrap_or_else(|| remember(CurrentUser { user })))
    })
}

/// The id of whoever is signed in, empty for nobody: a key function, for limits and caches by user.
///
/// # Errors
/// Those of [`current_user`].
pub async fn user_id(_request: Request) -> Result<String, Error> {
    Ok(current_user().await?.get_id())
}

/// Signs `user` in: the session remembers them from now on. False, and nothing done, if they are not active.
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
