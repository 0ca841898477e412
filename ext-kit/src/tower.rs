//! Adapters between decorators and apps on one side, tower layers and services on the other.
//!
//! | you have | you want | use |
//! |---|---|---|
//! | a decorator | a layer for axum, tonic or any other tower service | [`DecoratorLayer`] |
//! | a tower layer | a decorator | [`layered`] |
//! | an app | a tower service | [`AppService`] |
//! | a tower service | a view | [`service_view`] |
//!
//! With the feature `axum`, a decorator on axum and an app in it know the client's address (`ConnectInfo<SocketAddr>`, if the
//! server was made with it), the path below which the router is nested, and the route that matched. Without it, or on
//! another host, attach a `SocketAddr` and a [`ScriptRoot`](costrel::ScriptRoot) to the request's extensions.
//!
//! Bodies stream through all four, trailers included. A service is called only when it is ready.

mod decorator_as_layer;
mod layer_as_decorator;
mod app_as_service;
mod service_as_view;
mod ready;
mod host;
mod body;

pub use app_as_service::AppService;
pub use decorator_as_layer::{DecoratorLayer, DecoratorService};
pub use layer_as_decorator::{ViewService, layered};
pub use ready::call_ready;
pub use service_as_view::service_view;

/// The error type that tower's middleware uses.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
