//! Whether a new app answers as the old one: the same requests go to both, and what comes back is compared.
//!
//! ```
//! use costrel::{App, Error};
//! use costrel_shadow::{Shadow, add_command};
//!
//! fn create_app() -> Result<App, Error> {
//!     let mut app = App::new("shop");
//!     app.route("/", || "moved");
//!     add_command(&mut app, create_app); // shadow --old http://127.0.0.1:8000 --log access.log
//!     Ok(app)
//! }
//!
//! // A twentieth of the live traffic of one view, with the figures on a page.
//! let mut app = create_app()?;
//! let shadow = Shadow::new("http://127.0.0.1:8000");
//! app.rule("/prices").endpoint("prices").decorate(shadow.live(0.05)).view(|| "moved too");
//! app.route("/shadow", move || shadow.report().page());
//! # assert!(app.build().is_ok());
//! # Ok::<(), Error>(())
//! ```
//!
//! A request that changes something is sent to no app twice, unless [`Shadow::with_unsafe`] says so. [`Rules`] say what may
//! differ: a date, a token, the order of keys.

mod command; // the command `shadow`
mod replay; // recorded requests, to both sides
mod decorator; // a share of the live traffic of one view
mod text; // the report for a terminal
mod report; // what was equal, and what was not
mod page; // the report for browsers
mod side; // one of the two apps, as a client sees it
mod har; // recorded requests, of HAR files
mod access_log; // recorded requests, of nginx's log
mod recorded; // recorded requests
mod form_body; // the body of a form that was recorded field by field
mod compare; // two responses, part by part
mod exact; // two responses, as they are written
mod cookies; // cookies, attribute by attribute
mod html; // pages, by what browsers show
mod json; // JSON, by value
mod difference; // a part in which two responses differ
mod rules; // what may differ

pub use access_log::read_log;
pub use command::add_command;
pub use compare::{Answer, compare};
pub use difference::Difference;
pub use har::read_har;
pub use recorded::{LeftOut, Recorded, Recording};
pub use replay::Shadow;
pub use report::{Example, Report, RuleReport};
pub use rules::{Mask, Place, Rules};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
