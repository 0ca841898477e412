//! Views that are exempt, and views that are checked alone.

use costrel::{Phase, View};
use costrel_ext_kit::Decorator;

use crate::check::{Proof, check};
use crate::settings::{Protection, Settings};

/// The note on a view that is not checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exempt;

/// Marks a view, or those of a blueprint, as exempt.
pub(crate) fn exempt(view: View) -> View {
    view.marked(Exempt)
}

/// Checks the requests of one view, or of those of a blueprint that are not exempt themselves.
pub(crate) fn protected(view: View, proof: Proof) -> View {
    if view.marker::<Exempt>().is_some() {
        return view;
    }
    let decorator = Decorator::new(view).named("csrf_protected").requires::<Protection>().phase(Phase::AUTH);
    decorator.wrap_async_with(proof, |proof, next, request| async move {
        check(proof, &*Settings::current()?, &request).await?;
        next.call(request).await
    })
}
