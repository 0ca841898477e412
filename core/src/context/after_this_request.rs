//! The functions that a view registers to run on the response of its request.

use parking_lot::Mutex;

use crate::error::{Error, ErrorKind};
use crate::execution::Callable;
use crate::http_types::Response;

/// The functions of `after_this_request`, until the head of the response leaves.
#[derive(Default)]
pub(super) struct AfterThisRequest {
    functions: Mutex<Functions>,
}

#[derive(Default)]
struct Functions {
    waiting: Vec<Callable<Response, Response>>,
    registered: usize,
    closed: bool,
}

impl AfterThisRequest {
    /// Adds a function.
    ///
    /// # Errors
    /// If the functions have run already.
    pub(super) fn add(&self, f: Callable<Response, Response>) -> Result<(), Error> {
        let mut functions = self.functions.lock();
        if functions.closed {
            return Err(Error::new(
                ErrorKind::Other,
                "`after_this_request` was called after the head of the response has left, so its function would never \
                 run: call it in the view or a hook, before the response is returned; in a WebSocket, before it is accepted.",
            ));
        }
        functions.registered += 1;
        functions.waiting.push(f);
        Ok(())
    }

    /// The number of functions that were added so far.
    pub(super) fn count(&self) -> usize {
        self.functions.lock().registered
    }

    /// Takes the functions; if there are none and this is the `last` time, no more can be added.
    pub(super) fn take(&self, last: bool) -> Vec<Callable<Response, Response>> {
        let mut functions = self.functions.lock();
        functions.closed = last && functions.waiting.is_empty();
        std::mem::take(&mut functions.waiting)
    }

    /// Lets no more functions be added.
    pub(super) fn close(&self) {
        self.functions.lock().closed = true;
    }

    /// Lets functions be added again.
    pub(super) fn reopen(&self) {
        self.functions.lock().closed = false;
    }
}
