//! The set-up of the extension on an app.

use costrel::{App, Application, Error, Extension};

use crate::options::Login;
use crate::refusal::is_url;
use crate::remember::refresh;
use crate::settings::Settings;

/// The one setting that is read when the extension is initialised.
const REFRESH_EACH_REQUEST: &str = "REMEMBER_COOKIE_REFRESH_EACH_REQUEST";

impl Extension for Login {
    fn init_app(mut self, app: &mut App) -> Result<(), Error> {
        if let Some(error) = self.setup_error.take() {
            return Err(error);
        }
        if self.user_loader.is_none() && self.request_loader.is_none() {
            let remedy = "write `Login::new().user_loader(load_user)`, or `.request_loader(..)` for tokens in requests";
            return Err(Error::setup(format!("no user loader is set: {remedy}")));
        }
        if app.config.secret_key.as_deref().unwrap_or_default().is_empty() {
            return Err(Error::setup("the session needs a secret key: set `app.config.secret_key` first"));
        }
        app.set_extension(self);
        // Known here and not at start-up, because the function costs every request of sync code a crossing.
        let refreshes = app.config.get(REFRESH_EACH_REQUEST).unwrap_or(false);
        if refreshes {
            app.after_request(refresh);
        }
        app.on_build(move |app| check(app, refreshes));
        #[cfg(feature = "templates")]
        app.template_value("current_user", crate::templates::current_user_value);
        Ok(())
    }
}

/// Reads the settings, and looks for the pages that the options name among the app's rules.
fn check(app: &Application, refreshes: bool) -> Result<(), Error> {
    let (login, config) = (app.handle().extension::<Login>()?, app.handle().config());
    let settings = Settings::read(config)?;
    if settings.remember_cookie_refresh_each_request && !refreshes {
        return Err(Error::setup(format!(
            "the setting {REFRESH_EACH_REQUEST} comes too late: set it before `app.init`"
        )));
    }
    login.settings.get_or_init(|| settings);
    let own = [&login.unauthorized.view, &login.needs_refresh.view];
    own.into_iter().chain(login.blueprint_views.values()).flatten().try_for_each(|view| check_view(app, view))?;
    login.blueprint_views.keys().try_for_each(|blueprint| check_blueprint(app, blueprint))
}

fn check_view(app: &Application, view: &str) -> Result<(), Error> {
    let root = app.handle().config().application_root.trim_end_matches('/');
    let path = view.split(['?', '#']).next().unwrap_or_default();
    let (kind, is_known) = match path {
        path if path.starts_with('/') => ("path", app.has_path(path.strip_prefix(root).unwrap_or(path))),
        path => ("endpoint", is_url(path) || app.rules().iter().any(|rule| rule.endpoint == path)),
    };
    let remedy = "name the endpoint of a rule, or write the whole URL of a page that another app serves";
    let error = || Error::setup(format!("the app has no {kind} `{view}`, which is to be a login page: {remedy}"));
    is_known.then_some(()).ok_or_else(error)
}

fn check_blueprint(app: &Application, blueprint: &str) -> Result<(), Error> {
    let is_in = |endpoint: &str| endpoint.rsplit_once('.').is_some_and(|(known, _)| known == blueprint);
    let remedy = "write its name with those of the blueprints around it, such as `admin.users`";
    let error =
        || Error::setup(format!("a login view is for the blueprint `{blueprint}`, which has no view: {remedy}"));
    app.rules().iter().any(|rule| is_in(&rule.endpoint)).then_some(()).ok_or_else(error)
}
