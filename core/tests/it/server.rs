//! The room `server`, seen from outside.

mod limits;
mod malformed;
mod malformed_bytes;
mod serving;
#[cfg(feature = "tls")]
mod tls;
