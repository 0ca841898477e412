//! `login_required`, `login_user`, `logout_user` and `current_user`, after Flask-Login.
//!
//! ```
//! use costrel::{App, Error};
//! use costrel_login::{Login, User, current_user, login_required, login_user, logout_user};
//!
//! struct Ada;
//!
//! impl User for Ada {
//!     fn get_id(&self) -> String {
//!         "1".into()
//!     }
//! }
//!
//! async fn load_user(id: String) -> Option<Ada> {
//!     (id == "1").then_some(Ada)
//! }
//!
//! fn create_app() -> Result<App, Error> {
//!     let mut app = App::new("docs");
//!     app.config.secret_key = Some("dev".into());
//!     app.init(Login::new().user_loader(load_user))?;
//!     app.post("/login", || login_user(Ada).map(|_| "welcome"));
//!     app.post("/logout", || logout_user().map(|()| "signed out"));
//!     app.rule("/me").decorate(login_required).view(async || current_user().await.map(|user| user.get_id()));
//!     Ok(app)
//! }
//!
//! let client = create_app()?.test_client();
//! assert_eq!(client.get("/me").wait()?.status(), 401);
//! client.post("/login").wait()?;
//! assert_eq!(client.get("/me").wait()?.text(), "1");
//! client.post("/logout").wait()?;
//! assert_eq!(client.get("/me").wait()?.status(), 401);
//! # Ok::<(), Error>(())
//! ```
//!
//! The user loader and the unauthorized handler may be sync or async, and so may the views.

mod decorator; // the decorator around one view
mod current_user; // the signed-in user
mod extension; // options and set-up
mod next_url; // the URL of the login page and the URL to return to
mod user; // the trait of an app's user type

pub use current_user::{CurrentUser, current_user, login_user, logout_user, user_id};
pub use decorator::login_required;
pub use extension::Login;
pub use next_url::{is_safe_next, login_url};
pub use user::User;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
