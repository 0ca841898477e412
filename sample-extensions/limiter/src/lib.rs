//! `limit("10/minute")`: limits how often a client may call a view, after Flask-Limiter.
//!
//! ```
//! use costrel::{App, Error};
//! use costrel_ext_kit::key::remote_address;
//! use costrel_limiter::Limiter;
//!
//! let limiter = Limiter::new(remote_address).default_limits(["100/day"]);
//! let mut app = App::new("docs");
//! app.init(&limiter)?;
//! app.rule("/search").decorate(limiter.limit("2/minute")).view(|| "found");
//! app.rule("/health").decorate(limiter.exempt()).view(|| "well");
//!
//! let client = app.test_client();
//! assert_eq!(client.get("/search").wait()?.status(), 200);
//! assert_eq!(client.get("/search").wait()?.status(), 200);
//! let refused = client.get("/search").wait()?;
//! assert_eq!((refused.status().as_u16(), refused.header("retry-after")), (429, Some("60")));
//! # Ok::<(), Error>(())
//! ```
//!
//! Every function that it takes may be sync or async, and so may the views. A refused request never touches a worker.

mod extension; // set-up and decorators
mod decorator; // the decorator around one view
mod hooks; // app-wide limits before the view, headers after it
mod check; // counts a request, or refuses it
mod due; // the limits that are due for a request
mod state; // options and store of one app
mod ledger; // what is known of a request so far
mod limiter; // the options of a limiter
mod limit; // a limit with its options, and as it stands for a request
mod exempt; // what a view or a blueprint may be exempt from

pub use costrel_stores::{Rate, Strategy};
pub use exempt::Exempt;
pub use limit::{Limit, RequestLimit};
pub use limiter::Limiter;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
