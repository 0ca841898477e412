//! `Csrf`: no other site's page can send a form in the name of a client, after Flask-WTF's `CSRFProtect`.
//!
//! ```
//! use costrel::{App, Error, context, render_template_string};
//! use costrel_csrf::Csrf;
//!
//! let mut app = App::new("docs");
//! app.config.secret_key = Some("dev".into());
//! app.init(&Csrf::new())?;
//! app.route("/", async || render_template_string("{{ csrf_token() }}", context! {}).await);
//! app.post("/order", async || "ordered");
//!
//! let client = app.test_client();
//! let token = client.get("/").wait()?.text();
//! assert_eq!(client.post("/order").form(&[("csrf_token", &token)]).wait()?.text(), "ordered");
//! assert_eq!(client.post("/order").wait()?.status(), 400);
//! # Ok::<(), Error>(())
//! ```
//!
//! Tokens and the session's key are those of Flask-WTF, bit for bit, so that an app in Flask beside this one takes them.

mod extension; // options and set-up
mod decorator; // views that are exempt, and views that are checked alone
mod check; // what a request must have
mod token; // the token, and the session's secret in it
mod settings; // the settings by Flask-WTF's names
mod error; // why a request is refused

pub use error::CsrfError;
pub use extension::Csrf;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
