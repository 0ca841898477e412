//! One class, a function for each method, in either colour: `cargo run --example class_view`, then
//! `curl http://127.0.0.1:5000/users` and `curl -d '"Ada"' -H 'content-type: application/json' http://127.0.0.1:5000/users`.

use std::process::ExitCode;
use std::sync::Arc;

use costrel::{App, Error, Json, MethodView, Methods, abort, cli, request};
use parking_lot::Mutex;

fn main() -> ExitCode {
    cli::main(create_app)
}

fn create_app() -> Result<App, Error> {
    let users = UserApi { names: Arc::default() };
    let view = UserApi::as_view("users", move || users.clone());
    let mut app = App::new("class view");
    app.rule("/users").defaults([("user_id", None::<i64>)]).view(view.clone());
    app.rule("/users/<int:user_id>").methods(["GET"]).view(view);
    Ok(app)
}

#[derive(Clone)]
struct UserApi {
    names: Arc<Mutex<Vec<String>>>,
}

impl UserApi {
    /// Answers GET, on the event loop.
    async fn get(self, user_id: Option<i64>) -> Result<Json<Vec<String>>, Error> {
        let names = self.names.lock().clone();
        match user_id {
            None => Ok(Json(names)),
            Some(id) => match usize::try_from(id).ok().and_then(|id| names.get(id).cloned()) {
                Some(name) => Ok(Json(vec![name])),
                None => abort(404),
            },
        }
    }

    /// Answers POST, on a worker.
    fn post(self, _user_id: Option<i64>) -> Result<(String, u16), Error> {
        let name: String = request().get_json().wait()?;
        self.names.lock().push(name.clone());
        Ok((format!("created {name}\n"), 201))
    }
}

impl MethodView for UserApi {
    fn methods(methods: Methods<Self>) -> Methods<Self> {
        methods.get(Self::get).post(Self::post)
    }
}
