//! Tests of the module `session` through the public API.

mod sessions;
