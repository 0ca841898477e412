//! Converters, slashes and the URLs that `url_for` builds.

use costrel::{App, ArgValue, Blueprint, Error, Method, UrlConverter, Uuid, request, testing::TestClient, url_for};
use rstest::rstest;

fn get(client: &TestClient, path: &str) -> String {
    let response = client.get(path).wait().unwrap();
    match response.header("location") {
        Some(location) => format!("{} {location}", response.status().as_u16()),
        None if response.status() == 200 => response.text(),
        None => response.status().as_u16().to_string(),
    }
}

/// Returns a client of an app with one rule, whose view of the given colour returns its argument.
fn show<A: costrel::FromArg + std::fmt::Display>(rule: &str, sync: bool) -> TestClient {
    let mut app = App::new("test");
    if sync {
        app.route(rule, |value: A| value.to_string())
    } else {
        app.route(rule, async |value: A| value.to_string())
    };
    app.test_client()
}

#[rstest]
#[case("/<int:n>", &[("/3", "3"), ("/007", "7"), ("/-3", "404"), ("/x", "404"), ("/99999999999999999999", "404")])]
#[case("/<int(signed=True):n>", &[("/-3", "-3"), ("/3", "3"), ("/--3", "404"), ("/-", "404")])]
#[case("/<int(min=2, max=5):n>", &[("/1", "404"), ("/2", "2"), ("/5", "5"), ("/6", "404")])]
#[case("/<int(fixed_digits=4):n>", &[("/12", "404"), ("/0012", "12"), ("/00012", "404")])]
fn integers(#[case] rule: &str, #[case] paths: &[(&str, &str)], #[values(true, false)] sync: bool) {
    let client = show::<i64>(rule, sync);
    for (path, expected) in paths {
        assert_eq!(&get(&client, path), expected, "{rule} {path}");
    }
}

#[rstest]
fn floats_and_uuids(#[values(true, false)] sync: bool) {
    let float = show::<f64>("/<float(signed=True, max=9.5):n>", sync);
    let paths = [("/1.5", "1.5"), ("/-1.5", "-1.5"), ("/1", "404"), ("/.5", "404"), ("/10.0", "404"), ("/1.x", "404")];
    for (path, expected) in paths {
        assert_eq!(get(&float, path), expected, "{path}");
    }
    let uuid = show::<Uuid>("/<uuid:u>", sync);
    let lower = "a8098c1a-f86e-11da-bd1a-00112444be1e";
    assert_eq!(get(&uuid, &format!("/{lower}")), lower);
    assert_eq!(get(&uuid, &format!("/{}", lower.to_uppercase())), lower);
    assert_eq!(get(&uuid, "/a8098c1af86e11dabd1a00112444be1e"), "404");
    assert_eq!(get(&uuid, "/junk"), "404");
}

#[rstest]
#[case("/<any(x,y):k>", &[("/x", "x"), ("/y", "y"), ("/z", "404"), ("/xy", "404")])]
#[case("/<string(length=2):s>", &[("/ab", "ab"), ("/abc", "404"), ("/%C3%A9%C3%A9", "éé")])]
#[case("/<string(minlength=2, maxlength=3):s>", &[("/a", "404"), ("/ab", "ab"), ("/abc", "abc"), ("/abcd", "404")])]
#[case("/v<n>.json", &[("/v1.json", "1"), ("/v1.xml", "404"), ("/1.json", "404"), ("/v.json", "404")])]
fn texts(#[case] rule: &str, #[case] paths: &[(&str, &str)], #[values(true, false)] sync: bool) {
    let client = show::<String>(rule, sync);
    for (path, expected) in paths {
        assert_eq!(&get(&client, path), expected, "{rule} {path}");
    }
}

