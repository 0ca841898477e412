//! The room `session`, seen from outside.

mod sessions;
