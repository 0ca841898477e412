//! The watch over what code looks at in a request.

use super::looks::Looks;
use super::request::Request;

/// A watch over a request: it collects what code looks at, from [`Request::watch`] until [`end`](Self::end).
///
/// A watch inside of another tells the outer one too, also when it is dropped.
///
/// ```
/// use costrel::{App, request};
///
/// let mut app = App::new("docs");
/// app.route("/", || {
///     let watch = request().watch();
///     request().cookie("theme");
///     format!("{:?}", watch.end().headers())
/// });
/// assert_eq!(app.test_client().get("/").wait()?.text(), "[\"cookie\"]");
/// # Ok::<(), costrel::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a watch that is dropped at once sees nothing"]
pub struct Watch {
    request: Request,
    before: Looks,
}

impl Watch {
    /// Ends the watch, and returns what code has looked at since it began.
    pub fn end(self) -> Looks {
        self.request.looked().since(&self.before)
    }

    /// Ends the watch as if code had looked at nothing since it began: for an extension whose own looks do not change
    /// the response, such as the key of a limit.
    pub fn forget(self) {
        self.request.looked().forget();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.request.looked().end(std::mem::take(&mut self.before));
    }
}

impl Request {
    /// Begins to watch what code looks at in the request, for an extension that must know whom a response is for.
    pub fn watch(&self) -> Watch {
        Watch { request: self.clone(), before: self.looked().begin() }
    }

    /// Calls `look` with the request, and counts nothing that it looks at: for an extension whose own looks do not change
    /// the response.
    pub fn aside<'r, R>(&'r self, look: impl FnOnce(&'r Self) -> R) -> R {
        let watch = self.watch();
        let found = look(self);
        watch.forget();
        found
    }
}
