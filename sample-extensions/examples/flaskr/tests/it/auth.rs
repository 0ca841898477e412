//! The tutorial's `test_auth.py`.

use rstest::rstest;

use crate::support::Flaskr;

#[test]
fn a_visitor_registers() {
    let flaskr = Flaskr::new();
    assert_eq!(flaskr.get("/auth/register").status(), 200);
    let registered = flaskr.post("/auth/register", &[("username", "a"), ("password", "a")]);
    assert_eq!(registered.header("location"), Some("/auth/login"));
    assert_eq!(flaskr.number("SELECT count(*) FROM user WHERE username = 'a'"), 1);
    assert_eq!(flaskr.login("a", "a").header("location"), Some("/"));
}

#[rstest]
#[case("", "", "Username is required.")]
#[case("a", "", "Password is required.")]
#[case("test", "test", "already registered")]
fn registering_is_refused(#[case] username: &str, #[case] password: &str, #[case] message: &str) {
    let page = Flaskr::new().post("/auth/register", &[("username", username), ("password", password)]);
    assert!(page.status() == 200 && page.text().contains(message), "{}", page.text());
}

#[test]
fn a_user_logs_in() {
    let flaskr = Flaskr::new();
    assert_eq!(flaskr.get("/auth/login").status(), 200);
    assert_eq!(flaskr.login("test", "test").header("location"), Some("/"));
    assert_eq!(flaskr.in_session("user_id"), Some(1));
    assert!(flaskr.get("/").text().contains("<span>test</span>"));
}

#[rstest]
#[case("a", "test", "Incorrect username.")]
#[case("test", "a", "Incorrect password.")]
fn a_wrong_login_is_refused(#[case] username: &str, #[case] password: &str, #[case] message: &str) {
    let page = Flaskr::new().login(username, password);
    assert!(page.status() == 200 && page.text().contains(message), "{}", page.text());
}

#[test]
fn a_login_without_its_fields_is_a_400() {
    assert_eq!(Flaskr::new().post("/auth/login", &[("username", "test")]).status(), 400);
}

#[test]
fn a_user_logs_out() {
    let flaskr = Flaskr::new().logged_in();
    assert_eq!(flaskr.get("/auth/logout").header("location"), Some("/"));
    assert_eq!(flaskr.in_session("user_id"), None);
}
