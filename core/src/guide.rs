//! Guides for authors of apps.

// The page is always there; its blocks are tried where the features are on that they use.
#[cfg(any(not(doctest), all(feature = "cli", feature = "files", feature = "multipart", feature = "templates")))]
#[doc = include_str!("../guide/app.md")]
pub mod app {}

#[doc = include_str!("../guide/serving.md")]
pub mod serving {}
