//! Benchmarks; `cargo bench -p costrel-benchmarks --bench compare`, `instructions`, `throughput`, `layers` or `load` runs
//! one.

mod serve;
mod subjects;

pub use serve::serve;
pub use subjects::{SUBJECTS, Subject};
