//! What an app does to have it.

use costrel::{App, Error, Extension};

use crate::extension::Login;

impl Extension for Login {
    fn init_app(self, app: &mut App) -> Result<(), Error> {
        if self.loader.is_none() {
            return Err(Error::setup("tell it how to find a user by id: `Login::new().user_loader(load_user)`"));
        }
        if app.config.secret_key.as_deref().unwrap_or_default().is_empty() {
            return Err(Error::setup("it keeps the user's id in the session: set `app.config.secret_key` first"));
        }
        app.set_extension(self);
        #[cfg(feature = "compat")]
        costrel_compat::offer(app, crate::compat::candidate);
        Ok(())
    }
}
