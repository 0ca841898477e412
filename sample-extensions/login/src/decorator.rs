//! `login_required` around one view: let the client through, or send it away.

use costrel::{Method, Phase, View};
use costrel_ext_kit::Decorator;

use crate::current_user::current_user;
use crate::extension::{Login, unauthorized};

/// Lets only signed-in users through to the view. Other clients get the [`Login`]'s answer, and neither the view nor a
/// worker is touched. As in Flask-Login, OPTIONS passes.
pub fn login_required(view: View) -> View {
    Decorator::new(view).requires::<Login>().phase(Phase::AUTH).wrap_async(|next, request| async move {
        if request.method() != Method::OPTIONS && !current_user().await?.is_authenticated() {
            return unauthorized().await;
        }
        next.call(request).await
    })
}
