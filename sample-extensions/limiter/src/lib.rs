//! `limit("10/minute")`: limits how often a client may call a view, after Flask-Limiter.
//!
//! ```
//! use costrel::{App, Error};
//! use costrel_ext_kit::key::remote_address;
//! use costrel_limiter::Limiter;
//!
//! let limiter = Limiter::new(remote_address);
//! let mut app = App::new("docs");
//! app.init(&limiter)?;
//! app.rule("/search").decorate(limiter.limit("2/minute")).view(|| "found");
//!
//! let client = app.test_client();
//! assert_eq!(client.get("/search").wait()?.status(), 200);
//! assert_eq!(client.get("/search").wait()?.status(), 200);
//! let refused = client.get("/search").wait()?;
//! assert_eq!((refused.status().as_u16(), refused.header("retry-after")), (429, Some("60")));
//! # Ok::<(), Error>(())
//! ```
//!
//! The key function may be sync or async, and so may the views. A refused request never touches a worker.

mod extension; // options and set-up
mod decorator; // the decorator around one view
mod counters; // the counters of one app
mod limit; // the parser of limit strings

pub use extension::Limiter;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
