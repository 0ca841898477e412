//! Messages for the next page.

use serde_json::Value;

use crate::context::{MESSAGE_FLASHED, g, session};
use crate::error::Error;
use crate::execution::Waiting;
use crate::session::{Session, Tagged};

/// The session's key for the messages; Flask's own.
const FLASHES: &str = "_flashes";
/// Where the messages of this request are kept on `g` once they were read.
const READ: &str = "_flashes";

/// Keeps a message for the next page that shows [`get_flashed_messages`]. The category is any word; Flask's default
/// is `message`. `.await` it in async code, `.wait()` for it in sync code.
///
/// ```
/// # use costrel::{App, Error, flash, get_flashed_messages};
/// # let mut app = App::new("docs");
/// # app.config.secret_key = Some("dev".into());
/// app.post("/save", async || flash("saved", "message").await.map(|()| "ok"));
/// app.route("/", || get_flashed_messages().iter().map(|(category, text)| format!("{category}: {text}")).collect::<String>());
/// let client = app.test_client();
/// client.post("/save").wait()?;
/// assert_eq!(client.get("/").wait()?.text(), "message: saved");
/// assert_eq!(client.get("/").wait()?.text(), "");
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// If no secret key is set; those of the subscribers of [`MESSAGE_FLASHED`].
///
/// # Panics
/// Outside a request, with a message that names the remedy.
#[track_caller]
pub fn flash(message: impl Into<String>, category: &str) -> Waiting<()> {
    let (message, category, session) = (message.into(), category.to_owned(), session());
    Waiting::new(async move {
        keep(&session, &message, &category)?;
        MESSAGE_FLASHED.send((message, category)).await
    })
}

fn keep(session: &Session, message: &str, category: &str) -> Result<(), Error> {
    // Not by way of `get`, which would turn Flask's tuples into lists.
    let mut flashes: Vec<Value> = session.data().get(FLASHES).and_then(Value::as_array).cloned().unwrap_or_default();
    flashes.push(Tagged::Tuple(vec![category.into(), message.into()]).into_wire());
    session.set_wire(FLASHES, flashes.into())
}

/// The messages flashed so far, each with its category, taken out of the session. Asked again in the same request,
/// it gives the same ones.
///
/// # Panics
/// Outside a request, with a message that names the remedy.
#[track_caller]
pub fn get_flashed_messages() -> Vec<(String, String)> {
    if let Some(read) = g().get(READ) {
        return read;
    }
    let session = session();
    let flashes: Vec<(String, String)> = session.get(FLASHES).unwrap_or_default();
    session.remove(FLASHES);
    g().set(READ, flashes.clone());
    flashes
}
