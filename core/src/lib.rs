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
//! # By task
//! In the order of Flask's reference. `cargo doc --workspace` makes the book beside these pages; [`guide`] has two of its pages in any case.
//!
//! | task | names | book |
//! |---|---|---|
//! | an app | [`App`], [`Application`] once it is built, [`Extension`], [`AppHandle`] | [An app, page by page](../costrel_book/guide/app/index.html) |
//! | a part of an app | [`Blueprint`] | [Blueprints and hosts](../costrel_book/blueprints/index.html) |
//! | what comes in | [`Request`], [`MultiDict`], [`Files`], [`FileStorage`], [`Accept`], [`Authorization`] | [Requests, forms and uploads](../costrel_book/requests/index.html) |
//! | what goes out | [`IntoResponse`], [`Response`], [`Body`], [`redirect`], [`set_cookie`], [`add_vary`], [`escape`] | [Quickstart](../costrel_book/start/quickstart/index.html) |
//! | what is kept for a client | [`Session`], [`SessionInterface`], [`Tagged`] | [Sessions, cookies and messages](../costrel_book/sessions/index.html) |
//! | tests | [`testing::TestClient`], [`testing::TestApp`], [`testing::RequestContext`], `cli::CliRunner` | [Testing](../costrel_book/testing/index.html) |
//! | what is there in every view and hook | [`request()`], [`session()`], [`g()`], [`current_app()`], [`after_this_request`], [`has_request_context`] | [Contexts: request, session, g, app](../costrel_book/context/index.html) |
//! | errors | [`Error`], [`abort`], [`HttpException`], [`Exception`], [`of_type`] | [Errors](../costrel_book/errors/index.html) |
//! | flashed messages | [`flash`], [`get_flashed_messages`] | [Sessions, cookies and messages](../costrel_book/sessions/index.html) |
//! | JSON | [`Json`], [`jsonify`], [`Request::get_json`] | [JSON](../costrel_book/json/index.html) |
//! | templates | `render_template`, `render_template_string`, `App::template_folder` (feature `templates`) | [Templates](../costrel_book/templates/index.html) |
//! | files | `send_file`, `send_from_directory`, `App::static_folder` (feature `files`) | [Quickstart](../costrel_book/start/quickstart/index.html) |
//! | settings | [`Config`], [`ServerConfig`], [`ProxyFix`] | [Settings](../costrel_book/config/index.html) |
//! | streams and events | [`Body`], [`EventStream`], [`stream_with_context`], [`iterate`] | [Streams and events](../costrel_book/streams/index.html) |
//! | signals | [`signals`], [`App::connect`] | [Hooks and signals](../costrel_book/hooks/index.html) |
//! | classes as views | [`MethodView`], [`Methods`] | [Class views](../costrel_book/class_views/index.html) |
//! | rules and URLs | [`RuleBuilder`], [`url_for`], [`UrlConverter`], [`UrlValues`], [`FromArg`] | [Routing and URLs](../costrel_book/routing/index.html) |
//! | commands | `cli::main`, [`App::command`], [`CommandGroup`] (feature `cli`) | [Commands](../costrel_book/commands/index.html) |
//! | WebSockets | [`websocket()`], [`WebSocket`], [`Message`] (feature `websocket`) | [WebSockets](../costrel_book/websockets/index.html) |
//! | background work | [`create_task`], [`Task`], [`Serving`], [`copy_current_request_context`] | [Background work, start and end](../costrel_book/background/index.html) |
//! | sync and async | [`sync_to_async`], [`async_to_sync`], [`Waiting`], [`Lane`], [`Bridge`], [`Callable`], [`Colour`] | [Sync and async](../costrel_book/start/sync_and_async/index.html) |
//! | decorators | [`View`], [`IntoView`], [`DecoratorInfo`], [`Phase`], and the crate `costrel-ext-kit` | [Write your own](../costrel_book/guide/write/index.html) |
//! | what a request did, and where | [`timeline::Trace`], [`testing::Lint`] | [Sync and async](../costrel_book/start/sync_and_async/index.html) |
//!
//! From Flask, Quart or axum, search for the name you know: `add_url_rule`, `register_error_handler`, `make_response`, `run_sync` and
//! `with_state` lead to what they are here. [From Flask, name by name](../costrel_book/start/from_flask/index.html)
//! has every name of Flask.
//!
//! # Features
//! | feature | default | what it adds |
//! |---|---|---|
//! | `cli` | yes | `costrel::cli`: `run`, `routes` and the app's own commands, an app's whole `main` |
//! | `config-files` | yes | `Config::from_file` reads TOML |
//! | `files` | yes | `send_file`, `send_from_directory` and `App::static_folder` |
//! | `http2` | yes | HTTP/2 on the same port |
//! | `multipart` | yes | multipart forms, with files |
//! | `websocket` | yes | conversations over WebSockets |
//! | `templates` | no | `render_template`: Jinja2's templates, by minijinja |
//! | `tls` | no | HTTPS, by rustls: `config.server.certfile` |

