//! Whom a kept page is for: a page that may be for one client alone is never given to another.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use costrel::testing::{TestClient, TestRequest};
use costrel::{
    App, Body, Colour, Cookie, Error, IntoResponse, IntoView, Request, Response, View, after_this_request, flash, g,
    get_flashed_messages, request, session, set_cookie, url_for,
};
use costrel_cache::{Cache, Caching, timeout};
use costrel_ext_kit::key;
use costrel_stores::MemoryEntries;
use rstest::rstest;

const MINUTE: Duration = Duration::from_secs(60);

/// A view of either colour that returns what `answer` makes.
fn view<R: IntoResponse + Send + 'static>(colour: Colour, answer: fn() -> R) -> View {
    match colour {
        Colour::Sync => (move || answer().into_response()).into_view(),
        Colour::Async => (move || std::future::ready(answer().into_response())).into_view(),
    }
}

fn app(cache: &Cache) -> App {
    let mut app = App::new("test");
    app.config.secret_key = Some("test".into());
    app.init(cache).unwrap();
    app
}

fn client_of(view: View) -> TestClient {
    client_with(&Cache::new(), view)
}

fn client_with(cache: &Cache, view: View) -> TestClient {
    let mut app = app(cache);
    app.before_request(async || g().set("path", request().path().to_owned()));
    app.rule("/me").decorate(cache.cached(MINUTE)).view(view.named("me"));
    app.test_client()
}

fn send(request: TestRequest) -> (String, Option<String>) {
    let response = request.wait().unwrap();
    (response.text(), response.header("x-cache").map(str::to_owned))
}

/// What a client is told by, in each of its headers.
fn as_client(client: &TestClient, name: &str) -> TestRequest {
    let request = client.get("/me").header("cookie", &format!("token={name}")).header("x-api-key", name);
    request.header("x-user", name).header("accept-language", name).header("user-agent", name)
}

fn cookie() -> String {
    request().cookie("token").unwrap_or_default()
}

#[rstest]
#[case::a_cookie(cookie)]
#[case::all_cookies(|| request().cookies().get("token").unwrap_or_default().to_owned())]
#[case::an_api_key(|| request().header("x-api-key").unwrap_or_default().to_owned())]
#[case::an_ordinary_header(|| request().header("Accept-Language").unwrap_or_default().to_owned())]
#[case::all_headers(|| format!("{:?}", request().headers().get("x-user")))]
#[case::iterated_headers(|| format!("{:?}", request().headers().iter().last().is_some()) + &format!("{:?}", request().headers().values().collect::<Vec<_>>()))]
#[case::the_values_of_a_header(|| format!("{:?}", request().header_values("x-user").collect::<Vec<_>>()))]
fn what_a_view_has_looked_at_keeps_its_page_from_others(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[case] answer: fn() -> String,
) {
    let client = client_of(view(colour, answer));
    let pages = ["ada", "bob", "ada"].map(|name| send(as_client(&client, name)).0);
    assert!(pages[0].contains("ada") && pages[1].contains("bob") && pages[2].contains("ada"), "{pages:?}");
    assert!(!pages[1].contains("ada") && !pages[2].contains("bob"), "{pages:?}");
}

#[rstest]
fn a_user_that_a_hook_has_put_on_g_is_that_client_s(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values("cookie", "header", "early")] from: &'static str,
) {
    let cache = Cache::new();
    let mut app = app(&cache);
    app.before_request(move || {
        let user = Arc::new(parking_lot::Mutex::new(String::new()));
        // A hook may put a value on `g` first and look then.
        if from == "early" {
            g().set("user", user.clone());
        }
        *user.lock() =
            if from == "header" { request().header("x-user").unwrap_or_default().to_owned() } else { cookie() };
        g().set("user", user);
    });
    let answer =
        || g().get::<Arc<parking_lot::Mutex<String>>>("user").map(|user| user.lock().clone()).unwrap_or_default();
    app.rule("/me").decorate(cache.cached(MINUTE)).view(view(colour, answer).named("me"));
    let client = app.test_client();
    assert_eq!(["ada", "bob"].map(|name| send(as_client(&client, name)).0), ["ada", "bob"]);
}

