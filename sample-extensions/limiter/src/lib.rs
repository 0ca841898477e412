//! `limit("10/minute")`: how often a client may call a view, after Flask-Limiter.
//!
//! ```
//! use costrel::{App, Error};
//! use costrel_ext_kit::remote_address;
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

mod setup;
#[cfg(feature = "compat")]
pub mod compat;
mod extension;
mod decorator;
mod store;
mod policy;

pub use extension::Limiter;
