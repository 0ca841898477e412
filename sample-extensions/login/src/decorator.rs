//! The decorator `login_required`: lets a signed-in user through, or refuses the request.

use costrel::{Method, Phase, View};
use costrel_ext_kit::Decorator;

use crate::current_user::current_user;
use crate::extension::{Login, unauthorized};

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
