//! A guide for authors of apps.

#[doc = include_str!("../guide/app.md")]
pub mod app {}
