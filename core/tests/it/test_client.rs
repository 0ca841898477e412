//! The room `test_client`, seen from outside.

mod client;
