//! An extension to copy: `key_required` lets in only whoever brings one of the app's keys.
//!
//! Ten minutes to one of your own: copy this folder. Inside the repository, add it to `members` in the root's `Cargo.toml`;
//! elsewhere, replace each `workspace = true` by a value (`edition = "2024"`, `costrel = { path = "../costrel/core" }`, ..) and drop
//! `[lints]`. Rename the package, in `tests/compat.rs` and the example below too, replace the decorator, say there who is let in and who is not, and
//! run `cargo test`. `costrel_compat::offer`, in `init_app` and behind a feature, hands the candidate to the command `compat` of apps.
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

use costrel::{App, Error, View, abort, current_app};
use costrel_ext_kit::{Callback, Decorate, Extension, IntoCallback};

/// The extension: what users set up, and what the app keeps of it.
#[derive(Clone, Debug)]
pub struct Keys {
    is_known: Callback<String, bool>,
}

impl Keys {
    /// `is_known`, sync or async, says whether a key is one of the app's.
    pub fn new<M>(is_known: impl IntoCallback<M, String, bool>) -> Self {
        Self { is_known: Callback::new(is_known) }
    }
}

impl Extension for Keys {
    fn init_app(self, app: &mut App) -> Result<(), Error> {
        app.set_extension(self);
        Ok(())
    }
}

/// Lets a request to the view through if its header `x-key` has a known key; else it is a 401.
pub fn key_required(view: View) -> View {
    view.needing::<Keys>("Keys").wrapped_by_async(|next, request| async move {
        let key = request.header("x-key").unwrap_or_default().to_owned();
        if !current_app().extension::<Keys>()?.is_known.call(key).await? {
            return abort(401);
        }
        next.call(request).await
    })
}
