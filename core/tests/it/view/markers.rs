//! The notes on a view, and which of several counts.

use costrel::{App, Blueprint, IntoView, View, request};
use rstest::rstest;

#[derive(Clone, Debug, PartialEq)]
struct Limit(u32);

fn limit(number: u32) -> impl Fn(View) -> View + Clone {
    move |view| view.marked(Limit(number))
}

fn shown() -> String {
    request().marker::<Limit>().map_or_else(|| "none".to_owned(), |limit| limit.0.to_string())
}

#[rstest]
fn a_views_own_note_wins_over_its_blueprints(#[values(true, false)] is_sync: bool) {
    let (mut app, mut outer, mut inner) = (App::new("test"), Blueprint::new("outer"), Blueprint::new("inner"));
    let view = || if is_sync { shown.into_view() } else { (async || shown()).into_view() };
    outer.decorate(limit(1));
    inner.decorate(limit(2));
    inner.rule("/own").endpoint("own").decorate(limit(3)).view(view());
    inner.rule("/inner").endpoint("inner").view(view());
    outer.rule("/outer").endpoint("outer").view(view());
    outer.register_blueprint(inner);
    app.register_blueprint(outer);
    app.rule("/app").endpoint("app").view(view());
    let client = app.test_client();
    let of = |path: &str| client.get(path).wait().unwrap().text();
    assert_eq!(["/own", "/inner", "/outer", "/app"].map(of), ["3", "2", "1", "none"]);
}

#[test]
fn notes_are_combined_from_the_inside() {
    let add = |number| move |view: View| view.marked_with(Limit(number), |own, new| Limit(own.0 * 10 + new.0));
    let view = add(3)(add(2)(add(1)(shown.into_view())));
    assert_eq!(view.marker(), Some(&Limit(123)));
}

#[test]
fn the_rules_of_an_app_have_their_notes() {
    let mut app = App::new("test");
    app.rule("/a").decorate(limit(1)).view(|| "");
    app.rule("/b").view(|| "");
    let app = app.build().unwrap();
    let notes: Vec<_> = app.handle().rules().iter().map(|rule| (rule.rule.as_str(), rule.marker::<Limit>())).collect();
    assert_eq!(notes, [("/a", Some(&Limit(1))), ("/b", None)]);
}
