//! Rules for hosts and subdomains, and other addresses of an endpoint.

use costrel::testing::TestClient;
use costrel::{App, Blueprint, UrlValues, g, request, url_for};
use rstest::rstest;

/// An app with rules for hosts, each answered by its endpoint and its variables.
fn hosts(sync: bool) -> TestClient {
    let mut app = App::new("test");
    app.config.host_matching = true;
    let mut add = |host: Option<&str>, path: &str, name: &'static str| {
        let rule = app.rule(path).endpoint(name);
        let rule = match host {
            Some(host) => rule.host(host),
            None => rule,
        };
        if sync {
            rule.view(move || name);
        } else {
            rule.view(move || async move { name });
        }
    };
    add(Some("www.example.com"), "/", "www");
    add(Some("example.com:8080"), "/", "port");
    add(Some("WWW.Example.com"), "/only/", "only");
    add(None, "/", "any");
    add(None, "/everywhere", "everywhere");
    let echo = |values: Vec<String>| values.join("+");
    let shop = app.rule("/items/<int:id>").host("<shop>.<any(de,fr):land>.example.com").endpoint("item");
    if sync {
        shop.view(move |shop: String, land: String, id: u32| echo(vec![shop, land, id.to_string()]));
    } else {
        shop.view(move |shop: String, land: String, id: u32| async move { echo(vec![shop, land, id.to_string()]) });
    }
    app.test_client()
}

/// What a client sends is no host of its own choice.
#[rstest]
#[case("<shop>.example.com", "evil.org/")]
#[case("www.<shop>", "a@evil.org")]
#[case("www.<shop>", "evil.org:80")]
#[case("<shop>.example.com", "evil.org?")]
#[case("<shop>.example.com", "evil.org#")]
#[case("<shop>.example.com", "evil.org\\")]
#[case("<shop>.example.com", "%2f")]
fn a_value_that_would_end_the_host_builds_no_url(#[case] host: &str, #[case] value: &'static str) {
    let mut app = App::new("test");
    app.config.host_matching = true;
    app.rule("/shop").host(host).endpoint("shop").view(|_: String| "");
    let build = move |value: &'static str| url_for("shop").arg("shop", value).build();
    app.route("/", move || format!("{:?} {}", build(value).is_err(), build("Ink-2.de").unwrap_or_default()));
    let fine = host.replace("<shop>", "ink-2.de");
    assert_eq!(app.test_client().get("/").wait().unwrap().text(), format!("true http://{fine}/shop"));
}

#[rstest]
#[case("www.example.com", "/", 200, "www")]
#[case("WWW.EXAMPLE.COM:80", "/", 200, "www")]
#[case("www.example.com:8080", "/", 200, "any")]
#[case("example.com:8080", "/", 200, "port")]
#[case("other.org", "/", 200, "any")]
#[case("www.example.com", "/everywhere", 200, "everywhere")]
#[case("ink.de.example.com", "/items/7", 200, "ink+de+7")]
#[case("a.b.fr.example.com", "/items/7", 200, "a.b+fr+7")]
#[case("ink.it.example.com", "/items/7", 404, "")]
#[case("www.example.com", "/items/7", 404, "")]
#[case("www.example.com", "/only", 308, "")]
#[case("other.org", "/only/", 404, "")]
fn a_rule_is_for_its_host(
    #[case] host: &str,
    #[case] path: &str,
    #[case] status: u16,
    #[case] text: &str,
    #[values(true, false)] sync: bool,
) {
    let page = hosts(sync).get(path).header("host", host).wait().unwrap();
    assert_eq!(page.status(), status);
    assert!(status != 200 || page.text() == text, "{}", page.text());
}

#[test]
fn another_method_on_a_host_is_a_405_with_the_methods_of_all_rules_that_fit() {
    let mut app = App::new("test");
    app.config.host_matching = true;
    app.rule("/").host("<name>.org").methods(["PUT"]).endpoint("put").view(|_: String| "put");
    app.rule("/").methods(["DELETE"]).endpoint("delete").view(|| "delete");
    let client = app.test_client();
    let refused = client.post("/").header("host", "a.org").wait().unwrap();
    assert_eq!((refused.status().as_u16(), refused.header("allow")), (405, Some("DELETE, OPTIONS, PUT")));
    assert_eq!(client.delete("/").header("host", "a.org").wait().unwrap().text(), "delete");
    let options = client.open(costrel::Method::OPTIONS, "/").header("host", "a.com").wait().unwrap();
    assert_eq!(options.header("allow"), Some("DELETE, OPTIONS"));
}

fn subdomains() -> TestClient {
    let mut app = App::new("test");
    app.config.server_name = Some("example.com:5000".into());
    app.config.subdomain_matching = true;
    let links = || {
        let urls = [
            url_for("index").build(),
            url_for("user").arg("user", "Ada").build(),
            url_for("api.list").arg("page", 2).build(),
            url_for("api.v1.show").build(),
            url_for("index").external(true).build(),
        ];
        urls.map(Result::unwrap).join(" ")
    };
    app.rule("/").endpoint("index").view(links);
    app.rule("/").subdomain("<user>").endpoint("user").view(move |user: String| format!("{user} {}", links()));
    let mut api = Blueprint::new("api").subdomain("api");
    api.rule("/list").endpoint("list").view(async || "list");
    api.rule("/own").subdomain("own").endpoint("own").view(async || "own");
    let mut v1 = Blueprint::new("v1").subdomain("v1");
    v1.rule("/show").endpoint("show").view(|| "show");
    api.register_blueprint(v1);
    app.register_blueprint(api);
    app.test_client()
}

