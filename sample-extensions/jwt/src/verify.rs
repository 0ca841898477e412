//! The whole check of a request.

use std::borrow::Cow;

use costrel::{Error, Method, Request, Waiting, g, request};
use serde_json::Value;

use crate::decode::{Expected, decode, now};
use crate::error::{JwtError, JwtErrorKind};
use crate::locate::{Sought, describe, locate};
use crate::options::{AnyUser, Jwt};
use crate::requirement::Requirement;
use crate::settings::Kind;
use crate::token::Token;

/// The name on `g` of what was verified.
pub(crate) const VERIFIED: &str = "_jwt";

/// The token of a request that was let through, and its user.
#[derive(Clone, Default)]
pub(crate) struct Verified {
    pub(crate) token: Option<Token>,
    pub(crate) user: Option<AnyUser>,
}

/// Checks the current request as [`jwt_required`](crate::jwt_required) does, in a hook or in the middle of a view: `.await` it in
/// async code, `.wait()` for it in sync code. A request with OPTIONS is not checked.
///
/// ```
/// use costrel::{App, Blueprint};
/// use costrel_jwt::{Jwt, access_token, verify_jwt_in_request};
///
/// let mut app = App::new("docs");
/// app.config.secret_key = Some("a secret that is long and random".into());
/// app.init(Jwt::new())?;
/// let mut api = Blueprint::new("api");
/// api.before_request(async || verify_jwt_in_request(access_token()).await);
/// api.route("/hats", || "42 hats");
/// app.register_blueprint(api);
/// assert_eq!(app.test_client().get("/hats").wait()?.status(), 401);
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Errors
/// An error whose source is a [`JwtError`] if the request is refused; the errors of the app's functions.
pub fn verify_jwt_in_request(requirement: Requirement) -> Waiting<()> {
    Waiting::new(async move { verify(&requirement, &request()).await })
}

pub(crate) async fn verify(requirement: &Requirement, request: &Request) -> Result<(), Error> {
    if request.method() == Method::OPTIONS {
        return Ok(());
    }
    let jwt = Jwt::current()?;
    let verified = match find(&jwt, requirement, request).await? {
        None => Verified::default(),
        // Boxed, so that a request without a token does not move the room that its check would need.
        Some(found) => Box::pin(verify_found(&jwt, requirement, found)).await?,
    };
    g().set(VERIFIED, verified);
    Ok(())
}

/// What was found at a place.
struct Found<'r> {
    encoded: Cow<'r, str>,
    expected: Expected,
}

async fn verify_found(jwt: &Jwt, requirement: &Requirement, found: Found<'_>) -> Result<Verified, Error> {
    let token = decode(jwt, &found.encoded, found.expected).await?;
    check(jwt, requirement, &token).await?;
    Ok(Verified { user: load_user(jwt, &token).await?, token: Some(token) })
}

/// Finds the token at the first place that has one; `None` if none has one and that is allowed.
async fn find<'r>(jwt: &Jwt, requirement: &Requirement, request: &'r Request) -> Result<Option<Found<'r>>, Error> {
    let (settings, kind) = (jwt.settings()?, requirement.kind);
    let asked = &requirement.locations;
    let locations = if asked.is_empty() { &settings.common.token_location } else { asked };
    let mut missing = Vec::new();
    for &location in locations {
        match locate(settings, kind, location, request).await? {
            Sought::Found { encoded, csrf } => {
                let expected = Expected { location: Some(location), csrf, may_be_expired: false };
                return Ok(Some(Found { encoded, expected }));
            }
            Sought::Missing(why) if !requirement.is_optional => missing.push((location, why)),
            Sought::Missing(_) => {}
        }
    }
    if requirement.is_optional {
        return Ok(None);
    }
    Err(JwtError::unauthorized(describe(settings, kind, &missing)).refusal())
}

async fn check(jwt: &Jwt, requirement: &Requirement, token: &Token) -> Result<(), Error> {
    let is_refresh = token.claims().get("type").and_then(Value::as_str) == Some("refresh");
    let wrong_type = match requirement.kind {
        Kind::Access if is_refresh => Some("Only non-refresh tokens are allowed"),
        Kind::Refresh if !is_refresh => Some("Only refresh tokens are allowed"),
        _ => None,
    };
    if let Some(message) = wrong_type.filter(|_| !requirement.any_type) {
        return Err(JwtError::invalid(message).refusal());
    }
    if requirement.is_fresh && !is_fresh(token) {
        return Err(JwtError::of(token, JwtErrorKind::NotFresh, "Fresh token required").refusal());
    }
    if let Some(is_revoked) = jwt.token_in_blocklist.as_ref().filter(|_| !requirement.may_be_revoked)
        && is_revoked.call(token.clone()).await?
    {
        return Err(JwtError::of(token, JwtErrorKind::Revoked, "Token has been revoked").refusal());
    }
    if let Some(is_let_in) = &jwt.token_verification
        && !is_let_in.call(token.clone()).await?
    {
        return Err(JwtError::of(token, JwtErrorKind::NotVerified, "User claims verification failed").refusal());
    }
    Ok(())
}

/// Whether the token is fresh, for ever or until a time.
fn is_fresh(token: &Token) -> bool {
    match token.claims().get("fresh") {
        Some(Value::Bool(fresh)) => *fresh,
        Some(until) => until.as_f64().is_some_and(|until| until >= now().as_secs_f64()),
        None => false,
    }
}

async fn load_user(jwt: &Jwt, token: &Token) -> Result<Option<AnyUser>, Error> {
    let Some(load) = &jwt.user_lookup else { return Ok(None) };
    let user = load.call(token.clone()).await?;
    let identity = token.identity::<Value>()?;
    let message = || format!("Error loading the user {}", identity.as_str().unwrap_or(&identity.to_string()));
    user.map(Some).ok_or_else(|| JwtError::of(token, JwtErrorKind::UserNotFound, message()).refusal())
}
