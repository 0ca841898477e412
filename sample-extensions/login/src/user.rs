//! Users, as the app knows them.

use std::any::Any;

/// A user of the app.
pub trait User: Any + Send + Sync {
    /// What the session remembers of the user.
    fn get_id(&self) -> String;

    /// Whether the user may sign in. Default: yes.
    fn is_active(&self) -> bool {
        true
    }
}
