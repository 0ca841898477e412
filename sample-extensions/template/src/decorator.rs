//! The decorator `key_required`: lets a request through, or refuses it.

use costrel::{Phase, View, abort, current_app};
use costrel_ext_kit::Decorator;

use crate::extension::Keys;

/// Lets a request through to the view if its header `x-key` has a known key; other requests get a 401.
pub fn key_required(view: View) -> View {
    Decorator::new(view).requires::<Keys>().phase(Phase::AUTH).wrap_async(|next, request| async move {
        let key = request.header("x-key").unwrap_or_default().to_owned();
        if !current_app().extension::<Keys>()?.is_known.call(key).await? {
            return abort(401);
        }
        next.call(request).await
    })
}
