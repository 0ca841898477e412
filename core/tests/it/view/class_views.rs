//! Class views.
#![allow(clippy::unused_async, clippy::unused_self, reason = "functions of class views take `self`, used or not")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use costrel::{App, Error, IntoView, Json, Method, MethodView, Methods, abort, request, testing::TestClient, url_for};
use rstest::rstest;

fn open(client: &TestClient, method: &str, path: &str) -> (u16, String) {
    let response = client.open(Method::from_bytes(method.as_bytes()).unwrap(), path).wait().unwrap();
    let allow = response.header("allow").unwrap_or_default().to_owned();
    (response.status().as_u16(), if allow.is_empty() { response.text() } else { allow })
}

#[derive(Clone)]
struct Page;

impl Page {
    fn dispatch_sync(self) -> String {
        format!("{} page", request().method())
    }

    async fn dispatch_async(self) -> String {
        self.dispatch_sync()
    }
}

#[derive(Clone)]
struct AsyncPage;

impl MethodView for Page {
    fn methods(methods: Methods<Self>) -> Methods<Self> {
        methods.dispatch_request(["GET", "POST"], Self::dispatch_sync)
    }
}

impl MethodView for AsyncPage {
    fn methods(methods: Methods<Self>) -> Methods<Self> {
        methods.dispatch_request(["GET", "post"], async |_page: Self| Page.dispatch_async().await)
    }
}

#[rstest]
fn dispatch_request_takes_the_methods_it_names(#[values(true, false)] sync: bool) {
    let mut app = App::new("test");
    app.route("/", if sync { Page::as_view("page", || Page) } else { AsyncPage::as_view("page", || AsyncPage) });
    let client = app.test_client();
    assert_eq!(open(&client, "GET", "/"), (200, "GET page".into()));
    assert_eq!(open(&client, "POST", "/"), (200, "POST page".into()));
    assert_eq!(open(&client, "PUT", "/"), (405, "GET, HEAD, OPTIONS, POST".into()));
    assert_eq!(open(&client, "OPTIONS", "/"), (200, "GET, HEAD, OPTIONS, POST".into()));
}

/// A class that mixes sync and async functions.
#[derive(Clone)]
struct UserApi;

impl UserApi {
    async fn get(self, user_id: Option<i64>) -> Result<Json<Vec<i64>>, Error> {
        match user_id {
            None => Ok(Json(vec![1, 2, 3])),
            Some(id) if id <= 3 => Ok(Json(vec![id])),
            Some(_) => abort(404),
        }
    }

    fn post(self) -> Result<(Json<serde_json::Value>, u16), Error> {
        Ok((Json(request().get_json().wait()?), 201))
    }

    async fn put(self, user_id: i64) -> Result<String, Error> {
        let name: String = request().get_json().await?;
        Ok(format!("{user_id} is {name}"))
    }

    fn delete(self, _user_id: i64) -> (&'static str, u16) {
        ("", 204)
    }
}

impl MethodView for UserApi {
    fn methods(methods: Methods<Self>) -> Methods<Self> {
        methods.get(Self::get).post(Self::post).put(Self::put).delete(Self::delete)
    }
}

#[test]
fn the_three_rules_of_a_crud_api_share_one_view() {
    let user_view = UserApi::as_view("user_api", || UserApi);
    let mut app = App::new("test");
    app.rule("/users").defaults([("user_id", None::<i64>)]).methods(["GET"]).view(user_view.clone());
    app.rule("/users").methods(["POST"]).view(user_view.clone());
    app.rule("/users/<int:user_id>").methods(["GET", "PUT", "DELETE"]).view(user_view);
    let client = app.test_client();
    assert_eq!(open(&client, "GET", "/users"), (200, "[1,2,3]\n".into()));
    assert_eq!(open(&client, "GET", "/users/3"), (200, "[3]\n".into()));
    assert_eq!(open(&client, "GET", "/users/9").0, 404);
    let created = client.post("/users").json(&serde_json::json!({"name": "Ada"})).wait().unwrap();
    assert_eq!((created.status().as_u16(), created.text().as_str()), (201, "{\"name\":\"Ada\"}\n"));
    assert_eq!(client.put("/users/3").json(&"Bob").wait().unwrap().text(), "3 is Bob");
    assert_eq!(open(&client, "DELETE", "/users/3"), (204, String::new()));
    assert_eq!(open(&client, "PUT", "/users"), (405, "GET, HEAD, OPTIONS, POST".into()));
    assert_eq!(open(&client, "POST", "/users/3"), (405, "DELETE, GET, HEAD, OPTIONS, PUT".into()));
    assert_eq!(open(&client, "OPTIONS", "/users"), (200, "GET, HEAD, OPTIONS, POST".into()));
}

