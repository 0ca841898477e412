//! Flaskr, the blog of Flask's tutorial.
#![doc = include_str!("../README.md")]

mod blog;
mod auth;
mod db;
mod files;

use costrel::{App, Error};
use serde_json::{Value, json};

pub use db::get_db;

/// Builds the app: the tutorial's application factory. With `test_config` its settings are these, else those of
/// `config.toml` in the instance folder, where there is one.
///
/// ```
/// let client = costrel_flaskr::create_app(None)?.test_client();
/// assert_eq!(client.get("/hello").wait()?.text(), "Hello, World!");
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Errors
/// If the settings cannot be read.
pub fn create_app(test_config: Option<Value>) -> Result<App, Error> {
    let mut app = App::new("flaskr");
    let database = app.instance_path().join("flaskr.sqlite");
    app.config.from_mapping(json!({ "SECRET_KEY": "dev", "DATABASE": database }))?;
    match test_config {
        Some(settings) => app.config.from_mapping(settings)?,
        None => drop(app.config.from_file_if_present(app.instance_path().join("config.toml"))?),
    }
    app.template_folder(files::templates());
    app.static_folder("/static", files::statics());

    app.route("/hello", || "Hello, World!");
    db::init_app(&mut app);
    app.register_blueprint(auth::blueprint());
    app.register_blueprint(blog::blueprint());
    app.rule("/").endpoint("index").build_only();
    Ok(app)
}
