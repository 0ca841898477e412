//! Hooks and error handlers that belong together: an app's, or a blueprint's.

use crate::callable::{Callable, IntoCallable};
use crate::error::Error;
use crate::error_handlers::{ErrorHandlers, ErrorKey};
use crate::response::Response;

/// What runs around the requests of an app or a blueprint.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    pub(crate) before_request: Vec<Callable<(), Option<Response>>>,
    pub(crate) after_request: Vec<Callable<Response, Response>>,
    pub(crate) teardown_request: Vec<Callable<Option<Error>, ()>>,
    pub(crate) error_handlers: ErrorHandlers,
}

impl Scope {
    pub(crate) fn before<M>(&mut self, f: impl IntoCallable<M, (), Option<Response>>) {
        self.before_request.push(f.into_callable());
    }

    pub(crate) fn after<M>(&mut self, f: impl IntoCallable<M, Response, Response>) {
        self.after_request.push(f.into_callable());
    }

    pub(crate) fn teardown<M>(&mut self, f: impl IntoCallable<M, Option<Error>, ()>) {
        self.teardown_request.push(f.into_callable());
    }

    /// Adds an error handler; gives the mistake if there can be no such error.
    #[track_caller]
    pub(crate) fn handle<M>(&mut self, key: ErrorKey, f: impl IntoCallable<M, Error, Response>) -> Option<Error> {
        match key.check() {
            Ok(()) => {
                self.error_handlers.add(key, f.into_callable());
                None
            }
            Err(fault) => Some(fault),
        }
    }

    /// Takes in what another scope has, as if it had been registered here.
    pub(crate) fn merge(&mut self, other: Self) {
        self.before_request.extend(other.before_request);
        self.after_request.extend(other.after_request);
        self.teardown_request.extend(other.teardown_request);
        self.error_handlers.merge(other.error_handlers);
    }
}
