//! What an app does to have it.

use costrel::{App, Error, Extension};

use crate::extension::Limiter;
use crate::store::Store;

impl Extension for &Limiter {
    fn init_app(self, app: &mut App) -> Result<(), Error> {
        app.set_extension(Store::new(self.key.clone(), self.clock.clone()));
        #[cfg(feature = "compat")]
        costrel_compat::offer(app, crate::compat::candidate);
        Ok(())
    }
}
