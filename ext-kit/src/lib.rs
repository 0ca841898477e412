//! Write an extension once; it works on sync and async views.
//!
//! A decorator is a function from [`View`](costrel::View) to `View`. This one lets only the signed-in through,
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
//! - [`Decorate`]: the forms a decorator can take.
//! - [`Callback`]: functions your users pass in, of either colour.
//! - [`Extension`] and `App::set_extension`: set-up and state, per app.
//! - [`Clock`]: time that a test can move.
//! - [`remote_address`], [`header`], [`combined`]: whose request it is.
//! - [`guide`]: port a Flask extension, or write your own.
//! - [`tower`]: decorators on axum and tonic, tower's layers on views.

pub mod guide;
pub mod tower;
mod decorator;
mod key;
mod callback;
mod clock;

pub use callback::{Callback, Fallible, IntoCallback, Plain, Ready};
pub use clock::Clock;
pub use costrel::Extension;
pub use decorator::Decorate;
pub use key::{combined, endpoint, header, remote_address, remote_address_behind};
