//! Tests of the module `server` through the public API.

mod http2;
mod http2_frames;
mod limits;
mod malformed;
mod malformed_bytes;
mod serving;
#[cfg(feature = "tls")]
mod tls;
