//! The life of a conversation over a WebSocket: a request whose handler goes on after the handshake.

use std::sync::Arc;

use futures_util::FutureExt;
use parking_lot::Mutex;

use super::match_request::{MatchedRequest, Target};
use crate::context::{Application, Context, TeardownHold};
use crate::error::Error;
use crate::execution::{Callable, StepKind, catch_panic};
use crate::http_types::{Body, Peer, Response};
use crate::session::Saving;
use crate::websocket::{Connection, check_handshake};

impl Application {
    /// Handles a handshake: the response is the handler's refusal, or the 101 after which the conversation goes on as a
    /// task of its own.
    pub(super) async fn call_websocket(
        self,
        peer: Peer,
        mut request: http::Request<Body>,
        mut matched: MatchedRequest,
    ) -> Response {
        let config = self.handle().config();
        if let Err(refusal) = check_handshake(&request, peer.scheme, &config.websocket_origins) {
            // From here on an ordinary request, so that it has hooks, an error page and a line in the log.
            matched.target = Target::Refusal(refusal);
            let entered = self.enter_matched(peer, request, matched, None);
            return self.run_in_mode(entered).await;
        }
        let connection = Connection::new(&mut request, config.server.clone());
        let entered = self.enter_matched(peer, request, matched, Some(connection.socket()));
        let context = entered.context.clone();
        let handshake = HandshakeEnd::default();
        connection.socket().set_on_accept(handshake.when_accepted(&context));
        let life = self.run_in_mode(entered).boxed();
        let finish = async |response| handshake.finish(&context, response).await;
        let (response, conversation) = connection.shake_hands(life, finish, self.handle().run_state().stopping()).await;
        if let Some(conversation) = conversation {
            // Tracked, so that shutdown waits for the conversations that go on.
            let conversation = self.handle().run_state().teardowns().track_future(conversation);
            self.handle().bridge().spawn(Box::pin(conversation));
        }
        response
    }
}

/// The end of a handshake: what its response takes along.
#[derive(Clone, Default)]
struct HandshakeEnd {
    /// The functions of `after_this_request`, from the moment the handler accepts. Teardown waits for them.
    functions: Arc<Mutex<Option<(AfterFunctions, TeardownHold)>>>,
}

type AfterFunctions = Vec<Callable<Response, Response>>;

impl HandshakeEnd {
    /// Returns the function that must be called when the handler accepts.
    fn when_accepted(&self, context: &Context) -> impl FnOnce() + Send + use<> {
        let (functions, context) = (self.functions.clone(), context.clone());
        move || *functions.lock() = Some((context.close_handshake(), context.hold()))
    }

    /// Runs the functions of `after_this_request` on the response, and saves the session with it.
    ///
    /// # Errors
    /// If one of them fails; the error was logged.
    async fn finish(&self, context: &Context, response: Response) -> Result<Response, Error> {
        let taken = self.functions.lock().take();
        let Some((functions, _hold)) = taken else { return Ok(response) };
        let finished = context.run(catch_panic(finish(context, functions, response))).await;
        finished.inspect_err(|error| tracing::error!("Exception at the end of a handshake: {error:?}"))
    }
}

async fn finish(context: &Context, functions: AfterFunctions, mut response: Response) -> Result<Response, Error> {
    for f in functions {
        response = f.call_as(StepKind::AfterRequest, response).await?;
    }
    let (app, active) = (context.app(), context.request()?);
    match app.sessions().save(&active.session, app.config(), &mut response, Saving::Handshake)? {
        Some(saving) => saving.recorded_as(StepKind::SaveSession).await,
        None => Ok(response),
    }
}
