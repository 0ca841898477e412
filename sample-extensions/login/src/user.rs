//! The trait that an app's user type implements.

use std::any::Any;

/// A user of the app; Flask-Login's `UserMixin`.
pub trait User: Any + Send + Sync {
    /// The user's id, which the session stores.
    fn get_id(&self) -> String;

    /// Whether the user may sign in. Default: yes.
    fn is_active(&self) -> bool {
        true
    }

    /// Whether the user passes `login_required`. Default: if the user is active.
    fn is_authenticated(&self) -> bool {
        self.is_active()
    }
}
