//! The room `websocket`, seen from outside.

mod conversations;
