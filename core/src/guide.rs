//! Guides for authors of apps.

#[doc = include_str!("../guide/app.md")]
pub mod app {}

#[doc = include_str!("../guide/serving.md")]
pub mod serving {}
