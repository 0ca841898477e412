//! An extension to copy: `key_required` lets only requests with one of the app's keys through. `README.md` says how to
//! make it yours.
//!
//! ```
//! use costrel::{App, Error};
//! use costrel_template::{Keys, key_required};
//!
//! fn create_app() -> Result<App, Error> {
//!     let mut app = App::new("docs");
//!     app.init(Keys::new(async |key: String| key == "sesame"))?;
//!     app.rule("/sync").decorate(key_required).view(|| "gold");
//!     app.rule("/async").decorate(key_required).view(async || "gold");
//!     Ok(app)
//! }
//!
//! let client = create_app()?.test_client();
//! assert_eq!(client.get("/sync").wait()?.status(), 401);
//! assert_eq!(client.get("/async").header("x-key", "sesame").wait()?.text(), "gold");
//! # Ok::<(), Error>(())
//! ```

mod decorator; // the decorator around one view
mod extension; // options and set-up

pub use decorator::key_required;
pub use extension::Keys;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
