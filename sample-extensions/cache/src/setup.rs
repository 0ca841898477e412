//! What an app does to have it.

use costrel::{App, Error, Extension};

use crate::extension::Cache;
use crate::store::Store;

impl Extension for &Cache {
    fn init_app(self, app: &mut App) -> Result<(), Error> {
        app.set_extension(Store::new(self.capacity, self.clock.clone()));
        #[cfg(feature = "compat")]
        {
            costrel_compat::offer(app, crate::compat::candidate);
            costrel_compat::offer(app, crate::compat::candidate_with_owner);
        }
        Ok(())
    }
}
