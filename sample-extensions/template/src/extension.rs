//! The extension: its options, and its set-up on an app.

use costrel::{App, Callable, Error, Extension};
use costrel_ext_kit::IntoCallback;

/// The extension: users initialise it on an app, which keeps it as its state.
#[derive(Clone, Debug)]
pub struct Keys {
    pub(crate) is_known: Callable<String, bool>,
}

impl Keys {
    /// Builds the extension from `is_known`, sync or async, which says whether a key is one of the app's.
    pub fn new<M>(is_known: impl IntoCallback<M, String, bool>) -> Self {
        Self { is_known: is_known.into_callback() }
    }
}

impl Extension for Keys {
    fn init_app(self, app: &mut App) -> Result<(), Error> {
        app.set_extension(self);
        Ok(())
    }
}
