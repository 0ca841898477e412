//! The suite over decorators that do nothing, in both authoring forms: what is right must pass.

use costrel::{View, current_app};
use costrel_compat::{Candidate, suite};
use costrel_ext_kit::Decorate;

fn passing_sync(view: View) -> View {
    view.wrapped_by(|view, request| current_app().ensure_sync(view)(request))
}

fn passing_async(view: View) -> View {
    view.wrapped_by_async(|next, request| async move { next.call(request).await })
}

fn undecorated(view: View) -> View {
    view
}

suite!(pass_through_sync, Candidate::new(passing_sync));
suite!(pass_through_async, Candidate::new(passing_async));
suite!(no_decorator, Candidate::new(undecorated));
