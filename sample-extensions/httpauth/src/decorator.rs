//! The decorator around one view: lets a request through, or refuses it.

use std::sync::Arc;

use costrel::http::header::WWW_AUTHENTICATE;
use costrel::{Error, HeaderValue, IntoResponse, Method, Phase, Request, Response, StatusCode, View, g};
use costrel_ext_kit::Decorator;

use crate::checked::Checked;
use crate::requirement::Requirement;
use crate::scheme::Scheme;
use crate::sent::Sent;

/// The name on `g` of the user.
pub(crate) const USER: &str = "_httpauth_user";

/// The name on `g` of the challenge with which the request was refused.
const CHALLENGE: &str = "_httpauth_challenge";

/// The ways to sign in, of which the first is the main one, and who may pass.
type Guard<U> = (Arc<[Scheme<U>]>, Requirement);

pub(crate) fn guarded<U: Clone + Send + Sync + 'static>(view: View, guard: Guard<U>) -> View {
    let decorator = Decorator::new(view).named("login_required").phase(Phase::AUTH).on_response(keep_challenge);
    decorator.wrap_async_with(guard, answer)
}

/// Adds the challenge to a refusal that lacks it, such as the app's own page for 401, which is to have one (RFC 9110, 15.5.2).
fn keep_challenge(_: &Request, response: &mut Response) {
    let is_refusal = matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    if is_refusal && let Some(challenge) = g().get::<HeaderValue>(CHALLENGE) {
        response.headers_mut().entry(WWW_AUTHENTICATE).or_insert(challenge);
    }
}

async fn answer<U: Clone + Send + Sync + 'static>(
    (ways, requirement): Guard<U>,
    next: View,
    request: Request,
) -> Result<Response, Error> {
    // A view that answers OPTIONS itself may be asked by a browser that has no credentials yet, as in Flask-HTTPAuth.
    if *request.method() == Method::OPTIONS {
        return next.call(request).await;
    }
    let way = ways.iter().find(|way| way.is_for(&request)).unwrap_or(&ways[0]);
    let sent = Sent::read(&request, &way.name, way.header.as_ref());
    let checked = way.verify.check(sent, &request).await?;
    let refusal = match &checked {
        Checked::User(user) => (!is_allowed(way, user, &requirement).await?).then_some(StatusCode::FORBIDDEN),
        _ if matches!(requirement, Requirement::Optional) => None,
        _ => Some(StatusCode::UNAUTHORIZED),
    };
    if let Some(status) = refusal {
        return way.refuse(status, matches!(checked, Checked::Stale)).await;
    }
    match checked {
        Checked::User(user) => g().set(USER, user),
        // Also if a decorator further out has found one, because this scheme has not.
        _ => drop(g().pop::<U>(USER)),
    }
    next.call(request).await
}

async fn is_allowed<U: Clone + Send + 'static>(
    way: &Scheme<U>,
    user: &U,
    requirement: &Requirement,
) -> Result<bool, Error> {
    let roles = match &way.roles {
        Some(roles) if requirement.has_roles() => roles.call(user.clone()).await?,
        _ => Vec::new(),
    };
    Ok(requirement.allows(&roles))
}

impl<U> Scheme<U> {
    /// Whether the request has credentials of this scheme.
    fn is_for(&self, request: &Request) -> bool {
        Sent::read(request, &self.name, self.header.as_ref()).is_some()
    }

    /// Returns the refusal: by default an error, which the app's error handlers may answer.
    async fn refuse(&self, status: StatusCode, is_stale: bool) -> Result<Response, Error> {
        let challenge = HeaderValue::try_from(self.challenge(is_stale)?)?;
        let Some(handler) = &self.error_handler else {
            let text = "Unauthorized Access";
            return if self.is_plain {
                (text, status.as_u16(), [(WWW_AUTHENTICATE, challenge)]).into_response()
            } else {
                g().set(CHALLENGE, challenge.clone());
                Err(Error::status(status.as_u16()).with_message(text).with_header(WWW_AUTHENTICATE, challenge))
            };
        };
        let mut response = handler.call(status).await?;
        if response.status() == StatusCode::OK {
            *response.status_mut() = status;
        }
        response.headers_mut().entry(WWW_AUTHENTICATE).or_insert(challenge);
        Ok(response)
    }
}