#[test]
fn several_variables_share_a_segment() {
    let mut app = App::new("test");
    app.route("/<a>-<b>", |a: String, b: String| format!("{a}|{b}"));
    app.route("/v<int:major>.<int:minor>", |major: i64, minor: i64| (major * 100 + minor).to_string());
    app.route("/files/<path:p>.txt", |p: String| p);
    let client = app.test_client();
    assert_eq!(get(&client, "/x-y"), "x|y");
    assert_eq!(get(&client, "/x-y-z"), "x-y|z");
    assert_eq!(get(&client, "/v3.14"), "314");
    assert_eq!(get(&client, "/files/a/b.txt"), "a/b");
    assert_eq!(get(&client, &format!("/{}", "-".repeat(20_000))), "404");
}

#[test]
fn a_refused_value_is_left_to_the_next_rule() {
    let mut app = App::new("test");
    app.route("/<int(max=5):n>", |n: i64| format!("int {n}"));
    app.route("/<n>", |n: String| format!("text {n}"));
    let client = app.test_client();
    assert_eq!([get(&client, "/5"), get(&client, "/9")], ["int 5", "text 9"]);
}

#[test]
fn a_converter_of_ones_own_reads_and_writes() {
    struct Hex;
    impl UrlConverter for Hex {
        fn to_value(&self, text: &str) -> Option<ArgValue> {
            i64::from_str_radix(text, 16).ok().map(ArgValue::from)
        }
        fn to_url(&self, value: &ArgValue) -> Option<String> {
            let number: i64 = value.to_string().parse().ok()?;
            Some(format!("{number:x}"))
        }
        fn kind(&self) -> costrel::ArgKind {
            costrel::ArgKind::Int
        }
    }
    let mut app = App::new("test");
    app.rule("/<hex:n>").endpoint("n").view(|n: i64| url_for("n").arg("n", n + 1).build());
    app.add_converter("hex", Hex);
    let client = app.test_client();
    assert_eq!([get(&client, "/ff"), get(&client, "/xyz")], ["/100", "404"]);
}

#[rstest]
fn slashes(#[values(true, false)] sync: bool) {
    let mut app = App::new("test");
    if sync {
        app.route("/d/", || "d");
        app.rule("/either/").strict_slashes(false).view(|| "either");
        app.rule("/bare").strict_slashes(false).view(|| "bare");
    } else {
        app.route("/d/", async || "d");
        app.rule("/either/").strict_slashes(false).view(async || "either");
        app.rule("/bare").strict_slashes(false).view(async || "bare");
    }
    app.route("/m/n", || "mn").route("/leaf", || "leaf").post("/p/", || "p");
    let client = app.test_client();
    assert_eq!(get(&client, "/d?x=1"), "308 /d/?x=1");
    for method in [Method::HEAD, Method::OPTIONS] {
        assert_eq!(client.open(method, "/d").wait().unwrap().status(), 308);
    }
    assert_eq!([get(&client, "/either"), get(&client, "/either/")], ["either", "either"]);
    assert_eq!([get(&client, "/bare"), get(&client, "/bare/")], ["bare", "bare"]);
    assert_eq!([get(&client, "/leaf/"), get(&client, "/p")], ["404", "405"]);
    assert_eq!(client.post("/p").wait().unwrap().status(), 308);
    assert_eq!(client.post("/d").wait().unwrap().status(), 405);
    assert_eq!([get(&client, "/m//n"), get(&client, "//m///n?a=b//c")], ["308 /m/n", "308 /m/n?a=b//c"]);
    assert_eq!([get(&client, "/d//"), get(&client, "/d?")], ["308 /d/", "308 /d/"]);
    assert_eq!(get(&client, "//d"), "308 /d/");
}

fn page(number: i64) -> String {
    number.to_string()
}

