//! Tests of the module `session` through the public API.

mod late_changes;
mod sessions;
mod when_looked_at;
