//! The answer to OPTIONS in the place of the view's.

use std::collections::BTreeSet;

use costrel::http::header::ALLOW;
use costrel::{HeaderValue, IntoResponse, Request, Response, current_app};

use crate::policy::Policy;

/// Returns an empty answer with the methods that the address takes in `Allow`.
pub(crate) fn answer(policy: &Policy, request: &Request) -> Response {
    request.automatic_options().unwrap_or_else(|| {
        let mut response = "".into_response().unwrap_or_default();
        // The names of methods are tokens, so they can stand in a header.
        if let Ok(allow) = HeaderValue::try_from(methods(policy, request).join(", ")) {
            response.headers_mut().insert(ALLOW, allow);
        }
        response
    })
}

/// The methods of the rules that share the path. A fallback and the service beneath a layer have no rule, so there they are
/// those that the policy allows.
fn methods(policy: &Policy, request: &Request) -> Vec<String> {
    let app = current_app();
    let own = app.rules().iter().find(|rule| Some(rule.endpoint.as_str()) == request.endpoint());
    let of_path = |own| app.rules().iter().filter(move |rule| rule.rule == own && !rule.is_websocket);
    let methods: BTreeSet<_> = match own {
        Some(own) => of_path(own.rule.as_str()).flat_map(|rule| &rule.methods).cloned().collect(),
        None => policy.methods.iter().cloned().chain(["OPTIONS".to_owned()]).collect(),
    };
    methods.into_iter().collect()
}
