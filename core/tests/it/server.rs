//! Tests of the module `server` through the public API.

mod conformance;
mod conformance_requests;
mod http2;
mod http2_frames;
mod http2_rule_breakers;
mod http2_rules;
mod leaving;
mod limits;
mod log_lines;
mod malformed;
mod malformed_bytes;
mod refused_uploads;
mod serving;
#[cfg(feature = "tls")]
mod tls;
