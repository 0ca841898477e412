//! The room `app`, seen from outside.

mod blueprints;
mod set_up_errors;
