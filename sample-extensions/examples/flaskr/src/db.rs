//! The database: a connection for each request that asks for one, and the command that makes the tables.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use costrel::cli::echo;
use costrel::{App, Error, current_app, g};
use rusqlite::Connection;

/// A connection that a request's code shares.
#[derive(Clone)]
pub struct Db {
    connection: Arc<Mutex<Connection>>,
}

impl Db {
    /// Calls `ask` with the connection.
    ///
    /// # Errors
    /// The errors of `ask`.
    pub fn with<R>(&self, ask: impl FnOnce(&Connection) -> rusqlite::Result<R>) -> Result<R, Error> {
        // SQLite takes a transaction back that a panic has left open, so the connection can be used again.
        Ok(ask(&self.connection.lock().unwrap_or_else(PoisonError::into_inner))?)
    }
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Db")
    }
}

/// The connection of this request or command, opened when it is first asked for, and closed at the end.
///
/// # Errors
/// If the database cannot be opened.
pub fn get_db() -> Result<Db, Error> {
    if let Some(db) = g().get::<Db>("db") {
        return Ok(db);
    }
    let path: PathBuf =
        current_app().config().get("DATABASE").ok_or_else(|| Error::setup("there is no setting DATABASE"))?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let db = Db { connection: Arc::new(Mutex::new(Connection::open(path)?)) };
    g().set("db", db.clone());
    Ok(db)
}

fn close_db() {
    drop(g().pop::<Db>("db"));
}

/// Makes the tables anew.
fn init_db() -> Result<(), Error> {
    get_db()?.with(|db| db.execute_batch(include_str!("schema.sql")))?;
    echo("Initialized the database.");
    Ok(())
}

pub(crate) fn init_app(app: &mut App) {
    app.teardown_appcontext(close_db);
    app.command("init-db", "Clear the existing data and create new tables.", init_db);
}
