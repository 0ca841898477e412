//! Tests of the values in memory that go beyond the suite.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use costrel::Bytes;
use costrel_stores::{Entries, MemoryEntries};

#[test]
fn the_store_stays_within_its_bytes() {
    let store = MemoryEntries::new().max_bytes(1 << 20);
    for n in 0..1_000 {
        store.set(&n.to_string(), Bytes::from(vec![0; 10_000]), None).wait().unwrap();
    }
    let is_kept = |n: &u32| store.get(&n.to_string()).wait().unwrap().is_some();
    let kept = (0..1_000).filter(is_kept).count();
    assert!((50..=104).contains(&kept), "{kept}");
}
