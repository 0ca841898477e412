//! Tests of the module `websocket` through the public API.

mod compression;
mod conversations;
mod endings;
mod handshake;
mod origins;
mod session;
