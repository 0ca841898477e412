//! The decorator `cross_origin`: adds the headers to what one view answers, and takes its preflights.

use std::sync::Arc;

use costrel::{Method, Phase, View};
use costrel_ext_kit::Decorator;

use crate::policy::Policy;
use crate::preflight;

/// Marks a response that has its headers, so that the app's own do not replace them.
#[derive(Clone)]
pub(crate) struct Evaluated;

/// The note on a view that answers OPTIONS itself, whatever the options of its blueprint say.
struct AnswersOptions;

pub(crate) fn cross_origin(view: View, policy: Arc<Policy>) -> View {
    let applied = Arc::clone(&policy);
    let automatic_options = policy.automatic_options && view.marker::<AnswersOptions>().is_none();
    let view = if automatic_options { view } else { view.marked(AnswersOptions) };
    let decorator =
        Decorator::new(view).named("cross_origin").phase(Phase::CORS).on_response(move |request, response| {
            // The view's own options count, and not those of its blueprint, which come after them.
            if response.extensions().get::<Evaluated>().is_none() {
                applied.apply(request, response);
                response.extensions_mut().insert(Evaluated);
            }
        });
    let decorator = if automatic_options { decorator.claims_options() } else { decorator };
    decorator.guard(move |request| {
        // Costrel's own answer comes from the view beneath. It has none for a rule that lists OPTIONS, nor beneath a layer.
        let may_answer = automatic_options && *request.method() == Method::OPTIONS;
        (may_answer && request.automatic_options().is_none()).then(|| preflight::own_answer(&policy, request))
    })
}
