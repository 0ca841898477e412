//! The tutorial's `conftest.py`: an app with a database of its own, and the actions of a user.

use costrel::testing::{TestClient, TestResponse};
use costrel::{App, Error, Method};
use costrel_flaskr::{create_app, get_db};
use serde_json::json;
use tempfile::TempDir;

/// A client of a Flaskr whose database is in a folder of its own, with the users `test` and `other` and a post.
pub(crate) struct Flaskr {
    pub(crate) client: TestClient,
    _folder: TempDir,
}

impl Flaskr {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let client = app(&folder).test_client();
        let flaskr = Self { client, _folder: folder };
        flaskr.client.application().invoke("init-db", []).wait().unwrap();
        flaskr.sql(include_str!("data.sql"));
        flaskr
    }

    pub(crate) fn sql(&self, statements: &str) {
        self.client.application().app_context_sync(|| get_db()?.with(|db| db.execute_batch(statements))).unwrap();
    }

    /// The number that `query` asks for.
    pub(crate) fn number(&self, query: &str) -> i64 {
        let asked = || get_db()?.with(|db| db.query_row(query, [], |row| row.get(0)));
        self.client.application().app_context_sync(asked).unwrap()
    }

    pub(crate) fn text(&self, query: &str) -> String {
        let asked = || get_db()?.with(|db| db.query_row(query, [], |row| row.get(0)));
        self.client.application().app_context_sync(asked).unwrap()
    }

    pub(crate) fn login(&self, username: &str, password: &str) -> TestResponse {
        self.post("/auth/login", &[("username", username), ("password", password)])
    }

    pub(crate) fn logged_in(self) -> Self {
        assert_eq!(self.login("test", "test").header("location"), Some("/"));
        self
    }

    pub(crate) fn get(&self, path: &str) -> TestResponse {
        self.client.get(path).wait().unwrap()
    }

    pub(crate) fn post(&self, path: &str, form: &[(&str, &str)]) -> TestResponse {
        self.client.open(Method::POST, path).form(form).wait().unwrap()
    }

    /// The value in the session of the client.
    pub(crate) fn in_session(&self, key: &'static str) -> Option<i64> {
        self.client.session_transaction(move |session| Ok(session.get(key))).wait().unwrap()
    }
}

pub(crate) fn app(folder: &TempDir) -> App {
    try_app(folder).unwrap()
}

fn try_app(folder: &TempDir) -> Result<App, Error> {
    create_app(Some(json!({ "TESTING": true, "DATABASE": folder.path().join("test.sqlite") })))
}
