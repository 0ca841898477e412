//! `Sessions`: sessions on the server, of which the client has an id alone, after Flask-Session.
//!
//! ```
//! use costrel::{App, Error, session};
//! use costrel_session::Sessions;
//!
//! let mut app = App::new("docs");
//! app.init(Sessions::new())?; // in memory; `.redis(url)` for several processes
//! app.route("/sync", || session().set("name", "ada").map(|()| "set"));
//! app.route("/async", async || session().get::<String>("name").unwrap_or_default());
//!
//! let client = app.test_client();
//! client.get("/sync").wait()?;
//! assert_eq!(client.get("/async").wait()?.text(), "ada");
//! assert_eq!(client.cookie("session").map(|id| id.len()), Some(43));
//! # Ok::<(), Error>(())
//! ```
//!
//! Keys, values and cookies are those of Flask-Session 0.8, byte for byte, so an app in Flask on the same Redis has the same
//! sessions. A request that does not look at its session asks the store nothing; the others ask it once, and once more to save.

mod extension; // options and set-up
mod interface; // when a session is opened and saved
mod save; // what becomes of the changes of several requests at a time
mod settings; // the settings by Flask-Session's names
mod id; // what the client has
mod format; // what the store has

pub use extension::Sessions;
pub use interface::session_id;
pub use settings::AtOnce;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
