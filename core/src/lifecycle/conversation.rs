//! The life of a conversation over a WebSocket: a request whose handler goes on after the handshake.

use futures_util::FutureExt;

use super::match_request::{MatchedRequest, Target};
use crate::context::Application;
use crate::http_types::{Body, Peer, Response};
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
        let life = self.run_in_mode(entered).boxed();
        let (response, conversation) = connection.shake_hands(life, self.handle().run_state().stopping()).await;
        if let Some(conversation) = conversation {
            // Tracked, so that shutdown waits for the conversations that go on.
            let conversation = self.handle().run_state().teardowns().track_future(conversation);
            self.handle().bridge().spawn(Box::pin(conversation));
        }
        response
    }
}
