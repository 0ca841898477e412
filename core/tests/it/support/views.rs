//! Apps with one view, and decorators that only call their view.

use costrel::{App, Callable, Request, View, current_app};

/// Builds an app with the given number of workers, whose only view is `view`.
pub(crate) fn app_of(workers: usize, view: View) -> App {
    let mut app = App::new("test");
    app.config.workers = workers;
    app.rule("/").endpoint("view").view(view);
    app
}

pub(crate) fn wrapped_sync(view: View) -> View {
    let inner = view.clone();
    view.wrapped("sync", Callable::new_sync(move |request: Request| current_app().ensure_sync(&inner)(request)))
}

pub(crate) fn wrapped_async(view: View) -> View {
    let inner = view.clone();
    view.wrapped("async", Callable::new_async(move |request: Request| inner.call(request)))
}