/// A URL that names a default value redirects to the shorter URL without it.
#[test]
fn defaults_redirect_and_build() {
    let mut app = App::new("test");
    app.rule("/pages/").defaults([("number", 1)]).view(page);
    app.route("/pages/<int:number>", page);
    app.route("/url/<int:number>", |number: i64| url_for("page").arg("number", number).build());
    let client = app.test_client();
    assert_eq!([get(&client, "/pages/"), get(&client, "/pages/2")], ["1", "2"]);
    assert_eq!(get(&client, "/pages/1?x=y"), "308 /pages/?x=y");
    assert_eq!([get(&client, "/url/1"), get(&client, "/url/2")], ["/pages/", "/pages/2"]);
}

/// The rule's argument takes precedence over the view's attribute, and the attribute over the setting.
#[rstest]
fn automatic_options_can_be_switched(#[values(true, false)] config: bool) {
    use costrel::IntoView;
    let mut app = App::new("test");
    app.config.provide_automatic_options = config;
    app.route("/plain", || "");
    app.route("/attribute", (|| "").into_view().named("attribute").provide_automatic_options(!config));
    let view = (|| "").into_view().named("argument").provide_automatic_options(config);
    app.rule("/argument").provide_automatic_options(!config).view(view);
    app.rule("/own").methods(["GET", "options"]).view(async || "own");
    let client = app.test_client();
    let options = |path: &str| {
        let response = client.open(Method::OPTIONS, path).wait().unwrap();
        (response.status().as_u16(), response.header("allow").unwrap_or_default().to_owned())
    };
    let on = (200, "GET, HEAD, OPTIONS".to_owned());
    let off = (405, "GET, HEAD".to_owned());
    let expected = if config { [on.clone(), off.clone(), off] } else { [off, on.clone(), on] };
    assert_eq!([options("/plain"), options("/attribute"), options("/argument")], expected);
    assert_eq!(options("/own"), (200, String::new()));
}

/// Builds the URL inside a request to `/here`, and returns it or the message of the error.
fn built(make: fn() -> Result<String, Error>) -> String {
    let mut app = App::new("test");
    app.rule("/here").endpoint("here").view(move || make().unwrap_or_else(|error| error.message().to_owned()));
    app.rule("/u/<int:id>").endpoint("user").view(|_: i64| "");
    app.rule("/p/<path:p>").endpoint("path").view(|_: String| "");
    app.rule("/s/<s>").endpoint("text").view(|_: String| "");
    app.rule("/k/<any(x,y):k>").endpoint("kind").view(|_: String| "");
    app.rule("/form").endpoint("form").methods(["GET"]).view(|| "");
    app.test_client().get("/here").wait().unwrap().text()
}

#[rstest]
#[case::plain(|| url_for("user").arg("id", 7).build(), "/u/7")]
#[case::query(|| url_for("here").arg("q", "a b").arg("z", 1).arg("z", 2).arg("n", None::<i64>).build(), "/here?q=a+b&z=1&z=2")]
#[case::safe(|| url_for("text").arg("s", "a/b c?d&é%").build(), "/s/a/b%20c%3Fd&%C3%A9%25")]
#[case::path(|| url_for("path").arg("p", "x/y z").build(), "/p/x/y%20z")]
#[case::anchor(|| url_for("here").anchor("x y").build(), "/here#x%20y")]
#[case::external(|| url_for("here").external(true).build(), "http://localhost/here")]
#[case::scheme(|| url_for("here").scheme("https").build(), "https://localhost/here")]
#[case::no_scheme(|| url_for("here").scheme("https").external(false).build(), "url_for: a scheme needs an external URL: leave `.external(false)` or `.scheme(..)` out")]
#[case::unknown(|| url_for("usr").arg("a", 1).build(), "Could not build a URL for the endpoint `usr` with the values [\"a\"]: no rule has this endpoint. Did you mean `user`?")]
#[case::missing(|| url_for("user").build(), "Could not build a URL for the endpoint `user`. Did you forget to specify the values [\"id\"]?")]
#[case::misfit(|| url_for("kind").arg("k", "z").build(), "Could not build a URL for the endpoint `kind` with the values [\"k\"]: a value does not fit the rule \"/k/<any(x,y):k>\".")]
fn url_for_builds(#[case] make: fn() -> Result<String, Error>, #[case] expected: &str) {
    assert_eq!(built(make), expected);
}

