//! Tests of the module `websocket` through the public API.

mod compression;
mod conversations;
mod handshake;
mod origins;
mod session;
