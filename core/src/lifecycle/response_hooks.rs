//! The functions that see a response as it leaves the app.

use std::panic::{self, AssertUnwindSafe};

use super::dispatch::EnteredRequest;
use super::match_request::Target;
use crate::error::Error;
use crate::hooks::ResponseHook;
use crate::http_types::Response;
use crate::websocket::refusal;

impl EnteredRequest {
    /// The functions that see the response as it leaves: those of the view's decorators, the innermost first, then the app's.
    fn response_hooks(&self) -> impl Iterator<Item = &ResponseHook> {
        let endpoint = match &self.target {
            Target::View(endpoint) => Some(endpoint),
            _ => self.on_path.as_ref(),
        };
        let of_view = endpoint.into_iter().flat_map(|endpoint| endpoint.view.response_hooks());
        of_view.chain(self.context.app().parts().on_response.iter().rev())
    }

    pub(super) fn has_response_hooks(&self) -> bool {
        self.response_hooks().next().is_some()
    }

    /// Calls the functions that see the response as it leaves. The response to a handshake that was accepted has left.
    pub(super) fn call_response_hooks(&self, response: &mut Response) {
        if let Some(websocket) = &self.active.websocket {
            if websocket.is_accepted() {
                return;
            }
            *response = refusal(std::mem::take(response));
        }
        for hook in self.response_hooks() {
            let called = panic::catch_unwind(AssertUnwindSafe(|| hook(&self.active.request, response)));
            if let Err(payload) = called {
                let (error, description) = (Error::from_caught(payload), self.active.describe());
                tracing::error!("Exception in on_response on {description}: {error:?}");
            }
        }
    }
}
