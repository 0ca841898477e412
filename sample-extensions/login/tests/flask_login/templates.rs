//! `current_user` in templates.

use costrel::testing::TestClient;
use costrel::{context, render_template_string};
use costrel_login::signals::USER_ACCESSED;
use costrel_login::{Login, current_user};
use rstest::rstest;
use serde::Serialize;

use crate::support::{Person, app, count, get, login, taken, text, view};

fn with_page(login: Login, page: &'static str, sync: bool) -> TestClient {
    let mut app = app(login, sync);
    view!(app.rule("/page"), sync, wait => wait!(render_template_string(page, context! {}))?);
    app.test_client()
}

#[derive(Serialize)]
struct Guest {
    name: &'static str,
}

#[rstest]
fn l42_templates_see_the_apps_own_user(#[values(true, false)] sync: bool, #[values(true, false)] sync_callbacks: bool) {
    let login = login(sync_callbacks).in_templates::<Person>().in_templates::<Guest>();
    let login = login.anonymous_user(|| Guest { name: "guest" });
    let page = "{% if current_user.is_authenticated %}hello {{ current_user.name }} {{ current_user.get_id() }}\
                {% else %}who are you, {{ current_user.name }}? {{ current_user.is_anonymous }}{% endif %}{{ current_user.nothing }}";
    let client = with_page(login, page, sync);
    assert_eq!(text(&client, "/page"), "who are you, guest? True");
    get(&client, "/in");
    assert_eq!(text(&client, "/page"), "hello Ada 42");
}

/// The user is loaded for a template that asks for it, and for no other.
#[rstest]
fn l42_a_template_that_does_not_ask_loads_no_user(#[values(true, false)] sync: bool) {
    let mut app = app(login(sync).in_templates::<Person>(), sync);
    view!(app.rule("/page"), sync, wait => wait!(render_template_string("{{ 1 }}", context! {}))?);
    let asked = count(&mut app, &USER_ACCESSED, sync);
    let client = app.test_client();
    get(&client, "/in");
    let page = get(&client, "/page");
    assert_eq!((page.text().as_str(), taken(&asked), page.header("vary")), ("1", 0, None));
}

/// A template that took an attribute for undefined would show the page for visitors.
#[rstest]
fn l42_attributes_that_templates_do_not_see_are_an_error(
    #[values(true, false)] sync: bool,
    #[values("{{ current_user.name }}", "{% if current_user.name %}in{% else %}out{% endif %}")] page: &'static str,
) {
    let client = with_page(login(sync), page, sync);
    assert_eq!(get(&client, "/page").status(), 200, "a visitor has no attributes");
    get(&client, "/in");
    let page = get(&client, "/page");
    assert!(page.error().unwrap().message().contains("`.in_templates::<User>()`"), "{page:?}");
}

/// In Flask a visitor counts as true.
#[rstest]
#[case::safe(None, "out")]
#[case::as_in_flask_login(Some("flask-login 0.6"), "in")]
fn l42_the_truth_of_a_visitor(#[case] compat: Option<&str>, #[case] wanted: &str, #[values(true, false)] sync: bool) {
    let login = login(sync);
    let login = compat.map_or(login.clone(), |version| login.compat(version));
    let client = with_page(login, "{% if current_user %}in{% else %}out{% endif %}", sync);
    assert_eq!(text(&client, "/page"), wanted);
    get(&client, "/in");
    assert_eq!(text(&client, "/page"), "in");
}

/// Outside a request there is no user, so a command can render a template that asks for one.
#[test]
fn l42_outside_a_request_there_is_no_user() {
    let app = app(login(true), true).build().unwrap();
    app.app_context_sync(|| {
        assert!(current_user().wait().unwrap().is_anonymous());
        let page = "{% if current_user.is_authenticated %}in{% else %}out{% endif %}";
        assert_eq!(render_template_string(page, context! {}).wait().unwrap(), "out");
    });
}
