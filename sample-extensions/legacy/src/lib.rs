//! The old app behind the new one: what Costrel has no rule for goes there, so that a Flask app can move view by view.
//!
//! ```
//! use costrel::App;
//! use costrel_legacy::legacy;
//!
//! let old = legacy("http://127.0.0.1:8000");
//! let mut app = App::new("shop");
//! app.init(&old)?; // requests without a rule go to the old app
//! app.route("/moved", || "answered here");
//! assert_eq!(app.test_client().get("/moved").wait()?.text(), "answered here");
//! # Ok::<(), costrel::Error>(())
//! ```
//!
//! [`Legacy`] is also a view like any other: `app.fallback(..)`, or the view of a rule or a blueprint, with decorators and
//! hooks around it. Bodies stream both ways, WebSockets and server-sent events pass through, and an endpoint that has moved
//! can go back to the old app at run time: [`Legacy::take_back`].

mod extension; // set-up on an app: the fallback, and the endpoints that went back
mod legacy; // the old app, as a view
mod forward; // a request on its way to the old app, and its response on its way back
mod outgoing; // the head of a request, as the old app gets it
mod seam; // the head of a response, as the client of the front gets it
mod tunnel; // a connection after its upgrade
mod old_app; // the old app's timeouts, and second tries
mod pool; // the connections to the old app
mod body; // bodies on their way, and what is known of them
mod hop_by_hop; // headers that are for one connection
mod front; // what the client sees of the front
mod switch_file; // a file that says which endpoints went back, for several processes
mod switch; // the endpoints that went back
mod address; // where the old app is
mod error; // why there is no response of the old app

pub use error::LegacyError;
pub use legacy::{ALL_METHODS, Legacy, legacy};
pub use switch::{LEGACY_SWITCHED, Switched};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