#[test]
fn outside_a_request_urls_are_absolute_and_need_a_server_name() {
    let build = || url_for("index").build();
    let app_with = |server_name: Option<&str>| {
        let mut app = App::new("test");
        app.config.server_name = server_name.map(str::to_owned);
        app.rule("/").endpoint("index").view(|| "");
        app.build().unwrap()
    };
    let error = app_with(None).app_context_sync(build).unwrap_err();
    assert!(error.message().starts_with("Unable to build URLs outside an active request"), "{error}");
    assert_eq!(app_with(Some("shop.example:8080")).app_context_sync(build).unwrap(), "http://shop.example:8080/");
}

/// A leading dot stands for the current blueprint, a plain name for the app.
#[test]
fn endpoints_are_relative_to_the_blueprint() {
    let url = || {
        let own = url_for(".index").build()?;
        let apps = url_for("index").build()?;
        Ok::<_, Error>(format!("{own} {apps} {:?} {:?}", request().blueprint(), request().blueprints()))
    };
    let mut child = Blueprint::new("child").url_prefix("/child");
    child.rule("/").endpoint("index").view(url);
    let mut parent = Blueprint::new("parent").url_prefix("/parent");
    parent.register_blueprint(child);
    let mut app = App::new("test");
    app.rule("/").endpoint("index").view(|| "");
    app.register_blueprint(parent.clone());
    app.register_blueprint(parent.name("other").url_prefix("/other"));
    let client = app.test_client();
    let expected = r#"/parent/child/ / Some("parent.child") ["parent.child", "parent"]"#;
    assert_eq!(get(&client, "/parent/child/"), expected);
    assert_eq!(get(&client, "/other/child/"), expected.replace("parent", "other"));
}

/// No value makes a URL that leads to another host.
#[test]
fn a_url_never_begins_with_two_slashes() {
    let mut app = App::new("test");
    app.rule("/<path:p>").endpoint("page").view(|_: String| {
        let next = request().args().get("next").unwrap_or_default().to_owned();
        url_for("page").arg("p", next).build()
    });
    app.rule("/<lang>/about").endpoint("about").view(|_: String| {
        let given = request().args().get("lang").map(str::to_owned);
        url_for("about").arg("lang", given).build().or_else(|error| Ok::<_, Error>(error.message().to_owned()))
    });
    let client = app.test_client();
    assert_eq!(get(&client, "/go?next=/evil.example/x"), "/evil.example/x");
    let forgotten = "Could not build a URL for the endpoint `about` with the values [\"lang\"]. Did you forget to specify the \
                     values [\"lang\"]?";
    assert_eq!(get(&client, "/en/about"), forgotten);
    assert_eq!(get(&client, "/en/about?lang="), "/about");
}

/// A percent-encoded slash is a slash like any other, and a redirect never leads to itself.
#[rstest]
#[case("/a%2F/b", "308 /a/b")]
#[case("/%2Fa/b", "308 /a/b")]
#[case("/x%2F%2F", "308 /x/")]
#[case("/f/%2Fetc/passwd", "308 /f/etc/passwd")]
#[case("/a%2Fb", "b")]
fn quoted_slashes_are_mended(#[case] path: &str, #[case] expected: &str) {
    let mut app = App::new("test");
    app.route("/a/b", || "b").route("/x/", || "x").route("/f/<path:p>", |p: String| p);
    assert_eq!(get(&app.test_client(), path), expected);
}

