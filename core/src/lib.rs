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
//! - The guides for authors of apps are `core/guide/app.md` and `serving.md`, and here as `guide` with the feature
//!   `templates`.
//!
//! # Features
//! | feature | default | what it adds |
//! |---|---|---|
//! | `cli` | yes | `costrel::cli`: `run`, `routes` and the app's own commands, an app's whole `main` |
//! | `templates` | no | `render_template`: Jinja2's templates, by minijinja |
//! | `tls` | no | HTTPS, by rustls: `config.server.certfile` |

// In the order a request meets them; a module uses only modules below it.
#[cfg(feature = "templates")]
pub mod guide;
#[cfg(feature = "cli")]
pub mod cli;
mod serve;
mod test_client;
mod lifecycle;
mod app;
mod blueprint;
mod rules;
mod rule_builder;
mod method_view;
mod into_view;
mod background;
mod app_context;
mod dispatch;
mod proxy_fix;
mod matching;
mod application;
mod wiring;
mod teardown;
#[cfg(feature = "templates")]
mod templates;
mod files;
mod flash;
mod url_for;
mod signals;
mod streaming;
mod session_saving;
mod context;
mod namespace;
mod current_app;
mod url_map;
mod scope;
mod error_handlers;
mod websocket;
mod error_page;
mod routing;
mod view;
mod phase;
mod session_interface;
mod session;
mod request;
mod incoming;
mod config;
mod form;
mod multi_dict;
mod marker;
mod cookies;
mod event_stream;
mod response;
mod body;
mod url_values;
mod serving;
mod arg;
mod callable;
mod spool;
mod iterate;
mod threaded;
mod lane;
mod crossing;
mod threads;
mod workers;
mod sync;
mod local;
mod queue;
mod bridge;
mod deadline;
mod caught;
mod error;

pub use app::{App, Extension};
pub use application::{Application, RuleInfo};
pub use arg::{ArgKind, ArgValue, FromArg};
pub use background::{IntoTask, Task, create_task};
pub use blueprint::Blueprint;
pub use body::{Body, IntoChunk};
pub use bridge::{Bridge, Job};
pub use callable::{AsyncFn, Callable, Colour, Coloured, IntoCallable, IntoOutcome, SyncFn};
pub use config::{Config, ProxyFix, SameSite, ServerConfig};
pub use context::{
    after_this_request, copy_current_request_context, copy_current_request_context_sync, current_app, g,
    has_app_context, has_request_context, request, session, websocket, with_request,
};
pub use cookies::{delete_cookie, set_cookie};
pub use crossing::{Waiting, async_to_sync, sync_to_async};
pub use current_app::CurrentApp;
pub use error::{Error, ErrorKind, abort, abort_with};
pub use error_handlers::{ErrorKey, Exception, HttpException, of_type};
pub use event_stream::{Event, EventStream};
pub use files::{SendFile, send_file, send_from_directory};
pub use flash::{flash, get_flashed_messages};
pub use form::{FileStorage, Files, secure_filename};
pub use into_view::{IntoView, IntoWebSocketView, Ready, decorator_name};
pub use iterate::iterate;
pub use lane::Lane;
pub use method_view::{IntoHandler, MethodView, Methods};
pub use multi_dict::MultiDict;
pub use namespace::G;
pub use phase::Phase;
pub use request::Request;
pub use response::{IntoResponse, Json, Response, ResponsePart, escape, jsonify, redirect, redirect_with};
pub use routing::converter::UrlConverter;
pub use rule_builder::{NewRule, Registrar, RuleBuilder};
pub use serving::Serving;
pub use session::Session;
pub use session::tagged::Tagged;
pub use session_interface::{SessionInterface, session_cookie};
pub use signals::{
    APPCONTEXT_POPPED, APPCONTEXT_PUSHED, APPCONTEXT_TEARING_DOWN, BEFORE_RENDER_TEMPLATE, GOT_BACKGROUND_EXCEPTION,
    GOT_REQUEST_EXCEPTION, GOT_SERVING_EXCEPTION, MESSAGE_FLASHED, REQUEST_FINISHED, REQUEST_STARTED,
    REQUEST_TEARING_DOWN, Signal, TEMPLATE_RENDERED,
};
pub use streaming::stream_with_context;
#[cfg(feature = "templates")]
pub use templates::{render_template, render_template_string};
pub use test_client::{
    RequestContext, TestApp, TestCall, TestClient, TestHandshake, TestRequest, TestResponse, TestWebSocket,
};
pub use threads::Threads;
pub use url_for::{UrlFor, url_for};
pub use url_values::UrlValues;
pub use view::{Layer, View};
pub use websocket::{Message, WebSocket};

pub use bytes::Bytes;
pub use cookie::Cookie;
pub use http::{self, HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
#[cfg(feature = "templates")]
pub use minijinja;
pub use uuid::Uuid;
