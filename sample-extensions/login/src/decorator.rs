//! The decorators `login_required` and `fresh_login_required`: let a signed-in user through, or refuse the request.

use costrel::{Method, Phase, View};
use costrel_ext_kit::Decorator;

use crate::loading::current_user;
use crate::options::Login;
use crate::refusal::{needs_refresh, unauthorized};
use crate::sign_in::login_fresh;

/// Lets only signed-in users through to the view. Other clients get the response that [`Login`] sets; their requests
/// reach neither the view nor a worker. As in Flask-Login, OPTIONS passes.
pub fn login_required(view: View) -> View {
    Decorator::new(view).requires::<Login>().phase(Phase::AUTH).wrap_async(|next, request| async move {
        if request.method() != Method::OPTIONS && !current_user().await?.is_authenticated() {
            return unauthorized().await;
        }
        next.call(request).await
    })
}

/// Lets only users through who have given their password in this session; those who were remembered, or whose session came
/// from another browser, are sent to the refresh view. As in Flask-Login, OPTIONS passes.
pub fn fresh_login_required(view: View) -> View {
    Decorator::new(view).requires::<Login>().phase(Phase::AUTH).wrap_async(|next, request| async move {
        let passes = request.method() == Method::OPTIONS;
        if !passes && !current_user().await?.is_authenticated() {
            return unauthorized().await;
        }
        if !passes && !login_fresh() {
            return needs_refresh().await;
        }
        next.call(request).await
    })
}
