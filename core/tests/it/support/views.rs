//! Apps of one view, and decorators that only pass on.

use costrel::{App, Callable, Request, View, current_app};

/// An app whose only view is `view`, with this many workers.
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