#[rstest]
#[case(
    "example.com:5000",
    "/",
    Some(
        "/ http://ada.example.com:5000/ http://api.example.com:5000/list?page=2 http://v1.api.example.com:5000/show http://example.com:5000/"
    )
)]
#[case(
    "ada.example.com:5000",
    "/",
    Some(
        "ada http://example.com:5000/ / http://api.example.com:5000/list?page=2 http://v1.api.example.com:5000/show http://example.com:5000/"
    )
)]
#[case("api.example.com:5000", "/list", Some("list"))]
#[case("v1.api.example.com:5000", "/show", Some("show"))]
#[case("own.example.com:5000", "/own", Some("own"))]
#[case("api.example.com:5000", "/own", None)]
#[case("example.com:5000", "/list", None)]
#[case("example.com", "/", None)]
#[case("badexample.com:5000", "/", None)]
#[case("other.org", "/", None)]
fn a_rule_is_for_its_subdomain(#[case] host: &str, #[case] path: &str, #[case] text: Option<&str>) {
    let page = subdomains().get(path).header("host", host).wait().unwrap();
    assert_eq!((page.status() == 200).then(|| page.text()).as_deref(), text);
}

/// A hook may take the variable of a host out of the view's arguments.
#[test]
fn the_variable_of_a_domain_may_be_taken_by_a_hook() {
    let mut app = App::new("test");
    app.config.host_matching = true;
    app.url_value_preprocessor(["tenant"], |values: UrlValues| g().set("tenant", values.get::<String>("tenant")));
    app.rule("/<int:id>")
        .host("<tenant>.org")
        .view(|id: u32| format!("{:?} {id}", g().get::<Option<String>>("tenant").flatten()));
    let page = app.test_client().get("/7").header("host", "acme.org").wait().unwrap();
    assert_eq!(page.text(), "Some(\"acme\") 7");
}

#[rstest]
#[case(false, false, "set `config.host_matching = true` first")]
#[case(true, true, "either for hosts or for subdomains")]
#[case(false, true, "config.server_name")]
fn a_host_that_the_settings_do_not_allow_is_a_set_up_error(
    #[case] host: bool,
    #[case] subdomain: bool,
    #[case] message: &str,
) {
    let mut app = App::new("test");
    (app.config.host_matching, app.config.subdomain_matching) = (host, subdomain);
    app.rule("/").host("a.org").view(|| "");
    let error = app.build().unwrap_err();
    assert!(error.message().contains(message) && error.location().is_some(), "{error}");
}

#[test]
fn rules_for_one_path_and_host_conflict() {
    let mut app = App::new("test");
    app.config.host_matching = true;
    app.rule("/").host("<a>.org").endpoint("a").view(|_: String| "a");
    app.rule("/").host("b.org").endpoint("b").view(|| "b");
    app.rule("/").host("<c>.org").endpoint("c").view(|_: String| "c");
    let message = app.build().unwrap_err().message().to_owned();
    assert!(message.contains("the same paths and methods"), "{message}");
}

#[test]
fn one_view_may_have_two_endpoints_on_an_address() {
    fn index() -> String {
        let (endpoint, url) = (request().endpoint().map(str::to_owned), url_for("index").build());
        format!("{} {}", endpoint.unwrap_or_default(), url.unwrap_or_default())
    }
    let mut blog = Blueprint::new("blog");
    blog.route("/", index);
    let mut app = App::new("test");
    app.register_blueprint(blog);
    app.route("/", index);
    assert_eq!(app.test_client().get("/").wait().unwrap().text(), "blog.index /");
}

#[rstest]
fn an_alias_redirects_to_the_endpoints_own_address(#[values(true, false)] sync: bool) {
    let mut app = App::new("test");
    app.rule("/u/<int:id>/").endpoint("user").alias();
    let own = app.rule("/users/<int:id>").endpoint("user");
    if sync {
        own.view(|_: u32| url_for("user").arg("id", 8).build());
    } else {
        own.view(async |_: u32| url_for("user").arg("id", 8).build());
    }
    let client = app.test_client();
    let page = client.get("/u/7/?a=b%20c").wait().unwrap();
    assert_eq!((page.status().as_u16(), page.header("location")), (308, Some("/users/7?a=b%20c")));
    assert_eq!(client.get("/users/7").wait().unwrap().text(), "/users/8");
    assert_eq!(client.post("/u/7/").wait().unwrap().status(), 405);
}

#[rstest]
#[case("nothing", "/a/<int:id>")]
#[case("user", "/a")]
fn an_alias_of_nothing_is_a_set_up_error(#[case] endpoint: &str, #[case] rule: &str) {
    let mut app = App::new("test");
    app.rule("/users/<int:id>").endpoint("user").view(|_: u32| "");
    app.rule(rule).endpoint(endpoint).alias();
    let error = app.build().unwrap_err();
    assert!(error.message().contains("is an alias of the endpoint") && error.location().is_some(), "{error}");
}
