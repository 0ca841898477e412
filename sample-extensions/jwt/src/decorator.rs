//! The decorator `jwt_required`: lets clients with a token through.

use std::sync::Arc;

use costrel::{Phase, View};
use costrel_ext_kit::Decorator;

use crate::options::Jwt;
use crate::requirement::Requirement;
use crate::verify::verify;

/// Returns the decorator that lets requests with such a token through, [`access_token`](crate::access_token) or
/// [`refresh_token`](crate::refresh_token), and refuses others with 401 or 422. As in Flask-JWT-Extended, OPTIONS passes.
///
/// ```
/// use costrel::{App, Error};
/// use costrel_jwt::{Jwt, Location, access_token, create_access_token, get_jwt_identity, jwt_required, refresh_token};
///
/// let mut app = App::new("docs");
/// app.config.secret_key = Some("a secret that is long and random".into());
/// app.init(Jwt::new())?;
/// app.rule("/password").decorate(jwt_required(access_token().fresh())).view(|| "changed");
/// app.rule("/feed").decorate(jwt_required(access_token().locations([Location::QueryString]))).view(|| "news");
/// app.rule("/refresh").decorate(jwt_required(refresh_token())).view(async || {
///     create_access_token(get_jwt_identity::<String>()?).await
/// });
/// app.rule("/").decorate(jwt_required(access_token().optional())).view(async || {
///     let name = get_jwt_identity::<Option<String>>()?;
///     Ok::<_, Error>(format!("hello {}", name.unwrap_or("visitor".into())))
/// });
/// assert_eq!(app.test_client().get("/").wait()?.text(), "hello visitor");
/// # Ok::<(), Error>(())
/// ```
pub fn jwt_required(requirement: Requirement) -> impl Fn(View) -> View + Clone + use<> {
    let requirement = Arc::new(requirement);
    move |view| {
        let decorator = Decorator::new(view).named("jwt_required").requires::<Jwt>().phase(Phase::AUTH);
        decorator.wrap_async_with(Arc::clone(&requirement), |requirement, next, request| async move {
            verify(&requirement, &request).await?;
            next.call(request).await
        })
    }
}
