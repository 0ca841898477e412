//! The decorator `limit`: counts a request, or refuses it.

use std::panic::Location;
use std::sync::Arc;

use costrel::{Callable, Error, Instance, Phase, Request, Response, View, current_app};
use costrel_ext_kit::{Decorator, Entered};

use crate::exempt::{Note, Notes};
use crate::ledger::Ledger;
use crate::limit::Limit;
use crate::state::State;

/// A limit on a view, with its limiter and the line where it was made.
#[derive(Clone)]
pub(crate) struct Limiting {
    pub(crate) limiter: Instance,
    pub(crate) limit: Arc<Limit>,
    pub(crate) location: &'static Location<'static>,
}

pub(crate) fn limit(view: View, limiting: Limiting) -> View {
    let (limiter, is_entered) = (limiting.limiter, view.marker::<Entered>().is_some());
    let is_inside = Notes::of(limiter, view.marker()).any(|note| note == Note::Limited);
    let view = match limiting.limit.setup_error() {
        Some(error) => never(view, error.clone().with_location(error.location().unwrap_or(limiting.location))),
        None => Notes::add(limiter, Note::Limited, view),
    };
    let decorator = Decorator::new(view).named("limit").requires_of::<State>(limiter).phase(Phase::LIMIT);
    match (is_entered, is_inside) {
        (true, _) => decorator.wrap_async_with(limiting, enter),
        (false, true) => decorator.wrap_async_with(limiting, hand_inward),
        (false, false) => decorator.wrap_async_with(limiting, count),
    }
}

/// Returns the view with a set-up error, which it also gives when it is called, because a view that a view enters is not
/// registered.
fn never(view: View, error: Error) -> View {
    let refusal = error.clone();
    let never = Callable::new_async(move |_| std::future::ready(Err(refusal.clone())));
    view.with_setup_error(error).wrapped("limit", never)
}

/// The innermost limit of a view: counts a request against all limits of the view in one call, so that a request that one of
/// them refuses is charged to none.
async fn count(Limiting { limiter, limit, .. }: Limiting, next: View, request: Request) -> Result<Response, Error> {
    let state = current_app().extension_of::<State>(limiter)?;
    if !state.passes_by(&request).await? {
        let own = Ledger::of(limiter).take_waiting().into_iter().chain([limit]).collect();
        let due = state.view_limits(&request, own).await?;
        state.check(&request, due, None).await?;
    }
    next.call(request).await
}

/// A limit around others: hands itself to the innermost. A request that a decorator between them has answered is counted after
/// that.
async fn hand_inward(limiting: Limiting, next: View, request: Request) -> Result<Response, Error> {
    let (state, ledger) = (current_app().extension_of::<State>(limiting.limiter)?, Ledger::of(limiting.limiter));
    ledger.let_wait([limiting.limit]);
    let outcome = next.call(request.clone()).await;
    let left = ledger.take_waiting();
    if !left.is_empty() && !state.passes_by(&request).await? {
        state.check(&request, left, None).await?;
    }
    outcome
}

/// A limit that a view enters: counts by its line, and against no other limit.
async fn enter(limiting: Limiting, next: View, request: Request) -> Result<Response, Error> {
    let state = current_app().extension_of::<State>(limiting.limiter)?;
    if !state.passes_by(&request).await? {
        state.check(&request, vec![limiting.limit], Some(limiting.location.to_string())).await?;
    }
    next.call(request).await
}
