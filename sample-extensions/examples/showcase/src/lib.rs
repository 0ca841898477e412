//! The showcase: the three sample extensions on sync and async views, to try in a browser.
#![doc = include_str!("../../../../README.md")]

mod snippets;
mod live;
mod users;
mod pages;
mod commands;
mod candidates;

use std::time::Duration;

use costrel::{App, Error};
use costrel_cache::Cache;
use costrel_compat::add_command;
use costrel_ext_kit::key::remote_address;
use costrel_limiter::Limiter;
use costrel_login::{Login, login_required, user_id};

/// The timeout of the cached pages.
const CACHE_TIMEOUT: Duration = Duration::from_secs(10);

/// Builds the showcase.
///
/// ```
/// let client = costrel_showcase::create_app()?.test_client();
/// assert!(client.get("/").wait()?.text().contains("Costrel"));
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Errors
/// If the app has set-up errors.
pub fn create_app() -> Result<App, Error> {
    let limiter = Limiter::new(remote_address);
    let cache = Cache::new();
    let mut app = App::new("showcase");
    app.config.secret_key = Some(std::env::var("SECRET_KEY").unwrap_or_else(|_| "only for the showcase".into()));
    app.init(Login::new().user_loader(users::load_user).login_view("/login"))?;
    app.init(&limiter)?;
    app.init(&cache)?;

    app.route("/", pages::index);
    app.route("/hello/<name>", pages::hello);
    app.rule("/login").methods(["GET", "POST"]).view(users::login);
    app.post("/logout", users::logout);
    app.rule("/me/sync").decorate(login_required).view(users::me_sync);
    app.rule("/me/async").decorate(login_required).view(users::me_async);
    app.rule("/cached/sync")
        .decorate(pages::show_cache_state)
        .decorate(cache.cached(CACHE_TIMEOUT))
        .view(pages::cached_sync);
    app.rule("/cached/async")
        .decorate(pages::show_cache_state)
        .decorate(cache.cached(CACHE_TIMEOUT))
        .view(pages::cached_async);
    app.rule("/limited/sync").decorate(limiter.limit("3/minute")).view(pages::limited_sync);
    app.rule("/limited/async").decorate(limiter.limit("3/minute")).view(pages::limited_async);
    app.rule("/report")
        .decorate(pages::show_cache_state)
        .decorate(login_required)
        .decorate(limiter.limit("10/minute"))
        .decorate(cache.cached_by(CACHE_TIMEOUT, user_id))
        .view(pages::report);

    snippets::add_to(&mut app);
    live::add_to(&mut app);

    app.command("greet", "Greet a person, from sync code: greet NAME.", commands::greet);
    app.command("greet-async", "Greet a person, from async code: greet-async NAME.", commands::greet_async);

    add_command(&mut app, create_app, &candidates::ALL);

    app.errorhandler(404, pages::not_found);
    app.errorhandler(429, pages::too_many);
    Ok(app)
}
