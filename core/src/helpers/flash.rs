//! Flashed messages, which the session keeps for the next page.

use serde_json::Value;

use crate::context::{MESSAGE_FLASHED, g, session};
use crate::error::Error;
use crate::execution::Waiting;
use crate::session::{Session, Tagged};

/// The session's key for the messages; Flask's own.
const FLASHES: &str = "_flashes";
/// The key of `g` that keeps the messages of this request once they were read.
const READ: &str = "_flashes";

/// Keeps a message for the next page that shows [`get_flashed_messages`]. The category is any word; Flask's default
/// is `message`. `.await` it in async code, `.wait()` for it in sync code.
///
/// ```
/// use costrel::{App, flash, get_flashed_messages};
///
/// let mut app = App::new("docs");
/// app.config.secret_key = Some("dev".into());
/// app.post("/save", async || flash("saved", "message").await.map(|()| "ok"));
/// app.route("/", || get_flashed_messages().iter().map(|(category, text)| format!("{category}: {text}")).collect::<String>());
/// let client = app.test_client();
/// client.post("/save").wait()?;
/// assert_eq!(client.get("/").wait()?.text(), "message: saved");
/// assert_eq!(client.get("/").wait()?.text(), "");
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// Book: [Sessions, cookies and messages](../costrel_book/sessions/index.html).
///
/// # Errors
/// If no secret key is set; the errors of the subscribers of [`MESSAGE_FLASHED`].
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
    // Not read with `get`, because that would turn Flask's tuples into lists.
    let mut flashes: Vec<Value> = session.data().get(FLASHES).and_then(Value::as_array).cloned().unwrap_or_default();
    flashes.push(Tagged::Tuple(vec![category.into(), message.into()]).into_wire());
    session.set_wire(FLASHES, flashes.into())
}

/// Takes the messages flashed so far out of the session, each with its category. Called again in the same request, it
/// returns the same ones. In a streamed body, whose session has been saved, there are none.
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
    // A session that is saved already keeps its messages, so they are for a response that can take them out.
    if !flashes.is_empty() && session.set(FLASHES, &flashes).is_err() {
        return Vec::new();
    }
    session.remove(FLASHES);
    g().set(READ, flashes.clone());
    flashes
}
