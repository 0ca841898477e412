//! The suite for stores over the stores in memory.

use std::sync::Arc;
use std::time::Duration;

use costrel_ext_kit::Clock;
use costrel_stores::suite::{Fixture, Troubled, Troubles};
use costrel_stores::{Blocking, Counters, Entries, FailAtOnce, Failover, MemoryCounters, MemoryEntries, store_suite};

fn counters<S: Counters>(store: impl Fn(MemoryCounters) -> S) -> Fixture<dyn Counters> {
    let clock = Clock::manual();
    let counters = || Arc::new(store(MemoryCounters::new().clock(clock.clone())));
    Fixture::<dyn Counters>::new(counters(), counters()).clock(clock.clone())
}

fn entries<S: Entries>(store: impl Fn(MemoryEntries) -> S) -> Fixture<dyn Entries> {
    let clock = Clock::manual();
    let entries = || Arc::new(store(MemoryEntries::new().clock(clock.clone())));
    Fixture::<dyn Entries>::new(entries(), entries()).clock(clock.clone())
}

/// A deadline after which a server that answers at once is not taken for one that does not, because it is asked first.
const DEADLINE: Duration = Duration::from_millis(20);

fn counters_in_trouble() -> Fixture<dyn Counters> {
    let (clock, troubles) = (Clock::manual(), Troubles::default());
    let memory = || MemoryCounters::new().clock(clock.clone());
    let server = || Troubled::new(memory(), &troubles);
    let store = || Arc::new(Failover::new(server(), memory()).clock(clock.clone()).deadline(DEADLINE));
    Fixture::<dyn Counters>::new(store(), store()).clock(clock.clone()).troubles(&troubles)
}

fn entries_in_trouble() -> Fixture<dyn Entries> {
    let (clock, troubles) = (Clock::manual(), Troubles::default());
    let memory = || MemoryEntries::new().clock(clock.clone());
    let server = || Troubled::new(memory(), &troubles);
    let store = || Arc::new(Failover::new(server(), memory()).clock(clock.clone()).deadline(DEADLINE));
    Fixture::<dyn Entries>::new(store(), store()).clock(clock.clone()).troubles(&troubles)
}

store_suite!(counters_in_memory, counters: counters(|store| store));
store_suite!(counters_that_block, counters: counters(Blocking::new));
store_suite!(counters_with_a_stand_in, counters: counters(|store| Failover::new(store, FailAtOnce)));
store_suite!(counters_of_a_stand_in, counters: counters(|store| Failover::new(FailAtOnce, store)));

store_suite!(counters_whose_server_has_trouble, counters: counters_in_trouble());

store_suite!(entries_in_memory, entries: entries(|store| store));
store_suite!(entries_that_block, entries: entries(Blocking::new));
store_suite!(entries_with_a_stand_in, entries: entries(|store| Failover::new(store, FailAtOnce)));
store_suite!(entries_of_a_stand_in, entries: entries(|store| Failover::new(FailAtOnce, store)));
store_suite!(entries_whose_server_has_trouble, entries: entries_in_trouble());