// The rooms, from a request's way in to what everything stands on. A room uses only rooms below it, by their doors: the file
// of its name lists what is inside, after the type that the room is named after, where there is one.
pub mod guide; // for authors of apps
#[cfg(feature = "cli")]
pub mod cli; // an app's command line
mod server; // from a socket to the app
mod test_client; // the same app without a socket, for tests
mod app; // an app while it is put together, and its blueprints
mod lifecycle; // what begins and ends: requests, app contexts, background tasks, serving
mod helpers; // what views call: files, templates, URLs, flashed messages
mod context; // what surrounds running code: request, session, g, current_app
mod trace; // what a request did, and where: to read and to look at
mod view; // a function ready to be decorated and routed
mod session; // what is kept for one client between requests
mod websocket; // a conversation in messages
mod hooks; // functions around requests, and error handlers
mod http_types; // what comes in and goes out: requests, responses, bodies, cookies, forms
mod routing; // from a path to a rule and back
mod execution; // sync and async: callables, and the crossing between event loop and workers
mod config; // settings
mod type_map; // one value per type
mod error; // the one error type

/// Signals, which tell functions of what happens in an app; Flask's `signals`.
pub mod signals {
    pub use crate::context::{
        APPCONTEXT_POPPED, APPCONTEXT_PUSHED, APPCONTEXT_TEARING_DOWN, BEFORE_RENDER_TEMPLATE,
        GOT_BACKGROUND_EXCEPTION, GOT_REQUEST_EXCEPTION, GOT_SERVING_EXCEPTION, MESSAGE_FLASHED, REQUEST_FINISHED,
        REQUEST_STARTED, REQUEST_TEARING_DOWN, Signal, TEMPLATE_RENDERED,
    };
}

/// The test client and what belongs to it; Flask's `testing`. Tests begin with [`App::test_client`].
pub mod testing {
    pub use crate::execution::{Fault, Lint};
    pub use crate::test_client::{RequestContext, TestApp, TestCall, TestClient, TestRequest, TestResponse};
    #[cfg(feature = "websocket")]
    pub use crate::test_client::{TestHandshake, TestWebSocket};
}

/// The timeline of a request: what ran on which thread, as the command `trace` and the test client show it.
pub mod timeline {
    pub use crate::execution::{StepKind, Trace, TraceCrossing, TraceRun, TraceStep};
}

/// Conversions that the compiler does where a function, a response or a body is passed in.
pub mod convert {
    pub use crate::app::{Registrar, RuleSpec};
    pub use crate::execution::{Coloured, IntoCallable, IntoOutcome};
    #[cfg(any(feature = "files", feature = "templates"))]
    pub use crate::helpers::Embed;
    pub use crate::http_types::{IntoAbort, IntoChunk, ResponsePart};
    pub use crate::lifecycle::IntoTask;
    pub use crate::view::{IntoHandler, IntoWebSocketView};
}

/// Types by which the compiler tells a `fn` from an `async fn`; no code names them.
pub mod marker {
    pub use crate::execution::{AsyncFn, SyncFn};
    pub use crate::view::Ready;
}

pub use app::{App, Blueprint, CommandGroup, Extension, RuleBuilder};
pub use config::{Config, ProxyFix, SameSite, ServerConfig, Texts};
pub use context::{
    AppHandle, Application, G, RuleInfo, after_this_request, after_this_request_count, current_app, g, has_app_context,
    has_request_context, request, session, websocket, with_request,
};
pub use error::{Error, ErrorKind};
pub use execution::{
    Bridge, Callable, Colour, Job, Lane, Threads, Waiting, async_to_sync, decorator_name, iterate, sync_to_async,
};
#[cfg(any(feature = "files", feature = "templates"))]
pub use helpers::Folder;
#[cfg(feature = "files")]
pub use helpers::{SendFile, add_etag, make_conditional, send_file, send_from_directory};
pub use helpers::{Serializer, UrlFor, flash, get_flashed_messages, stream_with_context, url_for};
#[cfg(feature = "templates")]
pub use helpers::{render_template, render_template_string};
pub use hooks::{ErrorKey, Exception, HttpException, Serving, of_type};
pub use http_types::{
    Accept, Authorization, Body, Event, EventStream, FileStorage, Files, IntoResponse, Json, Looks, MultiDict, Request,
    Response, ScriptRoot, Watch, abort, abort_with, add_vary, delete_cookie, escape, jsonify, redirect, redirect_with,
    secure_filename, set_cookie,
};
pub use lifecycle::{
    CopiedContext, Task, copied_request_context, copy_current_request_context, copy_current_request_context_sync,
    create_task,
};
pub use routing::{ArgKind, ArgValue, FromArg, UrlConverter, UrlValues};
pub use session::{BadSignature, Session, SessionInterface, Tagged, session_cookie};
pub use type_map::Instance;
pub use view::{DecoratorInfo, IntoView, MethodView, Methods, OnWebSocket, Phase, View};
pub use websocket::{Message, WebSocket};

pub use bytes::Bytes;
pub use cookie::Cookie;
pub use http::{self, HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
#[cfg(feature = "templates")]
pub use minijinja;
pub use uuid::Uuid;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
