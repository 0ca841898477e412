//! Tokens in cookies, each with a second token against CSRF that scripts of the app's own pages read.

use std::time::Duration;

use cookie::time::OffsetDateTime;
use costrel::{Cookie, Error, Response, set_cookie};

use crate::decode::unverified_claims;
use crate::error::JwtError;
use crate::options::Jwt;
use crate::settings::{Common, Kind};

/// Sets the cookies of an access token.
///
/// ```
/// use costrel::{App, Error, IntoResponse};
/// use costrel_jwt::{Jwt, create_access_token, set_access_cookies};
///
/// let mut app = App::new("docs");
/// app.config.secret_key = Some("a secret that is long and random".into());
/// app.init(Jwt::new())?;
/// app.post("/login", async || {
///     let mut response = "welcome".into_response()?;
///     set_access_cookies(&mut response, &create_access_token("ada").await?)?;
///     Ok::<_, Error>(response)
/// });
/// let client = app.test_client();
/// client.post("/login").wait()?;
/// assert!(client.cookie("access_token_cookie").is_some() && client.cookie("csrf_access_token").is_some());
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// If the token cannot be read, or has no token against CSRF and `JWT_COOKIE_CSRF_PROTECT` is on.
///
/// # Panics
/// Outside a request and an app context, with a message that names the remedy.
pub fn set_access_cookies(response: &mut Response, token: &str) -> Result<(), Error> {
    JwtCookies::new().set_access(response, token)
}

/// Sets the cookies of a refresh token.
///
/// # Errors
/// Those of [`set_access_cookies`].
///
/// # Panics
/// As [`set_access_cookies`].
pub fn set_refresh_cookies(response: &mut Response, token: &str) -> Result<(), Error> {
    JwtCookies::new().set_refresh(response, token)
}

/// Deletes the cookies of the access token.
///
/// # Errors
/// If the extension was not initialised.
///
/// # Panics
/// As [`set_access_cookies`].
pub fn unset_access_cookies(response: &mut Response) -> Result<(), Error> {
    JwtCookies::new().unset_access(response)
}

/// Deletes the cookies of the refresh token.
///
/// # Errors
/// If the extension was not initialised.
///
/// # Panics
/// As [`set_access_cookies`].
pub fn unset_refresh_cookies(response: &mut Response) -> Result<(), Error> {
    JwtCookies::new().unset_refresh(response)
}

/// Deletes the cookies of both tokens.
///
/// # Errors
/// If the extension was not initialised.
///
/// # Panics
/// As [`set_access_cookies`].
pub fn unset_jwt_cookies(response: &mut Response) -> Result<(), Error> {
    unset_access_cookies(response)?;
    unset_refresh_cookies(response)
}

/// Returns the token against CSRF in a token whose signature is not checked, for a client that is no browser.
///
/// # Errors
/// An error whose source is a [`JwtError`] if there is none.
pub fn get_csrf_token(token: &str) -> Result<String, Error> {
    let claims = unverified_claims(token)?;
    let csrf = claims.get("csrf").and_then(|csrf| csrf.as_str());
    csrf.map(str::to_owned).ok_or_else(|| JwtError::invalid("Missing claim: csrf").refusal())
}

/// The cookies of tokens, with a lifetime or a domain of their own. [`set_access_cookies`] and so on take those of the settings.
#[derive(Clone, Debug, Default)]
pub struct JwtCookies {
    max_age: Option<Duration>,
    domain: Option<String>,
}

impl JwtCookies {
    /// Cookies as the settings have them.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how long the client keeps the cookies. Default: until the browser ends, or a year if `JWT_SESSION_COOKIE` is off.
    pub fn max_age(self, max_age: Duration) -> Self {
        Self { max_age: Some(max_age), ..self }
    }

    /// Sets the domain whose hosts get the cookies. Default: the setting `JWT_COOKIE_DOMAIN`.
    pub fn domain(self, domain: impl Into<String>) -> Self {
        Self { domain: Some(domain.into()), ..self }
    }

    /// [`set_access_cookies`], with these options.
    ///
    /// # Errors
    /// Those of [`set_access_cookies`].
    pub fn set_access(&self, response: &mut Response, token: &str) -> Result<(), Error> {
        self.set(response, Kind::Access, Some(token))
    }

    /// [`set_refresh_cookies`], with these options.
    ///
    /// # Errors
    /// Those of [`set_access_cookies`].
    pub fn set_refresh(&self, response: &mut Response, token: &str) -> Result<(), Error> {
        self.set(response, Kind::Refresh, Some(token))
    }

    /// [`unset_access_cookies`], with the domain that they were set with.
    ///
    /// # Errors
    /// Those of [`unset_access_cookies`].
    pub fn unset_access(&self, response: &mut Response) -> Result<(), Error> {
        self.set(response, Kind::Access, None)
    }

    /// [`unset_refresh_cookies`], with the domain that they were set with.
    ///
    /// # Errors
    /// Those of [`unset_refresh_cookies`].
    pub fn unset_refresh(&self, response: &mut Response) -> Result<(), Error> {
        self.set(response, Kind::Refresh, None)
    }

    /// Sets both cookies of a token, or deletes them.
    fn set(&self, response: &mut Response, kind: Kind, token: Option<&str>) -> Result<(), Error> {
        let jwt = Jwt::current()?;
        let (common, own) = (&jwt.settings()?.common, jwt.settings()?.of(kind));
        let mut cookie = self.cookie(common, &own.cookie_name, &own.cookie_path, token);
        cookie.set_http_only(true);
        set_cookie(response, cookie)?;
        if common.cookie_csrf_protect && common.csrf_in_cookies {
            let csrf = token.map(get_csrf_token).transpose()?;
            let cookie = self.cookie(common, &own.csrf_cookie_name, &own.csrf_cookie_path, csrf.as_deref());
            set_cookie(response, cookie)?;
        }
        Ok(())
    }

    fn cookie(&self, common: &Common, name: &str, path: &str, value: Option<&str>) -> Cookie<'static> {
        let mut cookie = Cookie::new(name.to_owned(), value.unwrap_or_default().to_owned());
        let year = (!common.session_cookie).then_some(Duration::from_secs(31_540_000));
        match value {
            None => cookie.set_expires(OffsetDateTime::UNIX_EPOCH),
            Some(_) => cookie.set_max_age(self.max_age.or(year).and_then(|time| time.try_into().ok())),
        }
        if let Some(domain) = self.domain.as_ref().or(common.cookie_domain.as_ref()) {
            cookie.set_domain(domain.clone());
        }
        cookie.set_path(path.to_owned());
        cookie.set_secure(common.cookie_secure.then_some(true));
        cookie.set_same_site(common.cookie_samesite.map(Into::into));
        cookie
    }
}