/// Adds the functions that the classes below share, in place of a base class.
fn reading<T: MethodView>(methods: Methods<T>) -> Methods<T> {
    methods.get(|_view: T| "read").head(async |_view: T| ("", [("x-head", "own")]))
}

#[derive(Clone)]
struct Reader;

#[derive(Clone)]
struct Writer;

#[derive(Clone)]
struct Restricted;

impl MethodView for Reader {
    fn methods(methods: Methods<Self>) -> Methods<Self> {
        reading(methods)
    }
}

impl MethodView for Writer {
    fn methods(methods: Methods<Self>) -> Methods<Self> {
        reading(methods).delete(async |_view: Self| "deleted").on("purge", |_view: Self| "purged")
    }
}

impl MethodView for Restricted {
    const METHODS: Option<&'static [&'static str]> = Some(&["GET"]);
    const PROVIDE_AUTOMATIC_OPTIONS: Option<bool> = Some(false);

    fn methods(methods: Methods<Self>) -> Methods<Self> {
        Methods::post(methods.get(|_view: Self| "read"), |_view: Self| "never")
    }
}

/// Methods follow from the functions of a class, functions can be shared, and `METHODS` leaves some out.
#[test]
fn methods_follow_from_the_functions() {
    let mut app = App::new("test");
    app.route("/reader", Reader::as_view("reader", || Reader));
    app.route("/writer", Writer::as_view("writer", || Writer));
    app.route("/restricted", Restricted::as_view("restricted", || Restricted));
    app.route("/users/<int:user_id>", UserApi::as_view("user", || UserApi).named("user"));
    let error = app.build().unwrap_err().to_string();
    assert!(
        error.contains("the view `user` takes nothing, but the rule \"/users/<int:user_id>\" gives an integer"),
        "{error}"
    );

    let mut app = App::new("test");
    app.route("/reader", Reader::as_view("reader", || Reader));
    app.route("/writer", Writer::as_view("writer", || Writer));
    app.route("/restricted", Restricted::as_view("restricted", || Restricted));
    let client = app.test_client();
    assert_eq!(open(&client, "POST", "/reader"), (405, "GET, HEAD, OPTIONS".into()));
    assert_eq!(open(&client, "POST", "/writer"), (405, "DELETE, GET, HEAD, OPTIONS, PURGE".into()));
    assert_eq!(open(&client, "PURGE", "/writer"), (200, "purged".into()));
    assert_eq!(open(&client, "POST", "/restricted"), (405, "GET, HEAD".into()));
    assert_eq!(open(&client, "OPTIONS", "/restricted"), (405, "GET, HEAD".into()));
    let head = client.open(Method::HEAD, "/reader").wait().unwrap();
    assert_eq!((head.status().as_u16(), head.header("x-head")), (200, Some("own")));
    let head = client.open(Method::HEAD, "/restricted").wait().unwrap();
    assert_eq!((head.status().as_u16(), head.header("content-length")), (200, Some("4")));
}

/// A method that the rule takes and the class lacks is found at start-up; in Flask it is a 500.
#[test]
fn a_rule_for_a_method_the_class_lacks_is_reported() {
    let mut app = App::new("test");
    app.rule("/").methods(["GET", "PATCH"]).view(Reader::as_view("reader", || Reader));
    let error = app.build().unwrap_err();
    assert!(error.to_string().contains("add `.patch(Self::patch)` to its `methods`"), "{error}");
}

static MADE: AtomicUsize = AtomicUsize::new(0);
static MADE_ONCE: AtomicUsize = AtomicUsize::new(0);

#[derive(Clone)]
struct Fresh {
    model: Arc<str>,
}

#[derive(Clone)]
struct Kept;

impl MethodView for Fresh {
    fn methods(methods: Methods<Self>) -> Methods<Self> {
        let own_url = |view: Self| Ok::<_, Error>(format!("{} {}", view.model, url_for("fresh").build()?));
        methods.get(own_url).post(async |view: Self| view.model.to_string())
    }
}

