//! Fragments of templates.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{MINUTE, app, text};
use costrel::{App, context, render_template_string, session};
use costrel_cache::{Cache, make_template_fragment_key};
use costrel_ext_kit::Clock;
use rstest::rstest;

fn app_with(cache: &Cache, source: &'static str) -> App {
    let (mut app, runs) = (app(cache), Arc::new(AtomicUsize::new(0)));
    app.templates(move |templates| {
        templates.add_function("run", move || runs.fetch_add(1, Ordering::Relaxed));
    });
    app.post("/login/<name>", |name: String| session().set("user", name).map(|()| ""));
    app.route("/sync/<user>", move |user: String| render_template_string(source, context! { user }).wait());
    app.route("/async/<user>", async move |user: String| render_template_string(source, context! { user }).await);
    app
}

#[rstest]
fn c33_a_fragment_is_kept_for_each_of_its_values(#[values("sync", "async")] colour: &'static str) {
    let clock = Clock::manual();
    let cache = Cache::new().clock(clock.clone());
    let by_key = cache.clone();
    let mut app = app_with(&cache, "{% call cache(60, 'menu', user) %}<b>{{ user }}</b> {{ run() }}{% endcall %}");
    app.route("/delete", move || {
        let key = make_template_fragment_key("menu", ["a_b"]);
        assert_eq!(key, "_template_fragment_cache_menu_a%5Fb");
        by_key.delete(&key).wait().map(|was| was.to_string())
    });
    let client = app.test_client();
    let of = |user: &str| text(&client, &format!("/{colour}/{user}"));
    assert_eq!(["a_b", "bob", "a_b"].map(of), ["<b>a_b</b> 0", "<b>bob</b> 1", "<b>a_b</b> 0"]);
    assert_eq!(text(&client, "/delete"), "true");
    assert_eq!(["a_b", "bob"].map(of), ["<b>a_b</b> 2", "<b>bob</b> 1"]);
    clock.advance(MINUTE);
    assert_eq!(of("bob"), "<b>bob</b> 3");
}

#[rstest]
fn c33_del_deletes_and_renders(#[values("sync", "async")] colour: &'static str) {
    let source = "{% call cache('del' if user == 'gone' else none, 'menu') %}{{ run() }}{% endcall %}";
    let client = app_with(&Cache::new(), source).test_client();
    let of = |user: &str| text(&client, &format!("/{colour}/{user}"));
    assert_eq!(["ada", "bob", "gone", "gone", "bob", "ada"].map(of), ["0", "0", "1", "2", "3", "3"]);
}

#[rstest]
fn c33_a_fragment_that_looked_at_its_client_is_kept_for_its_values_alone(
    #[values("sync", "async")] colour: &'static str,
    #[values(true, false)] is_said: bool,
) {
    let source = if is_said {
        "{% call cache(60, 'menu', user) %}{{ session.user }} {{ run() }}{% endcall %}"
    } else {
        "{% call cache(60, 'menu') %}{{ session.user }} {{ run() }}{% endcall %}"
    };
    let application = app_with(&Cache::new(), source).build().unwrap();
    let [ada, bob] = ["ada", "bob"].map(|name| {
        let client = application.test_client();
        client.post(&format!("/login/{name}")).wait().unwrap();
        (name, client)
    });
    let pages = [&ada, &bob, &ada].map(|(name, client)| text(client, &format!("/{colour}/{name}")));
    assert_eq!(pages, ["ada 0", "bob 1", if is_said { "ada 0" } else { "ada 2" }]);
}

/// A client may send any host, so values to vary on do not do unless it is one of them; and a fragment without any is for each page.
#[rstest]
#[case("{% call cache(60, 'menu') %}{{ request.host }} {{ run() }}{% endcall %}", false)]
#[case("{% call cache(60, 'menu', user) %}{{ request.url }} {{ run() }}{% endcall %}", false)]
#[case("{% call cache(60, 'menu', user, request.host) %}{{ request.host }} {{ run() }}{% endcall %}", true)]
#[case("{% call cache(60, 'menu') %}{{ request.path }} {{ run() }}{% endcall %}", false)]
#[case("{% call cache(60, 'menu', request.path) %}{{ request.path }} {{ run() }}{% endcall %}", true)]
#[case("{% call cache(60, 'menu') %}{{ run() }}{% endcall %}", true)]
fn a_fragment_that_looked_at_where_the_request_goes_is_kept_for_its_values_alone(
    #[case] source: &'static str,
    #[case] is_kept: bool,
    #[values("sync", "async")] colour: &'static str,
) {
    let client = app_with(&Cache::new(), source).test_client();
    let ask = |host: &str| client.get(&format!("/{colour}/ada")).header("host", host).wait().unwrap().text();
    let pages = ["evil.example", "shop.example", "shop.example"].map(ask);
    assert!(!pages[1].contains("evil"), "{pages:?}");
    assert_eq!(pages[1] == pages[2], is_kept, "{pages:?}");
}

/// A fragment with a URL in it is for requests over its scheme; one that looked at no URL, for all.
#[rstest]
#[case("{% call cache(60, 'menu', request.host) %}{{ request.url_root }} {{ run() }}{% endcall %}", true)]
#[case("{% call cache(60, 'menu', user) %}{{ run() }}{% endcall %}", false)]
fn a_fragment_of_http_is_none_of_https(
    #[case] source: &'static str,
    #[case] has_scheme: bool,
    #[values("sync", "async")] colour: &'static str,
) {
    let client = app_with(&Cache::new(), source).test_client();
    let ask = |scheme: &str| text(&client, &format!("{scheme}://shop.example/{colour}/ada"));
    let pages = ["http", "https", "https"].map(ask);
    assert_eq!(pages[1], pages[2]);
    let expected = if has_scheme { "https://shop.example/ 1" } else { "0" };
    assert_eq!(pages[1], expected);
}

#[test]
fn c33_a_wrong_call_says_what_is_right() {
    for (source, says) in [
        ("{{ cache(60, 'menu') }}", "it is a block"),
        ("{% call cache(60) %}{% endcall %}", "it needs a timeout and a name"),
        ("{% call cache(-1, 'menu') %}{% endcall %}", "negative"),
    ] {
        let mut app = app_with(&Cache::new(), source);
        app.config.testing = true;
        let error = app.test_client().get("/async/ada").wait().unwrap_err();
        assert!(format!("{error:?}").contains(says), "{source}: {error:?}");
    }
}

/// A value under the key of a fragment is no fragment: it goes into no page as HTML.
#[rstest]
fn a_value_is_no_fragment(#[values("sync", "async")] colour: &'static str) {
    let cache = Cache::new();
    let mut app = app_with(&cache, "{% call cache(60, 'menu', user) %}<b>{{ user }}</b>{% endcall %}");
    app.route("/set", move || {
        let key = make_template_fragment_key("menu", ["ada"]);
        cache.set(&key, "<script>", None).wait().map(|()| "")
    });
    let client = app.test_client();
    text(&client, "/set");
    assert_eq!(text(&client, &format!("/{colour}/ada")), "<b>ada</b>");
}
