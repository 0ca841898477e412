//! Recorded requests, sent to both sides.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use std::time::Duration;

use costrel::{App, Application, IntoView, Method, abort, async_to_sync, redirect, session};
use costrel_shadow::{Recorded, Report, Shadow};
use rstest::rstest;

use crate::support::Server;

/// An app that counts its orders, knows its users by a session, and greets with `greeting`.
fn app(greeting: &'static str) -> (App, Arc<AtomicUsize>) {
    let mut app = App::new("shop");
    app.config.secret_key = Some("known to both".into());
    let orders = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&orders);
    app.rule("/users/<int:id>")
        .endpoint("user")
        .view(async |id: i64| if id > 9 { abort(404) } else { Ok(format!("user {id}")) });
    app.rule("/hello").endpoint("hello").view(move || greeting);
    app.rule("/login").endpoint("login").view(|| {
        session().set("user", "ada")?;
        redirect("/me")
    });
    app.rule("/me").endpoint("me").view(|| session().get::<String>("user").unwrap_or("anonymous".into()));
    app.rule("/order").methods(["POST"]).endpoint("order").view(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        "ordered"
    });
    (app, orders)
}

fn requests(paths: &[(&str, &str)]) -> Vec<Recorded> {
    let recorded = |(method, path): &(&str, &str)| Recorded::new(method.parse::<Method>().unwrap(), path).unwrap();
    paths.iter().map(recorded).collect()
}

fn replay(shadow: &Shadow, new: &Application, recorded: Vec<Recorded>) -> Report {
    let (shadow, new) = (shadow.clone(), new.clone());
    let replay = move |requests: Vec<Recorded>| {
        let (shadow, new) = (shadow.clone(), new.clone());
        async move { shadow.replay(&new, &requests, |_| ()).await }
    };
    async_to_sync(replay)(recorded).unwrap().unwrap()
}

#[test]
fn each_rule_has_its_figures_and_its_first_differences() {
    let old = Server::start(app("hello").0);
    let new = app("hallo").0.build().unwrap();
    let paths =
        [("GET", "/users/1"), ("GET", "/users/2?x=1"), ("GET", "/users/77"), ("GET", "/hello"), ("GET", "/nowhere/7")];
    let report = replay(&Shadow::new(&old.url()).ready_after(3), &new, requests(&paths));
    let rules = report.rules();
    let figures: Vec<_> = rules.iter().map(|rule| (&*rule.rule, rule.equal, rule.different, rule.is_ready)).collect();
    assert_eq!(figures, [("GET /nowhere/<n>", 1, 0, false), ("GET hello", 0, 1, false), ("GET user", 3, 0, true)]);
    let example = &rules[1].examples[0];
    assert_eq!((&*example.request, &*example.differences[0].part), ("GET /hello", "text"));
    assert_eq!((&*example.differences[0].old, &*example.differences[0].new), ("hello", "hallo"));
    assert!(rules[2].old_ms.is_some() && rules[2].new_ms.is_some() && !report.is_equal());
}

#[test]
fn each_side_keeps_its_cookies() {
    let old = Server::start(app("hello").0);
    let new = app("hello").0.build().unwrap();
    let report = replay(&Shadow::new(&old.url()), &new, requests(&[("GET", "/me"), ("GET", "/login"), ("GET", "/me")]));
    assert!(report.is_equal(), "{:?}", report.rules());
    // A session that was recorded is there from the beginning.
    let signed_in = new.test_client();
    signed_in.get("/login").wait().unwrap();
    let mut recorded = requests(&[("GET", "/me")]);
    recorded[0].headers.push(("Cookie".into(), format!("session={}", signed_in.cookie("session").unwrap())));
    let mut other = app("hello").0;
    other.config.secret_key = Some("another".into());
    let other = other.build().unwrap();
    for shadow in [Shadow::new(&old.url()), Shadow::new(&old.url()).host("shop.example")] {
        let report = replay(&shadow, &other, recorded.clone());
        assert_eq!(report.rules()[0].examples[0].differences[0].old, "ada");
    }
}

