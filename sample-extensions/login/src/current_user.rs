//! The user of a request: one of the app's own, or a visitor who is not signed in.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::user::User;

/// The user of this request, or no user.
#[derive(Clone, Default)]
pub struct CurrentUser {
    pub(crate) user: Option<Arc<dyn User>>,
    /// The app's value for a visitor who is not signed in.
    pub(crate) visitor: Visitor,
}

/// A value of any type that an app has for a visitor.
pub(crate) type Visitor = Option<Arc<dyn Any + Send + Sync>>;

impl CurrentUser {
    /// Whether a user is signed in who passes `login_required`: an active one, unless the user's type says otherwise.
    pub fn is_authenticated(&self) -> bool {
        self.user.as_ref().is_some_and(|user| user.is_authenticated())
    }

    /// Whether a user is signed in who is active.
    pub fn is_active(&self) -> bool {
        self.user.as_ref().is_some_and(|user| user.is_active())
    }

    /// Whether no user is signed in.
    pub fn is_anonymous(&self) -> bool {
        self.user.is_none()
    }

    /// The user's id; empty if no user is signed in.
    pub fn get_id(&self) -> String {
        self.user.as_ref().map(|user| user.get_id()).unwrap_or_default()
    }

    /// The user as the app's own type, or the value of [`Login::anonymous_user`](crate::Login::anonymous_user); `None` if it
    /// has another type.
    pub fn get<U: Any>(&self) -> Option<&U> {
        match &self.user {
            Some(user) => (&**user as &dyn Any).downcast_ref(),
            None => self.visitor.as_ref()?.downcast_ref(),
        }
    }
}

impl fmt::Debug for CurrentUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CurrentUser").field(&self.user.as_ref().map(|user| user.get_id())).finish()
    }
}

/// A function that returns the attributes of a user or visitor, if the value is of its type.
#[cfg(feature = "templates")]
pub(crate) type Show = fn(&CurrentUser) -> Option<costrel::minijinja::Value>;

/// The attributes of a user or visitor of type `U`.
#[cfg(feature = "templates")]
pub(crate) fn show<U: Any + serde::Serialize>(user: &CurrentUser) -> Option<costrel::minijinja::Value> {
    user.get::<U>().map(|user| costrel::minijinja::value::Serde(user).into())
}
