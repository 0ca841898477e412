//! The room `view`, seen from outside.

mod class_views;
