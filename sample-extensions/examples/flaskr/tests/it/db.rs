//! The tutorial's `test_db.py`.

use std::fs;

use costrel_flaskr::get_db;

use crate::support::{Flaskr, app};

#[test]
fn a_request_has_one_connection_and_closes_it() {
    let flaskr = Flaskr::new();
    let kept = flaskr.client.application().app_context_sync(|| {
        let db = get_db().unwrap();
        db.with(|db| db.execute("CREATE TEMP TABLE mine (n)", [])).unwrap();
        // Only the same connection sees a temporary table.
        get_db().unwrap().with(|db| db.execute("INSERT INTO mine VALUES (1)", [])).unwrap();
        db
    });
    let again = flaskr
        .client
        .application()
        .app_context_sync(|| get_db().unwrap().with(|db| db.execute("SELECT * FROM mine", [])));
    assert!(again.is_err(), "another context has another connection");
    drop(kept);
}

#[test]
fn the_command_makes_the_tables() {
    let folder = tempfile::tempdir().unwrap();
    let runner = app(&folder).test_cli_runner();
    let made = runner.invoke(["init-db"]).wait().unwrap();
    assert_eq!((made.output.as_str(), made.exit_code), ("Initialized the database.\n", 0));
    assert!(fs::metadata(folder.path().join("test.sqlite")).unwrap().len() > 0);
}
