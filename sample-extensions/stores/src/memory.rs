//! Stores in the memory of one process.

mod counters; // counters: hits against limits
mod entries; // values, each for a time
mod table; // the windows of some keys
mod window; // what is counted for one key

pub use counters::MemoryCounters;
pub use entries::MemoryEntries;
