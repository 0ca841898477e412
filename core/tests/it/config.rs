//! The room `config`, seen from outside.

mod settings;
