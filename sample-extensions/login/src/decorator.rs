//! The decorator.

use costrel::{Method, Phase, View};
use costrel_ext_kit::Decorate;

use crate::extension::{Login, unauthorized};
use crate::store::current_user;

/// Lets only signed-in users through to the view; others get the [`Login`]'s answer, without the view, and
/// without a worker, being touched. As in Flask-Login, OPTIONS passes.
pub fn login_required(view: View) -> View {
    let wrapped = view.needing::<Login>("Login").wrapped_by_async(|next, request| async move {
        if request.method() != Method::OPTIONS && !current_user().await?.is_authenticated() {
            return unauthorized().await;
        }
        next.call(request).await
    });
    wrapped.in_phase(Phase::AUTH)
}
