//! `Cors`: lets pages of other origins read the responses, after Flask-CORS.
//!
//! ```
//! use costrel::{App, Error, Method};
//! use costrel_cors::Cors;
//!
//! let mut app = App::new("docs");
//! app.init(&Cors::new().origins(["https://shop.example"]))?; // for every address
//! app.post("/orders", async || "ordered");
//!
//! let client = app.test_client();
//! let preflight = client
//!     .open(Method::OPTIONS, "/orders")
//!     .header("origin", "https://shop.example")
//!     .header("access-control-request-method", "POST");
//! let answer = preflight.wait()?;
//! assert_eq!(answer.header("access-control-allow-origin"), Some("https://shop.example"));
//! # Ok::<(), Error>(())
//! ```
//!
//! [`Cors::cross_origin`] is the decorator for one view. The headers are on every response that leaves, error pages and
//! refusals included; a preflight touches neither the view, nor a worker, nor a decorator that could refuse it.

mod extension; // options and set-up
mod decorator; // the decorator around one view
mod preflight; // the answer to OPTIONS in the place of the view's
mod policy; // the headers of a response
mod options; // the options as they were written, and Flask's names for them
mod pattern; // origins, headers and paths, as text or as regular expressions

pub use extension::Cors;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
