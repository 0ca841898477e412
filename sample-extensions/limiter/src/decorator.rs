//! The decorator `limit`: counts a request, or refuses it.

use std::panic::Location;
use std::sync::Arc;

use costrel::{Error, Instance, Phase, Request, Response, View, abort, current_app};
use costrel_ext_kit::{Decorator, Entered};

use crate::check::Asked;
use crate::exempt::Notes;
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
    let is_inside = Notes::is_limited(limiter, view.marker());
    let view = match limiting.limit.setup_error() {
        Some(error) => {
            view.with_setup_error(error.clone().with_location(error.location().unwrap_or(limiting.location)))
        }
        None => Notes::add(limiter, None, view),
    };
    let decorator = Decorator::new(view).named("limit").requires_of::<State>(limiter).phase(Phase::LIMIT);
    match (is_entered, is_inside) {
        (true, _) => decorator.wrap_async_with(limiting, enter),
        (false, true) => decorator.wrap_async_with(limiting, hand_inward),
        (false, false) => decorator.wrap_async_with(limiting, count),
    }
}

/// The innermost limit of a view: counts a request against all limits of the view in one call, so that a request that one of
/// them refuses is charged to none.
async fn count(limiting: Limiting, next: View, request: Request) -> Result<Response, Error> {
    let state = current_app().extension_of::<State>(limiting.limiter)?;
    let ledger = state.ledger().with([limiting.limit]);
    state.count(&request, &ledger, Asked::View).await?.map_or(Ok(()), abort)?;
    next.call(request).await
}

/// A limit around others: hands itself to the innermost. A request that a decorator between them has answered is counted after
/// that.
async fn hand_inward(limiting: Limiting, next: View, request: Request) -> Result<Response, Error> {
    let state = current_app().extension_of::<State>(limiting.limiter)?;
    let ledger = state.ledger().with([limiting.limit]);
    let outcome = next.call(request.clone()).await;
    state.count(&request, &ledger, Asked::Waiting).await?.map_or(outcome, abort)
}

/// A limit that a view enters: counts by its line, and against no other limit.
async fn enter(limiting: Limiting, next: View, request: Request) -> Result<Response, Error> {
    let state = current_app().extension_of::<State>(limiting.limiter)?;
    let ledger = state.ledger().with([limiting.limit]);
    state.count(&request, &ledger, Asked::Entered(limiting.location)).await?.map_or(Ok(()), abort)?;
    next.call(request).await
}
