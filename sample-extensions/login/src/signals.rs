//! What the extension tells of: `app.connect(&USER_LOGGED_IN, f)`. The signals about a user who is looked for are sent in
//! Flask-Login's order when the user is known, so that their subscribers may ask for the user too.

use costrel::signals::Signal;

use crate::current_user::CurrentUser;

/// Sent when a user has signed in.
pub static USER_LOGGED_IN: Signal<CurrentUser> = Signal::new("login.logged_in");
/// Sent when a user has signed out, with that user.
pub static USER_LOGGED_OUT: Signal<CurrentUser> = Signal::new("login.logged_out");
/// Sent when a user was found by the remember cookie.
pub static USER_LOADED_FROM_COOKIE: Signal<CurrentUser> = Signal::new("login.loaded_from_cookie");
/// Sent when a user was found by the request loader.
pub static USER_LOADED_FROM_REQUEST: Signal<CurrentUser> = Signal::new("login.loaded_from_request");
/// Sent when the current user was looked for, once in a request.
pub static USER_ACCESSED: Signal<CurrentUser> = Signal::new("login.accessed");
/// Sent when a session came from another browser or address than the one that signed in, with the user who is left.
pub static SESSION_PROTECTED: Signal<CurrentUser> = Signal::new("login.session_protected");
/// Sent when a login was confirmed and is fresh again.
pub static USER_LOGIN_CONFIRMED: Signal<()> = Signal::new("login.login_confirmed");
/// Sent when a client is refused because no user is signed in.
pub static USER_UNAUTHORIZED: Signal<()> = Signal::new("login.unauthorized");
/// Sent when a client is refused because its login is not fresh.
pub static USER_NEEDS_REFRESH: Signal<()> = Signal::new("login.needs_refresh");

/// The signals that looking for a user leads to.
pub(crate) type News = Vec<&'static Signal<CurrentUser>>;
