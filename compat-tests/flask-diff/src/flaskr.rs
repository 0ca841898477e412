//! Flaskr, with the users and posts that its twin in Flask has too.

use std::path::Path;

use costrel::{Application, Error};
use costrel_flaskr::get_db;
use serde_json::json;

pub(crate) fn create_app(database: &Path) -> Result<Application, Error> {
    let mut app = costrel_flaskr::create_app(Some(json!({ "DATABASE": database })))?;
    // A request that fails is to be answered, as by the server.
    app.config.propagate_exceptions = Some(false);
    let app = app.build()?;
    app.app_context_sync(|| {
        let tables = concat!(
            include_str!("../../../sample-extensions/examples/flaskr/src/schema.sql"),
            include_str!("../flask/flaskr.sql")
        );
        get_db()?.with(|db| db.execute_batch(tables))
    })?;
    Ok(app)
}
