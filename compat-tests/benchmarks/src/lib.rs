//! Benchmarks; `cargo bench -p costrel-benchmarks --bench throughput`, `layers` or `load` runs one.
