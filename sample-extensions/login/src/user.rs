//! The trait that an app's user type implements.

use std::any::Any;

/// A user of the app.
pub trait User: Any + Send + Sync {
    /// The user's id, which the session stores.
    fn get_id(&self) -> String;

    /// Whether the user may sign in. Default: yes.
    fn is_active(&self) -> bool {
        true
    }
}
