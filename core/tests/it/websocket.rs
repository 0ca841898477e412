//! Tests of the module `websocket` through the public API.

mod conversations;
