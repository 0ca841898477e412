//! Views that are exempt, and views that are checked alone.

use std::sync::Arc;

use costrel::{Phase, View};
use costrel_ext_kit::Decorator;

use crate::check::{Proof, check};
use crate::settings::Settings;

/// The note on a view that is not checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exempt;

/// Marks a view, or those of a blueprint, as exempt.
pub(crate) fn exempt(view: View) -> View {
    view.marked(Exempt)
}

/// Checks the requests of one view.
pub(crate) fn protected(view: View, proof: Proof) -> View {
    let decorator = Decorator::new(view).named("csrf_protected").requires::<Arc<Settings>>().phase(Phase::AUTH);
    decorator.wrap_async_with(proof, |proof, next, request| async move {
        let settings = costrel::current_app().extension::<Arc<Settings>>()?;
        check(proof, &settings, &request).await?;
        next.call(request).await
    })
}