/// An app whose permanent session, a cookie with `Expires` alone, lasts so many days.
fn app_that_remembers(days: u64, is_sync: bool) -> App {
    let mut app = App::new("shop");
    app.config.secret_key = Some("known to both".into());
    app.config.permanent_session_lifetime = Duration::from_secs(days * 24 * 60 * 60);
    let view = || session().set_permanent(true).map(|()| "remembered");
    let view = if is_sync { view.into_view() } else { (move || std::future::ready(view())).into_view() };
    app.rule("/").endpoint("index").view(view);
    app
}

#[rstest]
fn a_session_that_lasts_another_time_is_a_difference(#[values(true, false)] is_sync: bool) {
    let old = Server::start(app_that_remembers(31, is_sync));
    let of_days = |days| {
        let new = app_that_remembers(days, is_sync).build().unwrap();
        replay(&Shadow::new(&old.url()), &new, requests(&[("GET", "/")])).rules().remove(0)
    };
    assert_eq!(of_days(31).equal, 1);
    let found = of_days(1).examples.remove(0).differences;
    assert_eq!(found.iter().map(|found| &*found.part).collect::<Vec<_>>(), ["cookie session: Expires"]);
    let seconds = |side: &str| side.strip_suffix(" s after the response").unwrap().parse::<u64>().unwrap();
    assert_eq!([&found[0].old, &found[0].new].map(|side| seconds(side).div_ceil(86_400)), [31, 1]);
}

#[test]
fn what_changes_something_is_sent_only_when_told_so() {
    let (old_app, old_orders) = app("hello");
    let (new_app, new_orders) = app("hello");
    let old = Server::start(old_app);
    let new = new_app.build().unwrap();
    let orders = || (old_orders.load(Ordering::SeqCst), new_orders.load(Ordering::SeqCst));
    let report = replay(&Shadow::new(&old.url()), &new, requests(&[("POST", "/order"), ("DELETE", "/order/7")]));
    assert_eq!((orders(), report.rules().iter().map(|rule| rule.skipped).sum::<u64>()), ((0, 0), 2));
    assert!(!report.is_equal());
    let report = replay(&Shadow::new(&old.url()).with_unsafe(true), &new, requests(&[("POST", "/order")]));
    assert_eq!((orders(), report.rules()[0].equal, &*report.rules()[0].rule), ((1, 1), 1, "POST order"));
}

#[test]
fn an_app_that_does_not_answer_is_no_equal_one() {
    let new = app("hello").0.build().unwrap();
    let report = replay(&Shadow::new("http://127.0.0.1:1"), &new, requests(&[("GET", "/hello")]));
    let rule = &report.rules()[0];
    assert_eq!((rule.unanswered, rule.in_a_row, &*rule.examples[0].differences[0].part), (1, 0, "no answer"));
    assert!(rule.examples[0].differences[0].old.contains("takes no connections"));
}

#[test]
fn one_difference_begins_the_row_anew() {
    let old = Server::start(app("hello").0);
    let new = app("hallo").0.build().unwrap();
    let shadow = Shadow::new(&old.url()).ready_after(2);
    let equal = app("hello").0.build().unwrap();
    assert!(replay(&shadow, &equal, requests(&[("GET", "/hello"), ("GET", "/hello")])).rules()[0].is_ready);
    assert!(!replay(&shadow, &new, requests(&[("GET", "/hello")])).rules()[0].is_ready);
    let rule = &replay(&shadow, &equal, requests(&[("GET", "/hello")])).rules()[0];
    assert_eq!((rule.equal, rule.different, rule.in_a_row, rule.is_ready), (3, 1, 1, false));
}

#[test]
fn the_error_behind_a_500_is_in_the_report() {
    let old = Server::start(app("hello").0);
    let mut new = App::new("new");
    new.rule("/hello")
        .endpoint("hello")
        .view(|| Err::<&str, _>(costrel::Error::new(costrel::ErrorKind::Other, "the lamp is out")));
    let report = replay(&Shadow::new(&old.url()), &new.build().unwrap(), requests(&[("GET", "/hello")]));
    let difference = &report.rules()[0].examples[0].differences[0];
    assert_eq!((&*difference.part, &*difference.old, &*difference.new), ("status", "200", "500: the lamp is out"));
}
