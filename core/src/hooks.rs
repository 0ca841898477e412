//! The hooks and error handlers of an app or a blueprint.

mod error_handlers;
mod while_serving;

use std::fmt;
use std::sync::Arc;

use crate::error::Error;
use crate::execution::{Callable, IntoCallable};
use crate::http_types::{Request, Response};
use crate::routing::UrlValues;

pub(crate) use error_handlers::ErrorHandlers;
pub use error_handlers::{ErrorKey, Exception, HttpException, of_type};
pub use while_serving::Serving;
pub(crate) use while_serving::waits_twice;

/// The hooks and error handlers of an app or a blueprint.
#[derive(Clone, Default)]
pub(crate) struct HookSet {
    pub(crate) url_value_preprocessors: Vec<UrlValuePreprocessor>,
    pub(crate) url_defaults: Vec<UrlDefaults>,
    pub(crate) request: Hooks,
    pub(crate) websocket: Hooks,
    pub(crate) error_handlers: ErrorHandlers,
    #[cfg(feature = "templates")]
    pub(crate) context_processors: Vec<Callable<(), minijinja::Value>>,
    /// Functions that make a template's value when it is used, with the value's name.
    #[cfg(feature = "templates")]
    pub(crate) template_values: Vec<(String, Callable<(), minijinja::Value>)>,
}

/// The hooks that run around each request, or each conversation over a WebSocket.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) before: Vec<Callable<(), Option<Response>>>,
    pub(crate) after: Vec<Callable<Response, Response>>,
    pub(crate) teardown: Vec<Callable<Option<Error>, ()>>,
}

impl Hooks {
    pub(crate) fn before<M>(&mut self, f: impl IntoCallable<M, (), Option<Response>>) {
        self.before.push(f.into_callable());
    }

    pub(crate) fn after<M>(&mut self, f: impl IntoCallable<M, Response, Response>) {
        self.after.push(f.into_callable());
    }

    pub(crate) fn teardown<M>(&mut self, f: impl IntoCallable<M, Option<Error>, ()>) {
        self.teardown.push(f.into_callable());
    }

    fn merge(&mut self, other: Self) {
        self.before.extend(other.before);
        self.after.extend(other.after);
        self.teardown.extend(other.teardown);
    }
}

/// A function that sees each response as it leaves; it neither blocks nor waits.
pub(crate) type ResponseHook = Arc<dyn Fn(&Request, &mut Response) + Send + Sync>;

/// The functions of `before_serving`, `while_serving` and `after_serving`, as they were registered.
#[derive(Default)]
pub(crate) struct ServingHooks {
    pub(crate) before: Vec<Callable<(), ()>>,
    pub(crate) during: Vec<Callable<Serving, ()>>,
    pub(crate) after: Vec<Callable<(), ()>>,
}

/// A function that adds values to URLs.
pub(crate) type UrlDefaults = Arc<dyn Fn(&mut UrlValues) + Send + Sync>;

/// A function that takes some of a URL's values before the view sees them.
#[derive(Clone)]
pub(crate) struct UrlValuePreprocessor {
    /// The variables that the view does not get.
    pub(crate) takes: Vec<String>,
    pub(crate) f: Callable<UrlValues, ()>,
}

impl HookSet {
    pub(crate) fn preprocess<'n, M>(
        &mut self,
        takes: impl IntoIterator<Item = &'n str>,
        f: impl IntoCallable<M, UrlValues, ()>,
    ) {
        let takes = takes.into_iter().map(str::to_owned).collect();
        self.url_value_preprocessors.push(UrlValuePreprocessor { takes, f: f.into_callable() });
    }

    /// Adds an error handler, or returns a set-up error if no error can have this key.
    #[track_caller]
    pub(crate) fn handle<M>(&mut self, key: ErrorKey, f: impl IntoCallable<M, Error, Response>) -> Option<Error> {
        match key.check() {
            Ok(()) => {
                self.error_handlers.add(key, f.into_callable());
                None
            }
            Err(error) => Some(error),
        }
    }

    /// Adds the hooks and error handlers of another scope, as if they had been registered here.
    pub(crate) fn merge(&mut self, other: Self) {
        self.url_value_preprocessors.extend(other.url_value_preprocessors);
        self.url_defaults.extend(other.url_defaults);
        self.request.merge(other.request);
        self.websocket.merge(other.websocket);
        self.error_handlers.merge(other.error_handlers);
        #[cfg(feature = "templates")]
        self.context_processors.extend(other.context_processors);
        #[cfg(feature = "templates")]
        self.template_values.extend(other.template_values);
    }

    /// Whether the view does not get the variable `name`.
    pub(crate) fn takes(&self, name: &str) -> bool {
        self.url_value_preprocessors.iter().any(|preprocessor| preprocessor.takes.iter().any(|taken| taken == name))
    }
}

impl fmt::Debug for HookSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookSet").field("error_handlers", &self.error_handlers).finish_non_exhaustive()
    }
}

/// The hook sets that a request passes: the app's, then those of the blueprints, outermost first.
#[derive(Clone)]
pub(crate) struct HookChain {
    app: Arc<HookSet>,
    blueprints: Arc<[Arc<HookSet>]>,
}

impl HookChain {
    pub(crate) fn new(app: Arc<HookSet>, blueprints: Arc<[Arc<HookSet>]>) -> Self {
        Self { app, blueprints }
    }

    pub(crate) fn outermost_first(&self) -> impl DoubleEndedIterator<Item = &HookSet> {
        [&*self.app].into_iter().chain(self.blueprints.iter().map(|set| &**set))
    }

    pub(crate) fn error_handlers(&self) -> Vec<&ErrorHandlers> {
        self.outermost_first().rev().map(|set| &set.error_handlers).collect()
    }
}
