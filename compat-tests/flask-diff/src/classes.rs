//! Class-based views.

use costrel::{App, Callable, Error, HeaderValue, Json, MethodView, Methods, View, request};
use serde_json::{Value, json};

use crate::echo::required;

/// A decorator that leaves a mark on every response.
fn marked(name: &'static str) -> impl Fn(View) -> View {
    move |view: View| {
        let inner = view.clone();
        let wrapper = Callable::new_async(move |request| {
            let answering = inner.call(request);
            async move {
                let mut response = answering.await?;
                response.headers_mut().append("x-mark", HeaderValue::from_static(name));
                Ok::<_, Error>(response)
            }
        });
        view.wrapped("marked", wrapper)
    }
}

#[derive(Clone)]
struct Item;

impl Item {
    fn get(self, n: i64) -> String {
        format!("get {n}")
    }

    async fn post(self, n: i64) -> Result<(String, u16), Error> {
        let data = request().get_data().await?;
        Ok((format!("post {n} {}", String::from_utf8_lossy(&data)), 201))
    }

    fn put(self, n: i64) -> Json<Value> {
        Json(json!({"put": n}))
    }

    async fn delete(self, _n: i64) -> (&'static str, u16) {
        ("", 204)
    }
}

impl MethodView for Item {
    fn methods(methods: Methods<Self>) -> Methods<Self> {
        methods.get(Self::get).post(Self::post).put(Self::put).delete(Self::delete)
    }
}

#[derive(Clone)]
struct Users;

impl Users {
    async fn get(self, user_id: Option<i64>) -> String {
        user_id.map_or_else(|| "all users".to_owned(), |user_id| format!("user {user_id}"))
    }

    fn post(self) -> Result<(String, u16), Error> {
        Ok((format!("made {}", required(&request().form().wait()?, "name")?), 201))
    }

    async fn put(self, user_id: i64) -> String {
        format!("changed {user_id}")
    }

    fn delete(self, user_id: i64) -> String {
        format!("deleted {user_id}")
    }
}

impl MethodView for Users {
    fn methods(methods: Methods<Self>) -> Methods<Self> {
        methods.get(Self::get).post(Self::post).put(Self::put).delete(Self::delete)
    }
}

#[derive(Clone)]
struct OwnHead;

impl OwnHead {
    fn get(self) -> &'static str {
        "get"
    }

    async fn head(self) -> (&'static str, u16, [(&'static str, &'static str); 1]) {
        ("", 200, [("X-Head", "own")])
    }
}

impl MethodView for OwnHead {
    fn methods(methods: Methods<Self>) -> Methods<Self> {
        methods.get(Self::get).head(Self::head)
    }
}

#[derive(Clone)]
struct PostOnly;

impl PostOnly {
    async fn post(self) -> &'static str {
        "posted"
    }
}

impl MethodView for PostOnly {
    fn methods(methods: Methods<Self>) -> Methods<Self> {
        methods.post(Self::post)
    }
}

#[derive(Clone)]
struct Dispatched {
    word: &'static str,
}

impl Dispatched {
    fn dispatch_request(self, s: Option<String>) -> String {
        format!("{} {} {}", self.word, request().method(), s.as_deref().unwrap_or("-"))
    }
}

impl MethodView for Dispatched {
    fn methods(methods: Methods<Self>) -> Methods<Self> {
        methods.dispatch_request(["GET", "POST"], Self::dispatch_request)
    }
}

#[derive(Clone)]
struct Decorated;

impl Decorated {
    fn get(self) -> &'static str {
        "decorated"
    }

    async fn post(self) -> (Json<Value>, u16) {
        (Json(json!({"decorated": true})), 201)
    }
}

impl MethodView for Decorated {
    fn methods(methods: Methods<Self>) -> Methods<Self> {
        methods.get(Self::get).post(Self::post)
    }

    /// The decorators of the class; the last one is the outermost.
    fn decorators() -> Vec<Box<dyn Fn(View) -> View>> {
        vec![Box::new(marked("inner")), Box::new(marked("outer"))]
    }
}

#[derive(Clone)]
struct DefaultMethods;

impl DefaultMethods {
    async fn dispatch_request(self) -> &'static str {
        "default methods"
    }
}

impl MethodView for DefaultMethods {
    fn methods(methods: Methods<Self>) -> Methods<Self> {
        methods.dispatch_request(["GET"], Self::dispatch_request)
    }
}

pub(crate) fn init_app(app: &mut App) {
    app.route("/cls/item/<int:n>", Item::as_view("item", || Item));
    let users = Users::as_view("users", || Users);
    app.rule("/users").methods(["GET"]).defaults([("user_id", None::<i64>)]).view(users.clone());
    app.rule("/users").methods(["POST"]).view(users.clone());
    app.rule("/users/<int:user_id>").methods(["GET", "PUT", "DELETE"]).view(users);
    app.route("/cls/own-head", OwnHead::as_view("own_head", || OwnHead));
    app.route("/cls/post-only", PostOnly::as_view("cls_post_only", || PostOnly));
    let dispatched = Dispatched::as_view("dispatched", || Dispatched { word: "hello" });
    // The class takes one argument or none; this rule gives it none.
    app.rule("/cls/dispatched").defaults([("s", None::<String>)]).view(dispatched);
    app.route("/cls/dispatched/<s>", Dispatched::as_view("dispatched_arg", || Dispatched { word: "bye" }));
    app.route("/cls/decorated", Decorated::as_view("decorated", || Decorated));
    app.route("/cls/default", DefaultMethods::as_view("cls_default", || DefaultMethods));
}
