//! Tests of the module `routing` through the public API.

mod domains;
mod matching;
mod urls;
mod without_views;
