//! Flaskr half moved: registration and login in Flask, the blog in Costrel.

#[path = "../../../sample-extensions/legacy/examples/flaskr.rs"]
#[expect(dead_code, reason = "the example's main function")]
mod example; // the example that is tried here

use std::path::Path;

use costrel::http::header::{COOKIE, SET_COOKIE};
use costrel::{App, Application, Error};
use costrel_flaskr::{create_app, get_db};
use costrel_legacy::{Legacy, legacy};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::scenarios::broken;
use crate::servers::{Gunicorn, PATIENCE, client, serve};

/// The half-moved Flaskr on a socket, and the apps that it is compared with.
#[derive(Debug)]
pub(crate) struct HalfMoved {
    /// Flaskr in Flask, with tables of its own, as it was before the move.
    pub(crate) original: Gunicorn,
    /// The old app behind the half-moved one.
    pub(crate) old: Gunicorn,
    /// The URL of the half-moved one.
    pub(crate) front: String,
    /// The half-moved one in this process, with the same tables.
    pub(crate) app: Application,
    /// The old app as that one sees it.
    pub(crate) legacy: Legacy,
    /// The whole Flaskr in Costrel, with the same tables.
    pub(crate) moved: Application,
    client: Client,
    pub(crate) data: TempDir,
}

impl HalfMoved {
    pub(crate) async fn start(redis: &str, gunicorn: &str, folder: &str) -> Result<Self, Error> {
        let data = tempfile::tempdir()?;
        let original = flask(gunicorn, folder, &data.path().join("original.sqlite"), None)?;
        let database = data.path().join("half-moved.sqlite");
        let old = flask(gunicorn, folder, &database, Some(redis))?;
        let moved = create_app(Some(settings(&database)))?.build()?;
        let legacy = legacy(&old.url);
        let app = front(&database, &legacy, redis)?.build()?;
        let front = serve(app.clone()).await?;
        let client = client(PATIENCE)?;
        let flaskr = Self { original, old, front, app, legacy, moved, client, data };
        flaskr.fill_tables()?;
        Ok(flaskr)
    }

    /// Makes the tables of both old apps anew, with the same users and posts.
    pub(crate) fn fill_tables(&self) -> Result<(), Error> {
        for name in ["original.sqlite", "half-moved.sqlite"] {
            let app = create_app(Some(settings(&self.data.path().join(name))))?.build()?;
            app.app_context_sync(|| get_db()?.with(|db| db.execute_batch(TABLES)))?;
        }
        Ok(())
    }

    /// The number of posts that the half-moved app has.
    pub(crate) fn posts(&self) -> Result<i64, Error> {
        let count = |sql: &str| get_db()?.with(|db| db.query_row(sql, [], |row| row.get(0)));
        self.moved.app_context_sync(|| count("SELECT count(*) FROM post"))
    }

    /// Posts to the half-moved app as a client with this address; returns the status.
    pub(crate) async fn post_from(&self, address: &str, path: &str) -> Result<u16, Error> {
        let posting = self.client.post(format!("{}{path}", self.front)).header("x-forwarded-for", address);
        let posting = posting.header("content-type", FORM).body("username=nobody&password=no");
        Ok(posting.send().await?.status().as_u16())
    }

    /// Logs a user in, and returns the cookie of the session.
    pub(crate) async fn log_in(&self, url: &str) -> Result<String, Error> {
        session_of(&self.post(url, "/auth/login", "", "username=test&password=test").await?)
    }

    pub(crate) async fn get(&self, url: &str, path: &str, session: &str) -> Result<Response, Error> {
        Ok(self.client.get(format!("{url}{path}")).header(COOKIE, session).send().await?)
    }

    async fn post(&self, url: &str, path: &str, session: &str, form: &'static str) -> Result<Response, Error> {
        let posting = self.client.post(format!("{url}{path}")).header(COOKIE, session);
        Ok(posting.header("content-type", FORM).body(form).send().await?)
    }
}

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

const TABLES: &str = concat!(
    include_str!("../../../sample-extensions/examples/flaskr/src/schema.sql"),
    include_str!("../../flask-diff/flask/flaskr.sql")
);

fn settings(database: &Path) -> Value {
    json!({ "DATABASE": database })
}

fn flask(gunicorn: &str, folder: &str, database: &Path, redis: Option<&str>) -> Result<Gunicorn, Error> {
    let mut settings = vec![format!("DATABASE={}", database.display())];
    settings.extend(redis.map(|redis| format!("REDIS={redis}")));
    Gunicorn::start(gunicorn, folder, "flaskr_live:app", settings)
}

/// The half-moved Flaskr of the example, with a limit that it shares with the old app.
fn front(database: &Path, old: &Legacy, redis: &str) -> Result<App, Error> {
    let mut settings = settings(database);
    settings["RATELIMIT_STORAGE_URI"] = redis.into();
    let mut app = create_app(Some(settings))?;
    example::move_half(&mut app, old)?;
    app.config.propagate_exceptions = Some(false);
    app.config.server.proxy_fix.x_for = 1;
    Ok(app)
}

/// The cookie of the session that a response sets, as a client sends it.
pub(crate) fn session_of(response: &Response) -> Result<String, Error> {
    let cookies = response.headers().get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok());
    let mut sessions: Vec<_> = cookies.filter(|cookie| cookie.starts_with("session=")).collect();
    match (sessions.pop(), sessions.is_empty()) {
        (Some(session), true) => Ok(session.split(';').next().unwrap_or_default().to_owned()),
        (found, _) => Err(broken(format!("{} sets the session by {found:?} and {sessions:?}", response.url()))),
    }
}
