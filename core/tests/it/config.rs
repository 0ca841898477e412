//! Tests of the module `config` through the public API.

mod settings;
