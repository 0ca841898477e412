//! `HttpAuth`: Basic, Digest, Bearer and other schemes of HTTP authentication, after Flask-HTTPAuth.
//!
//! ```
//! use costrel::{App, Error};
//! use costrel_httpauth::HttpAuth;
//!
//! // Sync, so it runs on a worker, where it may take its time with a password's hash.
//! let auth = HttpAuth::basic(|username: String, password: String| (password == "secret").then_some(username));
//! let mut app = App::new("docs");
//! let whoami = { let auth = auth.clone(); move || auth.current_user().unwrap_or_default() };
//! app.rule("/").decorate(auth.login_required()).view(whoami);
//!
//! let client = app.test_client();
//! assert_eq!(client.get("/").auth("ada", "secret").wait()?.text(), "ada");
//! let refused = client.get("/").wait()?;
//! assert_eq!(refused.header("www-authenticate"), Some("Basic realm=\"Authentication Required\""));
//! # Ok::<(), Error>(())
//! ```
//!
//! Every callback may be sync or async, and so may the views. What a callback returns is the user, of the app's own type.

mod auth; // the options, and the decorators that they give
mod decorator; // the decorator around one view
mod requirement; // who may pass
mod scheme; // a scheme's options, as its decorators have them
mod verify; // how each scheme checks what the client sent
mod digest; // the scheme `Digest`
mod sent; // what the client sent
mod checked; // what a check of credentials comes to

pub use auth::{HttpAuth, MultiAuth};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
