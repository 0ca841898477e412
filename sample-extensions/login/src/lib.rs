//! Users, sign-in and remember cookies, after Flask-Login.
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
//!     app.post("/login", async || login_user(Ada).remember(true).await.map(|_| "welcome"));
//!     app.post("/logout", || logout_user().wait().map(|()| "signed out"));
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
//! Views, loaders, handlers and subscribers of [`signals`] may be sync or async. The settings in `app.config` have
//! Flask-Login's names: `REMEMBER_COOKIE_NAME`, `_DURATION` (seconds), `_DOMAIN`, `_PATH`, `_SECURE`, `_HTTPONLY`, `_SAMESITE` and
//! `_REFRESH_EACH_REQUEST` (set before `app.init`), `SESSION_PROTECTION`, `USE_SESSION_FOR_NEXT` and `FORCE_HOST_FOR_REDIRECTS`.
//!
//! # Features
//! | feature | default | what it adds |
//! |---|---|---|
//! | `passwords` | yes | [`generate_password_hash`], [`check_password_hash`] |
//! | `templates` | yes | `current_user` in templates, and Costrel's feature `templates` |

mod decorator; // the decorators around one view
mod extension; // set-up on an app
#[cfg(feature = "templates")]
mod templates; // `current_user` in templates
mod refusal; // the answers to clients that are not let in
mod sign_in; // signing in and out
mod loading; // the current user, found once per request
mod protection; // sessions from another browser or address
mod remember; // the remember cookie
pub mod signals; // what the extension tells of
mod options; // the extension's options
mod visit; // what is known of a user
mod current_user; // a user or a visitor
mod settings; // the extension's settings in the app's config, and its modes
mod next_url; // the URL of the login page and the URL to return to
mod user; // the trait of an app's user type

#[cfg(feature = "passwords")]
pub use costrel_ext_kit::passwords::{check_password_hash, generate_password_hash, generate_password_hash_with};
pub use current_user::CurrentUser;
pub use decorator::{fresh_login_required, login_required};
pub use loading::{current_user, user_id};
pub use next_url::{is_safe_next, login_url, next_param};
pub use options::Login;
pub use refusal::{needs_refresh, unauthorized};
pub use remember::{decode_cookie, encode_cookie, login_remembered};
pub use settings::SessionProtection;
pub use sign_in::{LoginUser, confirm_login, login_fresh, login_user, logout_user};
pub use user::User;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
