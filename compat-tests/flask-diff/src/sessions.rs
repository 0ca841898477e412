//! Sessions and flashed messages.

use std::fmt::Write;
use std::time::UNIX_EPOCH;

use costrel::{App, Blueprint, Error, Json, Tagged, Uuid, abort, flash, get_flashed_messages, request, session};
use serde_json::{Value, json};

use crate::echo::required;
use crate::exceptions::{KeyError, RuntimeError};
use crate::files::changed;

type Said = Result<&'static str, Error>;

async fn untouched() -> &'static str {
    "untouched"
}

fn read() -> String {
    session().get("name").unwrap_or_else(|| "nobody".to_owned())
}

async fn contains() -> &'static str {
    if session().contains("name") { "yes" } else { "no" }
}

fn length() -> String {
    session().len().to_string()
}

async fn write() -> Said {
    let name = required(&request().form().await?, "name")?;
    session().set("name", name)?;
    Ok("written")
}

fn write_then_abort() -> Said {
    session().set("name", "before the abort")?;
    abort(403)
}

async fn write_then_crash() -> Said {
    session().set("name", "before the crash")?;
    Err(RuntimeError("boom").into())
}

fn pop() -> String {
    match session().remove("name") {
        Some(Value::String(name)) => name,
        Some(other) => other.to_string(),
        None => "nothing".to_owned(),
    }
}

async fn clear() -> &'static str {
    session().clear();
    "cleared"
}

fn permanent() -> Said {
    session().set_permanent(true)?;
    session().set("name", "stays")?;
    Ok("permanent")
}

async fn nested() -> Said {
    session().set("cart", json!({"items": [1, 2.5, "é", null, true], "owner": {"id": 7}}))?;
    Ok("nested")
}

fn nested_append() -> Result<String, Error> {
    let mut cart: Value = session().get("cart").ok_or(KeyError("cart"))?;
    let items = cart["items"].as_array_mut().ok_or(KeyError("items"))?;
    items.push("more".into());
    let length = items.len();
    // The value that was read is a copy, so a change is saved only if it is set again.
    if request().args().get("tell").is_some_and(|tell| !tell.is_empty()) {
        session().set("cart", cart)?;
    }
    Ok(length.to_string())
}

async fn tagged() -> Said {
    let session = session();
    let uuid = Uuid::parse_str("12345678-1234-5678-1234-567812345678")?;
    // In Flask the third value is a tuple in the tuple.
    session.set_tagged("tuple", Tagged::Tuple(vec![json!(1), json!("a"), json!([2])]))?;
    session.set_tagged("bytes", Tagged::Bytes(b"\x00\xffraw".to_vec()))?;
    session.set_tagged("when", Tagged::DateTime(changed()))?;
    session.set_tagged("uuid", Tagged::Uuid(uuid))?;
    session.set_tagged("markup", Tagged::Markup("<b>".to_owned()))?;
    session.set("look-alike", json!({" t": "not a tag"}))?;
    Ok("tagged")
}

fn read_tagged() -> Result<Json<Value>, Error> {
    let session = session();
    let Some(Tagged::Tuple(tuple)) = session.get_tagged("tuple") else { return Err(KeyError("tuple").into()) };
    let Some(Tagged::Bytes(bytes)) = session.get_tagged("bytes") else { return Err(KeyError("bytes").into()) };
    let Some(Tagged::DateTime(when)) = session.get_tagged("when") else { return Err(KeyError("when").into()) };
    let Some(Tagged::Uuid(uuid)) = session.get_tagged("uuid") else { return Err(KeyError("uuid").into()) };
    let Some(Tagged::Markup(markup)) = session.get_tagged("markup") else { return Err(KeyError("markup").into()) };
    let look_alike: Value = session.get("look-alike").ok_or(KeyError("look-alike"))?;
    let mut hex = String::new();
    for byte in bytes {
        write!(hex, "{byte:02x}")?;
    }
    Ok(Json(json!({
        "tuple": [tuple[0], tuple[1], tuple[2][0]],
        "bytes": hex,
        "when": when.duration_since(UNIX_EPOCH)?.as_secs(),
        "uuid": uuid.to_string(),
        "markup": markup,
        "look-alike": look_alike,
    })))
}

async fn flash_some() -> Said {
    flash("plain", "message").await?;
    flash("careful", "warning").await?;
    flash("broken", "error").await?;
    Ok("flashed")
}

fn messages() -> Vec<String> {
    get_flashed_messages().into_iter().map(|(_, message)| message).collect()
}

fn flashed() -> Json<Value> {
    // Asked twice: the second answer comes from the request, not from the session.
    Json(json!({"first": messages(), "again": messages()}))
}

async fn flashed_categories() -> Json<Value> {
    Json(json!(get_flashed_messages()))
}

fn flashed_filter() -> Json<Value> {
    let wanted = get_flashed_messages().into_iter().filter(|(category, _)| ["error", "warning"].contains(&&**category));
    Json(wanted.map(|(_, message)| message).collect())
}

fn flash_now() -> Result<Json<Value>, Error> {
    flash("at once", "info").wait()?;
    let messages = get_flashed_messages();
    let wanted: Vec<_> = messages.iter().filter(|(category, _)| category == "info").collect();
    Ok(Json(json!(wanted)))
}

pub(crate) fn init_app(app: &mut App) {
    let mut sessions = Blueprint::new("sessions").url_prefix("/session");
    sessions.route("/untouched", untouched);
    sessions.route("/read", read);
    sessions.route("/contains", contains);
    sessions.route("/length", length);
    sessions.rule("/write").methods(["POST"]).view(write);
    sessions.rule("/write-then-abort").methods(["POST"]).view(write_then_abort);
    sessions.rule("/write-then-crash").methods(["POST"]).view(write_then_crash);
    sessions.rule("/pop").methods(["POST"]).view(pop);
    sessions.rule("/clear").methods(["POST"]).view(clear);
    sessions.rule("/permanent").methods(["POST"]).view(permanent);
    sessions.rule("/nested").methods(["POST"]).view(nested);
    sessions.rule("/nested/append").methods(["POST"]).view(nested_append);
    sessions.rule("/tagged").methods(["POST"]).view(tagged);
    sessions.route("/tagged", read_tagged);
    sessions.rule("/flash").methods(["POST"]).view(flash_some);
    sessions.route("/flashed", flashed);
    sessions.route("/flashed/categories", flashed_categories);
    sessions.route("/flashed/filter", flashed_filter);
    sessions.rule("/flash-now").methods(["POST"]).view(flash_now);
    app.register_blueprint(sessions);
}