#[rstest]
fn the_session_s_data_is_its_client_s(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let cache = Cache::new();
    let mut app = app(&cache);
    app.post("/login/<name>", |name: String| session().set("user", name).map(|()| ""));
    let answer = || format!("{:?}", session().data());
    app.rule("/me").decorate(cache.cached(MINUTE)).view(view(colour, answer).named("me"));
    let application = app.build().unwrap();
    for name in ["ada", "bob"] {
        let client = application.test_client();
        client.post(&format!("/login/{name}")).wait().unwrap();
        assert!(send(client.get("/me")).0.contains(name));
    }
}

/// A page that looked at nothing is for every client, whatever the client brings and a hook has looked at.
#[rstest]
fn a_page_that_looked_at_nothing_is_shared(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let cache = Cache::new();
    let mut app = app(&cache);
    app.before_request(async || g().set("seen", cookie()));
    app.rule("/me").decorate(cache.cached(MINUTE)).view(view(colour, || request().path().to_owned()).named("me"));
    let client = app.test_client();
    assert_eq!(send(as_client(&client, "ada")).1.as_deref(), Some("miss"));
    assert_eq!(send(as_client(&client, "bob")).1.as_deref(), Some("hit"));
}

#[rstest]
fn what_vary_names_is_shared_by_those_who_send_the_same(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let answer = || (request().header("accept-language").unwrap_or_default().to_owned(), [("vary", "Accept-Language")]);
    let client = client_of(view(colour, answer));
    let pages = ["de", "en", "de", "en", "fr"].map(|name| send(as_client(&client, name)));
    let expected = [("de", "miss"), ("en", "miss"), ("de", "hit"), ("en", "hit"), ("fr", "miss")];
    assert_eq!(pages, expected.map(|(page, state)| (page.to_owned(), Some(state.to_owned()))));
}

#[rstest]
fn a_client_that_sends_none_of_these_headers_has_a_copy_of_its_own(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(Cache::new(), Cache::new().store(MemoryEntries::new()))] cache: Cache,
    #[values("x-one", "x-two")] first_sent: &'static str,
) {
    let answer = || {
        let sent = ["x-one", "x-two"].map(|name| request().header(name).unwrap_or("none").to_owned());
        (sent.join(" "), [("vary", "X-Two, X-One")])
    };
    let client = client_with(&cache, view(colour, answer));
    let get = |headers: &[(&str, &str)]| {
        send(headers.iter().fold(client.get("/me"), |request, (name, value)| request.header(name, value)))
    };
    let requests: [&[(&str, &str)]; 4] =
        [&[], &[(first_sent, "a")], &[("x-one", "a"), ("x-two", "a")], &[("x-two", "")]];
    let first = requests.map(get);
    assert_eq!(first.clone().map(|(_, state)| state), [(); 4].map(|()| Some("miss".to_owned())));
    let again = requests.map(get);
    assert_eq!(again.clone().map(|(_, state)| state), [(); 4].map(|()| Some("hit".to_owned())));
    assert_eq!(first.map(|(page, _)| page), again.map(|(page, _)| page));
}

/// A page with its `Vary`.
type Varying = (String, [(&'static str, &'static str); 1]);

#[rstest]
#[case::another_header(|| (request().header("x-user").unwrap_or_default().to_owned(), [("vary", "Accept-Language")]))]
#[case::everything(|| (request().header("x-user").unwrap_or_default().to_owned(), [("vary", "*")]))]
#[case::cookies(|| (cookie(), [("vary", "Cookie")]))]
fn a_vary_that_does_not_say_all_shares_nothing(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[case] answer: fn() -> Varying,
) {
    let client = client_of(view(colour, answer));
    assert_eq!(["ada", "bob"].map(|name| send(as_client(&client, name)).0), ["ada", "bob"]);
}

#[rstest]
fn an_owner_s_copy_varies_by_what_the_owner_was_read_from(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let cache = Cache::new();
    let mut app = app(&cache);
    let by_cookie = cache.cached_by(MINUTE, |_: Request| cookie());
    app.rule("/me").decorate(by_cookie).view(view(colour, cookie).named("me"));
    app.rule("/key").decorate(cache.cached_by(MINUTE, key::header("x-api-key"))).view(view(colour, || "").named("key"));
    let client = app.test_client();
    for (name, state) in [("ada", "miss"), ("ada", "hit"), ("bob", "miss")] {
        let response = as_client(&client, name).wait().unwrap();
        assert_eq!((response.text().as_str(), response.header("x-cache")), (name, Some(state)));
        assert_eq!(response.header("vary"), Some("cookie"));
    }
    assert_eq!(client.get("/key").header("x-api-key", "1").wait().unwrap().header("vary"), Some("x-api-key"));
}

