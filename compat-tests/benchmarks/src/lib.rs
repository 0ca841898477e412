//! Benchmarks; `cargo bench -p costrel-benchmarks --bench throughput`, `instructions`, `layers` or `load` runs one.

mod serve;
mod subjects;

pub use serve::serve;
pub use subjects::{SUBJECTS, Subject};
