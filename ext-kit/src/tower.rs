//! Decorators beyond Costrel, and tower's layers within it.
//!
//! | you have | you want | use |
//! |---|---|---|
//! | a decorator | a layer for axum, tonic or any other tower service | [`DecoratorLayer`] |
//! | a tower layer | a decorator | [`layered`] |
//! | an app | a tower service | [`AppService`] |
//! | a tower service | a view | [`service_view`] |
//!
//! Bodies stream through all four, trailers included. A service is only called when it is ready.

mod layer;
mod layered;
mod service;

pub use layer::{DecoratorLayer, DecoratorService};
pub use layered::{ViewService, layered};
pub use service::{AppService, service_view};

/// The error type tower's middleware agrees on.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