#[rstest]
fn without_an_owner_a_request_passes_the_cache_by(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let cache = Cache::new();
    let mut app = app(&cache);
    app.post("/add/<thing>", |thing: String| session().set("basket", thing).map(|()| ""));
    let owner = |_: Request| session().get::<String>("user").unwrap_or_default();
    let basket = || session().get::<String>("basket").unwrap_or_default();
    app.rule("/me").decorate(cache.cached_by(MINUTE, owner)).view(view(colour, basket).named("me"));
    let application = app.build().unwrap();
    for thing in ["tea", "rum"] {
        let client = application.test_client();
        client.post(&format!("/add/{thing}")).wait().unwrap();
        assert_eq!(send(client.get("/me")), (thing.to_owned(), None));
    }
}

#[rstest]
fn a_flashed_message_is_shown_once(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let cache = Cache::new();
    let mut app = app(&cache);
    app.post("/save", async || flash("saved", "message").await.map(|()| ""));
    let messages = || format!("{:?}", get_flashed_messages());
    app.rule("/me")
        .decorate(cache.cached_by(MINUTE, |_: Request| "ada".to_owned()))
        .view(view(colour, messages).named("me"));
    let client = app.test_client();
    let none = "[]".to_owned();
    assert_eq!(send(client.get("/me")), (none.clone(), Some("miss".into())));
    client.post("/save").wait().unwrap();
    assert!(send(client.get("/me")).0.contains("saved"));
    assert_eq!(send(client.get("/me")), (none, Some("hit".into())));
}

#[rstest]
fn a_view_that_writes_the_session_runs_each_time(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let cache = Cache::new();
    let mut app = app(&cache);
    app.before_request(async || session().set("seen", true));
    let count = || {
        let visits = session().get("visits").unwrap_or(0) + 1;
        session().set("visits", visits).map(|()| visits.to_string())
    };
    app.rule("/me")
        .decorate(cache.cached_by(MINUTE, |_: Request| "ada".to_owned()))
        .view(view(colour, count).named("me"));
    let client = app.test_client();
    assert_eq!([(); 3].map(|()| send(client.get("/me")).0), ["1", "2", "3"]);
}

/// A page whose cookie comes after the view: each client needs its own page with its own cookie.
#[rstest]
#[case::of_this_request("this")]
#[case::of_every_request("hook")]
#[case::of_the_session("session")]
#[case::private("private")]
fn a_cookie_that_comes_after_the_view_keeps_the_page_from_others(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[case] by: &'static str,
) {
    static TOKENS: AtomicUsize = AtomicUsize::new(0);
    fn with_cookie(mut response: Response, token: usize) -> Result<Response, Error> {
        set_cookie(&mut response, Cookie::new("token", token.to_string()))?;
        Ok(response)
    }
    fn page() -> String {
        let token = TOKENS.fetch_add(1, Ordering::Relaxed);
        g().set("token", token);
        format!("token {token}")
    }
    let cache = Cache::new();
    let mut app = app(&cache);
    let answer = if by == "this" {
        || {
            let page = page();
            after_this_request(|response: Response| with_cookie(response, g().get("token").unwrap_or_default()));
            page
        }
    } else {
        page
    };
    app.after_request(move |mut response: Response| match (by, g().get::<usize>("token")) {
        ("hook", Some(token)) => with_cookie(response, token),
        ("session", Some(token)) => session().set("token", token).map(|()| response),
        ("private", Some(_)) => {
            response.headers_mut().insert("cache-control", "private".parse()?);
            Ok(response)
        }
        _ => Ok(response),
    });
    app.rule("/me").decorate(cache.cached(MINUTE)).view(view(colour, answer).named("me"));
    let application = app.build().unwrap();
    let pages = [(); 2].map(|()| {
        let response = application.test_client().get("/me").wait().unwrap();
        assert!(by == "private" || response.header("set-cookie").is_some());
        response.text()
    });
    assert_ne!(pages[0], pages[1]);
}