/// Of two rules that could redirect to each other one answers, and a redirect leads only to a rule for the method.
#[test]
fn defaults_never_redirect_in_a_circle_or_to_another_method() {
    let mut app = App::new("test");
    app.rule("/").defaults([("number", 1)]).view(page);
    app.rule("/index").defaults([("number", 1)]).view(page);
    app.rule("/pages/").defaults([("number", 1)]).view(page);
    app.rule("/pages/<int:number>").methods(["GET", "POST"]).view(page);
    let client = app.test_client();
    let followed = |path: &str| client.get(path).follow_redirects().wait().unwrap().text();
    assert_eq!([followed("/"), followed("/index")], ["1", "1"]);
    assert_eq!(client.post("/pages/1").wait().unwrap().text(), "1");
}

#[test]
fn redirects_stay_below_the_root_of_the_app() {
    let mut app = App::new("test");
    app.config.application_root = "/shop".into();
    app.route("/x/", || url_for("there").build()).rule("/there").endpoint("there").view(|| "");
    let client = app.test_client();
    assert_eq!([get(&client, "/x"), get(&client, "/x/")], ["308 /shop/x/", "/shop/there"]);
}

/// A converter that panics is a 500 like any other panic: hooks and teardown run.
#[test]
fn a_converter_that_panics_is_a_500() {
    struct Careless;
    impl UrlConverter for Careless {
        fn to_value(&self, text: &str) -> Option<ArgValue> {
            Some(text[..2].into())
        }
    }
    let mut app = App::new("test");
    app.add_converter("two", Careless);
    app.route("/<two:t>", |t: String| t);
    app.errorhandler(500, |error: Error| (error.message().to_owned(), 500));
    app.after_request(|mut response: costrel::Response| {
        response.headers_mut().insert("x-after", "1".parse().unwrap());
        response
    });
    let response = app.test_client().get("/a").wait().unwrap();
    assert!(response.text().starts_with("panicked: "), "{}", response.text());
    assert_eq!((response.status().as_u16(), response.header("x-after")), (500, Some("1")));
}

#[test]
fn a_wrong_method_on_the_other_form_of_a_lenient_rule_is_405() {
    let mut app = App::new("test");
    app.rule("/a").methods(["POST"]).strict_slashes(false).view(|| "");
    app.rule("/b/").methods(["POST"]).strict_slashes(false).view(|| "");
    let client = app.test_client();
    assert_eq!([get(&client, "/a/"), get(&client, "/b"), get(&client, "/c/")], ["405", "405", "404"]);
}

/// A function of two rules keeps its one endpoint when each rule, or its blueprint, decorates it.
#[test]
fn two_rules_may_share_a_decorated_view() {
    use costrel::{Callable, View};
    fn pass(view: View) -> View {
        let inner = view.clone();
        view.wrapped("pass", Callable::new_async(move |request| inner.call(request)))
    }
    let mut blueprint = Blueprint::new("b").url_prefix("/b");
    blueprint.decorate(pass);
    blueprint.rule("/pages/").defaults([("number", 1)]).view(page);
    blueprint.route("/pages/<int:number>", page);
    let mut app = App::new("test");
    app.rule("/pages/").defaults([("number", 1)]).decorate(pass).view(page);
    app.rule("/pages/<int:number>").decorate(pass).decorate(pass).view(page);
    app.register_blueprint(blueprint);
    let client = app.test_client();
    assert_eq!([get(&client, "/pages/1"), get(&client, "/b/pages/1")], ["308 /pages/", "308 /b/pages/"]);
}

#[test]
fn a_dot_in_a_rule_makes_no_blueprint() {
    let mut app = App::new("test");
    app.route("/robots.txt", || format!("{:?}", request().blueprint()));
    let mut admin = Blueprint::new("admin").url_prefix("/admin");
    admin.rule("/").endpoint("index").view(|| "");
    admin.route("/export.csv", || url_for(".index").build());
    app.register_blueprint(admin);
    let client = app.test_client();
    assert_eq!([get(&client, "/robots.txt"), get(&client, "/admin/export.csv")], ["None", "/admin/"]);
}
