//! JSON Web Tokens, after Flask-JWT-Extended: in headers, cookies with protection against CSRF, the query or JSON.
//!
//! ```
//! use costrel::{App, Error};
//! use costrel_jwt::{Jwt, access_token, create_access_token, get_jwt_identity, jwt_required};
//!
//! let mut app = App::new("docs");
//! app.config.set("JWT_SECRET_KEY", "a secret that is long and random")?;
//! app.init(Jwt::new())?;
//! app.post("/login", async || create_access_token("ada").fresh(true).await); // in sync code: `.wait()`
//! app.rule("/me").decorate(jwt_required(access_token())).view(|| get_jwt_identity::<String>());
//! app.rule("/password").decorate(jwt_required(access_token().fresh())).view(async || "changed");
//!
//! let client = app.test_client();
//! let bearer = format!("Bearer {}", client.post("/login").wait()?.text());
//! assert_eq!(client.get("/me").header("authorization", &bearer).wait()?.text(), "ada");
//! let refused = client.get("/me").wait()?;
//! assert_eq!((refused.status().as_u16(), refused.text().as_str()), (401, "{\"msg\":\"Missing Authorization Header\"}\n"));
//! # Ok::<(), Error>(())
//! ```
//!
//! Views and all functions that an app passes in may be sync or async. Tokens are those of Flask-JWT-Extended, so an app in
//! Flask beside this one takes them, and the other way round. The settings have its names too: `JWT_SECRET_KEY`,
//! `JWT_TOKEN_LOCATION`, `JWT_ACCESS_TOKEN_EXPIRES` (seconds, or `false`) and so on.

mod extension; // options and set-up
mod answer; // the answers to clients that are refused
mod decorator; // the decorator around one view
mod current; // the token and the user of the current request
mod verify; // the whole check of a request
mod locate; // where in a request the token is
mod cookies; // tokens in cookies
mod create; // tokens that are made
mod decode; // tokens that are read
mod options; // the functions that an app passes in
mod requirement; // what a view asks of a request
mod error; // why a request is refused
mod token; // a token that was read
mod settings; // the settings by Flask-JWT-Extended's names
mod keys; // the keys that sign and verify

pub use cookies::{
    JwtCookies, get_csrf_token, set_access_cookies, set_refresh_cookies, unset_access_cookies, unset_jwt_cookies,
    unset_refresh_cookies,
};
pub use create::{CreateToken, create_access_token, create_refresh_token};
pub use current::{current_user, get_jwt, get_jwt_identity};
pub use decode::{decode_expired_token, decode_token, get_unverified_jwt_headers};
pub use decorator::jwt_required;
pub use error::{JwtError, JwtErrorKind};
pub use options::Jwt;
pub use requirement::{Requirement, access_token, refresh_token};
pub use settings::Location;
pub use token::{Claims, Token};
pub use verify::verify_jwt_in_request;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
