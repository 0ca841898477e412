//! Functions of either colour that templates call.

use std::cell::RefCell;

use minijinja::value::{FunctionArgs, Rest, ValueOrKwargs, from_args};
use minijinja::{ErrorKind, Value};

use crate::error::Error;
use crate::execution::{self, Callable};

thread_local! {
    /// Why the rendering on this thread has ended before the template's end.
    static INTERRUPTION: RefCell<Option<Interruption>> = const { RefCell::new(None) };
}

/// The reason for which a rendering ends from inside.
enum Interruption {
    /// The template calls code that may block or wait, which must not be done on the event loop.
    NeedsWorker,
    /// A function failed.
    Failed(Error),
}

/// Renders a template, and begins again on a worker if it calls what the event loop must not wait for.
pub(super) async fn rendered(
    render: impl Fn() -> Result<String, Error> + Clone + Send + 'static,
) -> Result<String, Error> {
    match attempt(&render) {
        Err(Interruption::NeedsWorker) => {
            let again = execution::run_sync(move || attempt(&render)).await?;
            again.map_err(|interruption| match interruption {
                Interruption::Failed(error) => error,
                Interruption::NeedsWorker => Error::cancelled(),
            })
        }
        Err(Interruption::Failed(error)) => Err(error),
        Ok(rendered) => Ok(rendered),
    }
}

fn attempt(render: impl Fn() -> Result<String, Error>) -> Result<String, Interruption> {
    let rendered = render();
    // Taken in any case, so that nothing is left for the next rendering on this thread.
    let interruption = INTERRUPTION.take();
    rendered.map_err(|error| interruption.unwrap_or(Interruption::Failed(error)))
}

/// Returns the function that a template calls, for a function of the app.
pub(crate) fn callable_in_templates<A>(
    f: Callable<A, Value>,
) -> impl Fn(Rest<ValueOrKwargs>) -> Result<Value, minijinja::Error> + Send + Sync + 'static
where
    A: for<'a> FunctionArgs<'a, Output = A> + Send + 'static,
{
    move |given| {
        let given = given.into_values();
        let arguments = from_args::<A>(&given)?;
        waited_for(|| f.call_sync(arguments))
    }
}

/// Runs `work`, which may block, if this thread may; if not, the rendering begins again on a worker.
pub(super) fn waited_for<R>(work: impl FnOnce() -> Result<R, Error>) -> Result<R, minijinja::Error> {
    let outcome =
        if execution::on_worker() { work().map_err(Interruption::Failed) } else { Err(Interruption::NeedsWorker) };
    outcome.map_err(interrupt)
}

/// Ends the rendering with this error, which the page then has, its status included.
pub(super) fn failed(error: Error) -> minijinja::Error {
    interrupt(Interruption::Failed(error))
}

fn interrupt(interruption: Interruption) -> minijinja::Error {
    let message = match &interruption {
        Interruption::NeedsWorker => "rendering goes on on a worker".to_owned(),
        Interruption::Failed(error) => error.message().to_owned(),
    };
    INTERRUPTION.replace(Some(interruption));
    minijinja::Error::new(ErrorKind::InvalidOperation, message)
}
