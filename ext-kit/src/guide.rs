//! Guides for authors of extensions.

#[doc = include_str!("../guide/port.md")]
pub mod port {}

#[doc = include_str!("../guide/write.md")]
pub mod write {}
