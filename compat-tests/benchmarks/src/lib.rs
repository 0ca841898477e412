//! Benchmarks; `cargo bench -p costrel-benchmarks --bench compare`, `instructions`, `throughput`, `layers` or `load` runs
//! one.

mod serve;
mod subjects;

pub use serve::{free_address, serve};
pub use subjects::{SUBJECTS, Subject};
