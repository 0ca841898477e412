//! Tests of the module `session` through the public API.

mod late_changes;
mod sessions;
