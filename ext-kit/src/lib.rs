//! Write an extension once; it works on sync and async views.
//!
//! A decorator is a function from [`View`](costrel::View) to `View`. This one lets only signed-in users through,
//! whatever the colour of the view:
//!
//! ```
//! use costrel::{App, View, session};
//! use costrel_ext_kit::Decorate;
//!
//! fn signed_in(view: View) -> View {
//!     view.wrapped_by_async(|next, request| async move {
//!         if !session().contains("user") {
//!             return costrel::abort(401);
//!         }
//!         next.call(request).await
//!     })
//! }
//!
//! let mut app = App::new("docs");
//! app.rule("/sync").decorate(signed_in).view(|| "secret");
//! app.rule("/async").decorate(signed_in).view(async || "secret");
//! let client = app.test_client();
//! assert_eq!(client.get("/sync").wait()?.status(), 401);
//! assert_eq!(client.get("/async").wait()?.status(), 401);
//! # Ok::<(), costrel::Error>(())
//! ```
//!
//! - [`Decorator`] and [`Decorate`]: the forms that a decorator can take, and its options.
//! - [`Enter`]: any decorator as a guard inside a view.
//! - [`IntoCallback`]: functions that your users pass in, of either colour.
//! - [`settings`]: what the app's config sets; [`Texts`] and [`IntoTexts`]: one text or a list of them.
//! - [`Extension`] and `App::set_extension`: set-up and state, per app.
//! - [`Clock`]: a clock that a test can move.
//! - [`secrets`]: tokens that no client can guess, and how to compare them.
//! - `passwords`, a feature: hashes of passwords, as Werkzeug makes them.
//! - [`key`]: key functions, which tell clients apart.
//! - [`guide`]: port a Flask extension, or write your own.
//! - [`tower`]: decorators on axum and tonic, tower layers on views.

pub mod guide; // for authors of extensions
pub mod tower; // decorators on tower services, tower layers and services on views
mod decorate; // the short forms of a decorator
mod enter; // a decorator as a guard inside a view
mod decorator; // the options of a decorator and its forms
pub mod key; // key functions, which tell clients apart
mod callback; // functions of either colour that users pass in
mod settings; // settings, read from the app's config
mod texts; // one text or several, for options
#[cfg(feature = "passwords")]
pub mod passwords; // hashes of passwords
pub mod secrets; // tokens that no client can guess, and how to compare them
mod clock; // a clock that a test can move
mod place; // where a request goes

/// Marker types by which the compiler tells one kind of function from another; user code does not name them.
pub mod marker {
    pub use crate::callback::{Constant, Fallible, Plain, Ready};
    pub use crate::texts::{One, Several};
    pub use costrel::marker::{AsyncFn, SyncFn};
}

pub use callback::IntoCallback;
pub use clock::Clock;
pub use costrel::{Extension, Texts};
pub use decorate::Decorate;
pub use decorator::Decorator;
pub use enter::{Enter, Entered};
pub use settings::settings;
pub use texts::IntoTexts;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
