//! The answer to OPTIONS in the place of the view's.

use std::collections::BTreeSet;

use costrel::http::header::ALLOW;
use costrel::{HeaderValue, IntoResponse, Request, Response, current_app};

use crate::policy::Policy;

/// Returns Costrel's own answer; where it has none, an empty one with the methods that the address takes in `Allow`.
pub(crate) fn answer(policy: &Policy, request: &Request) -> Response {
    request.automatic_options().unwrap_or_else(|| own_answer(policy, request))
}

pub(crate) fn own_answer(policy: &Policy, request: &Request) -> Response {
    let mut response = "".into_response().unwrap_or_default();
    // The names of methods are tokens, so they can stand in a header.
    if let Ok(allow) = HeaderValue::try_from(methods(policy, request).join(", ")) {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}

/// The methods of the rules that share a path with the endpoint's. A fallback and the service beneath a layer have no rule, so
/// there they are those that the policy allows.
fn methods(policy: &Policy, request: &Request) -> Vec<String> {
    let app = current_app();
    let of_endpoint = app.rules().iter().filter(|rule| Some(rule.endpoint.as_str()) == request.endpoint());
    let paths: BTreeSet<_> = of_endpoint.map(|rule| rule.rule.as_str()).collect();
    let of_paths = app.rules().iter().filter(|rule| paths.contains(rule.rule.as_str()) && !rule.is_websocket);
    let methods: BTreeSet<_> = if paths.is_empty() {
        policy.methods.iter().cloned().chain(["OPTIONS".to_owned()]).collect()
    } else {
        of_paths.flat_map(|rule| &rule.methods).cloned().collect()
    };
    methods.into_iter().collect()
}
