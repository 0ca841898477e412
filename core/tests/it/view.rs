//! Tests of the module `view` through the public API.

mod class_views;
mod markers;