#[rstest]
fn a_body_of_the_request_is_no_part_of_a_page(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let client = client_of(match colour {
        Colour::Sync => (|| request().get_data().wait()).into_view(),
        Colour::Async => (async || request().get_data().await).into_view(),
    });
    assert_eq!(send(client.get("/me").body("one")).0, "one");
    assert_eq!(send(client.get("/me").body("two")).0, "two");
    assert_eq!(send(client.get("/me")).0, "");
}

#[rstest]
fn schemes_and_hosts_tell_pages_apart(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let cache = Cache::new();
    let mut app = app(&cache);
    app.config.server.proxy_fix.x_proto = 1;
    app.config.server.proxy_fix.x_host = 1;
    app.rule("/me").decorate(cache.cached(MINUTE)).view(view(colour, || request().url()).named("me"));
    let client = app.test_client();
    let by = |proto: &str, host: &str| {
        send(client.get("/me").header("x-forwarded-proto", proto).header("x-forwarded-host", host)).0
    };
    let places = [("http", "a.example"), ("https", "a.example"), ("https", "b.example")];
    for (proto, host) in places {
        assert_eq!(by(proto, host), format!("{proto}://{host}/me"));
    }
}

/// HTTP/2 has the host in the target and no `Host` header.
#[rstest]
fn the_host_of_http2_tells_pages_apart(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let cache = Cache::new();
    let mut app = app(&cache);
    app.rule("/me").decorate(cache.cached(MINUTE)).view(view(colour, || request().host().to_owned()).named("me"));
    let application = app.build().unwrap();
    for host in ["a.example", "b.example"] {
        let request = costrel::http::Request::get(format!("http://{host}/me"));
        let request = request.version(costrel::http::Version::HTTP_2).body(Body::empty()).unwrap();
        let application = application.clone();
        let response = costrel::async_to_sync(move |request| application.call(request))(request).unwrap();
        assert_eq!(response.body().as_bytes().map(|bytes| &bytes[..]), Some(host.as_bytes()));
    }
}

#[test]
fn two_caches_on_one_app_keep_their_own() {
    let (one, other) = (Cache::new(), Cache::new());
    let mut app = app(&one);
    app.init(&other).unwrap();
    app.rule("/one").decorate(one.cached(MINUTE)).view(|| "one");
    app.rule("/other").decorate(other.cached(MINUTE)).view(|| "other");
    app.rule("/both").decorate(one.cached(MINUTE)).decorate(other.cached(MINUTE)).view(|| "both");
    let client = app.test_client();
    for path in ["/one", "/other", "/both"] {
        assert_eq!([(); 2].map(|()| send(client.get(path)).1.unwrap()), ["miss", "hit"], "{path}");
    }
}

/// Keys that leave the host out: a client may send any, and its links would be every client's.
#[rstest]
#[case::prefix(Cache::new(), timeout(MINUTE).key_prefix("page"), false)]
#[case::own_key(Cache::new(), timeout(MINUTE).make_cache_key(|_: Request| "page".to_owned()), false)]
#[case::host_in_own_key(Cache::new(), timeout(MINUTE).make_cache_key(|request: Request| request.host().to_owned()), true)]
#[case::compat(Cache::new().compat("flask-caching 2.5"), timeout(MINUTE), false)]
#[case::host_in_key(Cache::new(), timeout(MINUTE), true)]
fn a_page_with_its_host_in_it_is_given_to_no_other_host(
    #[case] cache: Cache,
    #[case] caching: Caching,
    #[case] is_kept: bool,
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(true, false)] looks: bool,
) {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    fn external() -> String {
        format!("{} {}", url_for("me").external(true).build().unwrap(), RUNS.fetch_add(1, Ordering::Relaxed))
    }
    fn relative() -> String {
        format!("{} {}", url_for("me").build().unwrap(), RUNS.fetch_add(1, Ordering::Relaxed))
    }
    let mut app = app(&cache);
    app.rule("/me")
        .decorate(cache.cached(caching))
        .view(view(colour, if looks { external } else { relative }).named("me"));
    let client = app.test_client();
    let ask = |host: &str| client.get("/me").header("host", host).wait().unwrap().text();
    let pages = ["evil.example", "shop.example", "shop.example"].map(ask);
    assert!(!pages[1].contains("evil"), "{pages:?}");
    assert_eq!(pages[1] == pages[2], is_kept || !looks, "{pages:?}");
}
