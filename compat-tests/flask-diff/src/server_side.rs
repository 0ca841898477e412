//! A second app, whose sessions are on the server: that of Flask-Session.

use std::fmt::Write;
use std::sync::Arc;

use costrel::{App, Error, abort, flash, get_flashed_messages, request, session};
use costrel_session::{Sessions, session_id};
use costrel_stores::{Entries, MemoryEntries};
use serde_json::json;

use crate::echo::required;
use crate::exceptions::RuntimeError;

type Said = Result<&'static str, Error>;

pub(crate) fn create_app() -> Result<App, Error> {
    let (mut app, store) = (App::new("server-side"), Arc::new(MemoryEntries::new()));
    app.config.session_cookie_name = "sid".into();
    app.init(Sessions::new().store(store.clone()).compat("flask-session 0.8"))?;
    app.route("/untouched", || "untouched");
    app.rule("/read").methods(["GET"]).view(read);
    app.post("/write", || {
        let name = required(&request().form().wait()?, "name")?;
        session().set("name", name).map(|()| "written")
    });
    app.post("/write-async", async || {
        let name = required(&request().form().await?, "name")?;
        session().set("name", name).map(|()| "written")
    });
    app.post("/values", values);
    app.post("/pop", || {
        session().remove("name").map_or("nothing".into(), |name| name.as_str().unwrap_or("").to_owned())
    });
    app.post("/clear", || {
        session().clear();
        "cleared"
    });
    app.post("/clear-and-write", async || {
        session().clear();
        session().set("name", "after").map(|()| "written")
    });
    app.post("/permanent/<int:permanent>", |permanent: i64| session().set_permanent(permanent != 0).map(|()| "set"));
    app.post("/regenerate", async || session().regenerate().map(|()| read()));
    app.post("/abort", || -> Said {
        session().set("name", "before the abort")?;
        abort(403)
    });
    app.post("/crash", async || -> Said {
        session().set("name", "before the crash")?;
        Err(RuntimeError("boom").into())
    });
    app.post("/flash", async || flash("saved", "message").await.map(|()| "flashed"));
    app.route("/flashes", || get_flashed_messages().into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" "));
    app.route("/stored", move || {
        let value = store.get(&format!("session:{}", session_id().unwrap_or_default())).wait()?;
        Ok::<_, Error>(value.map_or_else(|| "nothing".to_owned(), |value| hex(&value)))
    });
    Ok(app)
}

fn read() -> String {
    session().get("name").unwrap_or_else(|| "nobody".to_owned())
}

async fn values() -> Said {
    session().set("numbers", json!([0, 127, 128, 65536, -1, -129, 1_u64 << 63, 1.5, null, true]))?;
    session().set("object", json!({"b": "x".repeat(32), "c": [[], {}]}))?;
    session().set_tagged("z", costrel::Tagged::Bytes(vec![0, 255]))?;
    Ok("written")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