impl MethodView for Kept {
    const INIT_EVERY_REQUEST: bool = false;

    fn methods(methods: Methods<Self>) -> Methods<Self> {
        methods.get(|_view: Self| "sync").post(async |_view: Self| "async")
    }
}

#[test]
fn an_instance_is_made_for_each_request_or_once() {
    let model: Arc<str> = "users".into();
    let mut app = App::new("test");
    let fresh = Fresh::as_view("fresh", move || {
        MADE.fetch_add(1, Ordering::SeqCst);
        Fresh { model: Arc::clone(&model) }
    });
    app.route("/fresh", fresh);
    let kept = Kept::as_view("kept", || {
        MADE_ONCE.fetch_add(1, Ordering::SeqCst);
        Kept
    });
    app.route("/kept", kept);
    let client = app.test_client();
    assert_eq!((MADE.load(Ordering::SeqCst), MADE_ONCE.load(Ordering::SeqCst)), (0, 1));
    assert_eq!(open(&client, "GET", "/fresh"), (200, "users /fresh".into()));
    assert_eq!(open(&client, "POST", "/fresh"), (200, "users".into()));
    assert_eq!(open(&client, "GET", "/kept"), (200, "sync".into()));
    assert_eq!(open(&client, "POST", "/kept"), (200, "async".into()));
    assert_eq!((MADE.load(Ordering::SeqCst), MADE_ONCE.load(Ordering::SeqCst)), (2, 1));
}

#[test]
fn two_views_of_one_name_collide() {
    let mut app = App::new("test");
    app.route("/a", Page::as_view("same", || Page));
    app.route("/b", Page::as_view("same", || Page));
    let error = app.build().unwrap_err().to_string();
    assert!(error.contains("the endpoint `same` is taken by another view"), "{error}");
}

/// The functions for HEAD and OPTIONS must fit the rule like the others.
#[test]
fn every_function_must_take_what_the_rule_gives() {
    #[derive(Clone)]
    struct Wrong;
    impl MethodView for Wrong {
        fn methods(methods: Methods<Self>) -> Methods<Self> {
            methods.get(|_view: Self| "").head(|_view: Self, _id: i64| "")
        }
    }
    let mut app = App::new("test");
    app.route("/", Wrong::as_view("wrong", || Wrong));
    let error = app.build().unwrap_err().to_string();
    assert!(error.contains("the view `wrong` takes an integer, but the rule \"/\" gives nothing"), "{error}");
}

/// The `routes` command shows the colours of a class view's functions, rule by rule.
#[test]
fn routes_shows_the_colour_of_each_rule() {
    let user_view = UserApi::as_view("user_api", || UserApi);
    let mut app = App::new("test");
    app.rule("/users").methods(["POST"]).view(user_view.clone());
    app.rule("/users/<int:user_id>").methods(["GET", "PUT"]).view(user_view.clone());
    app.rule("/users/<int:user_id>").methods(["DELETE"]).view(user_view.clone());
    app.rule("/all/<int:user_id>").methods(["PUT", "DELETE"]).view(user_view);
    let table = costrel::cli::routes(&app.build().unwrap());
    let colours: Vec<_> = table.lines().skip(2).map(|line| line.rsplit(' ').next().unwrap()).collect();
    assert_eq!(colours, ["sync", "async", "sync", "mixed"]);
}

/// The `routes` command shows which sync views may run in place: by the setting, or by their own mark.
#[rstest]
#[case::off(false, ["sync", "sync in place", "async"])]
#[case::on(true, ["sync in place", "sync in place", "async"])]
fn routes_shows_what_may_run_in_place(#[case] setting: bool, #[case] expected: [&str; 3]) {
    let mut app = App::new("test");
    app.config.runs_in_place = setting;
    app.route("/a", || "a");
    app.rule("/b").endpoint("b").view((|| "b").into_view().runs_in_place(true));
    app.route("/c", async || "c");
    let table = costrel::cli::routes(&app.build().unwrap());
    let colours: Vec<_> =
        table.lines().skip(2).map(|line| line.split("  ").filter(|cell| !cell.is_empty()).last()).collect();
    assert_eq!(colours, expected.map(Some));
}
