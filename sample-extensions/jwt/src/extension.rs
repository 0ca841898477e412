//! The set-up of the extension on an app.

use std::sync::Arc;

use costrel::{App, Application, Error, Extension, of_type};

use crate::answer::answer;
use crate::error::JwtError;
use crate::options::Jwt;
use crate::settings::Settings;

impl Extension for Jwt {
    fn init_app(self, app: &mut App) -> Result<(), Error> {
        app.set_extension(self);
        app.errorhandler(of_type::<JwtError>(), answer);
        app.on_build(read_settings);
        Ok(())
    }
}

/// Reads the settings when the app is built, so that they may be set after the extension.
fn read_settings(app: &Application) -> Result<(), Error> {
    let jwt = app.handle().extension::<Jwt>()?;
    let settings = Settings::read(app.handle().config(), jwt.decode_key.is_some())?;
    jwt.settings.get_or_init(|| Arc::new(settings));
    Ok(())
}
