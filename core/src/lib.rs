//! A Flask-style web core in which sync and async views are equals.
//!
//! A view is a function. Whether it is `fn` or `async fn` is its *colour*; the compiler sees it, and it
//! decides once where the view runs: an `async fn` on the event loop, a `fn`, which may block, on a worker.
//!
//! ```
//! use costrel::{App, Error, Json, abort, request};
//!
//! fn index() -> &'static str {
//!     "Hello" // may block: runs on a worker
//! }
//!
//! async fn double() -> Result<Json<i64>, Error> {
//!     let n: i64 = request().get_json().await?; // never blocks: runs on the event loop
//!     if n > 1_000 {
//!         return abort(413);
//!     }
//!     Ok(Json(n * 2))
//! }
//!
//! let mut app = App::new("hello");
//! app.route("/", index);
//! app.post("/double", double);
//!
//! let client = app.test_client();
//! assert_eq!(client.get("/").wait()?.text(), "Hello");
//! assert_eq!(client.post("/double").json(&21).wait()?.text(), "42\n");
//! # Ok::<(), Error>(())
//! ```
//!
//! # Where to look
//! - [`App`] collects rules, hooks and extensions; [`Application`] is the frozen app that serves.
//! - [`request()`], [`session()`], [`g()`] and [`current_app()`] are there in every view, hook and decorator.
//! - [`View`] is a function ready to be decorated; `costrel-ext-kit` has the forms for writing decorators.
//! - [`sync_to_async`], [`async_to_sync`] and [`Waiting`] cross between the colours.
//! - [`TestClient`] tests an app of either colour, from tests of either colour.
//!
//! # Features
//! | feature | default | what it adds |
//! |---|---|---|
//! | `cli` | yes | `costrel::cli`: `run` and `routes`, an app's whole `main` |

// In the order a request meets them; a module uses only modules below it.
#[cfg(feature = "cli")]
pub mod cli;
mod serve;
mod test_client;
mod app;
mod blueprint;
mod rules;
mod rule_builder;
mod dispatch;
mod application;
mod wiring;
mod scope;
mod error_handlers;
mod routing;
mod context;
mod current_app;
mod config;
mod session;
mod view;
mod phase;
mod request;
mod marker;
mod response;
mod body;
mod arg;
mod callable;
mod lane;
mod crossing;
mod threads;
mod workers;
mod local;
mod bridge;
mod error;

pub use app::{App, Extension};
pub use application::{Application, RuleInfo};
pub use arg::{ArgKind, ArgValue, FromArg};
pub use blueprint::Blueprint;
pub use body::Body;
pub use bridge::{Bridge, Job};
pub use callable::{AsyncFn, Callable, Colour, IntoCallable, IntoOutcome, SyncFn};
pub use config::Config;
pub use context::{
    G, after_this_request, copy_current_request_context, copy_current_request_context_sync, current_app, g,
    has_request_context, request, session, with_request,
};
pub use crossing::{Waiting, async_to_sync, sync_to_async};
pub use current_app::CurrentApp;
pub use error::{Error, ErrorKind, abort};
pub use error_handlers::{ErrorKey, Exception, of_type};
pub use lane::Lane;
pub use phase::Phase;
pub use request::{MultiDict, Request};
pub use response::{IntoResponse, Json, Response, ResponsePart, escape, jsonify, redirect};
pub use rule_builder::{NewRule, Registrar, RuleBuilder};
pub use session::Session;
pub use test_client::{TestClient, TestRequest, TestResponse};
pub use threads::Threads;
pub use view::{IntoView, Layer, Ready, View, decorator_name};

pub use bytes::Bytes;
pub use http::{self, HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
