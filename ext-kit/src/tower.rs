//! Adapters between decorators and apps on one side, tower layers and services on the other.
//!
//! | you have | you want | use |
//! |---|---|---|
//! | a decorator | a layer for axum, tonic or any other tower service | [`DecoratorLayer`] |
//! | a tower layer | a decorator | [`layered`] |
//! | an app | a tower service | [`AppService`] |
//! | a tower service | a view | [`service_view`] |
//!
//! Bodies stream through all four, trailers included. A service is called only when it is ready.

mod decorator_layer;
mod layer_decorator;
mod app_service;
mod service_view;
mod ready;

pub use app_service::AppService;
pub use decorator_layer::{DecoratorLayer, DecoratorService};
pub use layer_decorator::{ViewService, layered};
pub use ready::call_ready;
pub use service_view::service_view;

/// The error type that tower's middleware uses.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
