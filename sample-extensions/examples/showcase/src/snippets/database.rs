//! Database queries, async and blocking: SQLite in a temporary file, or PostgreSQL if `SHOWCASE_DATABASE_URL` is set.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use costrel::{App, Error, Response, abort, current_app, jsonify};
use serde::Serialize;
use serde_json::json;
use sqlx::any::{AnyPoolOptions, install_default_drivers};
use sqlx::{AnyPool, Row};
use tempfile::TempDir;

/// The database connections, open from the app's start-up to its shutdown.
#[derive(Clone, Default)]
struct Database {
    open: Arc<OnceLock<Open>>,
}

struct Open {
    pool: AnyPool,
    /// The path of the SQLite file, for the blocking driver; `None` for PostgreSQL.
    file: Option<PathBuf>,
    /// The temporary folder of the SQLite file, removed when this value is dropped.
    _folder: Option<TempDir>,
}

#[derive(Serialize)]
struct User {
    id: i64,
    name: String,
}

const LATEST: &str = "SELECT id, name FROM showcase_users ORDER BY id DESC LIMIT 10";

/// Adds hooks that connect at start-up and disconnect at shutdown.
pub(super) fn add_to(app: &mut App) {
    let database = Database::default();
    app.set_extension(database.clone());
    app.before_serving(move || {
        let database = database.clone();
        async move {
            let open = Open::connect().await?;
            // A second start-up of the app keeps the connections of the first, so `set` may fail.
            let _ = database.open.set(open);
            Ok::<(), Error>(())
        }
    });
    app.after_serving(async || {
        if let Some(open) = current_app().extension::<Database>()?.open.get() {
            open.pool.close().await;
        }
        Ok::<(), Error>(())
    });
}

impl Open {
    async fn connect() -> Result<Self, Error> {
        install_default_drivers();
        let (url, file, folder) = if let Ok(url) = std::env::var("SHOWCASE_DATABASE_URL") {
            (url, None, None)
        } else {
            let folder = tempfile::tempdir()?;
            let file = folder.path().join("showcase.sqlite");
            (format!("sqlite://{}?mode=rwc", file.display()), Some(file), Some(folder))
        };
        let pool = AnyPoolOptions::new().max_connections(4).connect(&url).await?;
        sqlx::query("CREATE TABLE IF NOT EXISTS showcase_users (id BIGINT PRIMARY KEY, name TEXT NOT NULL)")
            .execute(&pool)
            .await?;
        for (id, name) in [(1_i64, "Ada"), (2, "Grace")] {
            let insert = "INSERT INTO showcase_users (id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING";
            sqlx::query(insert).bind(id).bind(name).execute(&pool).await?;
        }
        Ok(Self { pool, file, _folder: folder })
    }
}

/// Returns the app's database, or a 503 before start-up.
fn database() -> Result<Arc<OnceLock<Open>>, Error> {
    let open = current_app().extension::<Database>()?.open.clone();
    if open.get().is_none() {
        return Err(Error::status(503).with_message("The app does not serve yet."));
    }
    Ok(open)
}

pub(super) async fn list_users() -> Result<Response, Error> {
    let database = database()?;
    let Some(open) = database.get() else { return abort(503) };
    let rows = sqlx::query(LATEST).fetch_all(&open.pool).await?;
    let users = rows.iter().map(|row| Ok(User { id: row.try_get("id")?, name: row.try_get("name")? }));
    jsonify(users.collect::<Result<Vec<_>, sqlx::Error>>()?)
}

pub(super) async fn get_user(user_id: i64) -> Result<Response, Error> {
    let database = database()?;
    let Some(open) = database.get() else { return abort(503) };
    let row = sqlx::query("SELECT name FROM showcase_users WHERE id = $1").bind(user_id).fetch_optional(&open.pool);
    match row.await? {
        Some(row) => jsonify(User { id: user_id, name: row.try_get("name")? }),
        None => abort(404),
    }
}

/// Lists the users with a blocking driver, which is fine in a sync view.
pub(super) fn list_users_sync() -> Result<Response, Error> {
    let database = database()?;
    let Some(file) = database.get().and_then(|open| open.file.as_deref()) else {
        return jsonify(json!({ "error": "only SQLite has a driver that blocks here" }));
    };
    let connection = rusqlite::Connection::open(file)?;
    let mut query = connection.prepare(LATEST)?;
    let users = query.query_map([], |row| Ok(User { id: row.get(0)?, name: row.get(1)? }))?;
    jsonify(users.collect::<Result<Vec<_>, _>>()?)
}
