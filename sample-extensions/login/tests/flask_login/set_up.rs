//! What the options are checked for when the app starts.

use costrel::{App, Blueprint};
use costrel_login::Login;
use rstest::rstest;

use crate::support::login;

/// Initialises the extension in an app with a login page, and builds the app.
fn built(login: Login) -> Result<(), String> {
    let mut app = App::new("test");
    app.config.secret_key = Some("secret".into());
    app.init(login).map_err(|error| error.to_string())?;
    app.rule("/login").endpoint("login").view(|| "login");
    app.rule("/users/<int:id>/login").endpoint("own").view(|_: i64| "login");
    let mut admin = Blueprint::new("admin").url_prefix("/admin");
    admin.rule("/login").endpoint("login").view(async || "login");
    app.register_blueprint(admin);
    app.build().map(drop).map_err(|error| error.to_string())
}

#[test]
fn l15_a_login_without_loaders_names_both() {
    let error = built(Login::new()).unwrap_err();
    assert!(error.contains("user_loader") && error.contains("request_loader"), "{error}");
    assert!(error.contains("set_up.rs:"), "{error}");
}

#[rstest]
#[case::endpoint(login(true).login_view("nowhere"), "no endpoint `nowhere`")]
#[case::path(login(true).login_view("/nowhere"), "no path `/nowhere`")]
#[case::path_with_a_query(login(true).login_view("/nowhere?a=1"), "no path `/nowhere?a=1`")]
#[case::refresh(login(true).refresh_view("nowhere"), "no endpoint `nowhere`")]
#[case::of_a_blueprint(login(true).blueprint_login_view("admin", "admin.nowhere"), "no endpoint `admin.nowhere`")]
#[case::no_blueprint(login(true).blueprint_login_view("amdin", "login"), "the blueprint `amdin`")]
#[case::mode(login(true).compat("flask-login 0.5"), "\"flask-login 0.5\" is not known")]
fn a_page_that_the_app_does_not_have_is_a_set_up_error_at_the_users_line(#[case] login: Login, #[case] wanted: &str) {
    let error = built(login).unwrap_err();
    assert!(error.contains(wanted) && error.contains("set_up.rs:"), "{error}");
}

#[rstest]
#[case(login(true).login_view("login"))]
#[case(login(true).login_view("/login?lang=en"))]
#[case(login(true).login_view("/users/7/login"))]
#[case(login(true).login_view("https://auth.example/login"))]
#[case(login(true).login_view("admin.login").blueprint_login_view("admin", None))]
fn a_page_that_is_there_is_right(#[case] login: Login) {
    built(login).unwrap();
}
