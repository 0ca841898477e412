//! Tests of the module `test_client` through the public API.

mod client;
