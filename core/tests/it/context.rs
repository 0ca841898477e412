//! The room `context`, seen from outside.

mod globals;
mod signals;
