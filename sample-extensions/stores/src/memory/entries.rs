//! The values of one process.

use std::fmt;
use std::time::{Duration, Instant};

use costrel::Bytes;
use costrel_ext_kit::Clock;
use quick_cache::sync::{Cache, DefaultLifecycle, EntryAction, EntryResult};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use crate::entries::Entries;
use crate::outcome::Outcome;

/// The number of parts of the store, each with a lock and its share of the bytes: a value larger than that is not kept.
const PARTS: usize = 8;

/// The memory that an entry takes beside its key and its value, about.
const OVERHEAD: u64 = 128;

/// Values in the memory of this process, up to a number of bytes. When there are more, those that are used least go.
pub struct MemoryEntries {
    kept: Cache<String, Entry, Weight>,
    clock: Clock,
}

#[derive(Clone)]
struct Entry {
    value: Bytes,
    /// `None` if the entry never expires.
    expires: Option<Instant>,
}

#[derive(Clone)]
struct Weight;

impl MemoryEntries {
    /// A store with room for 64 MiB, on the system's clock.
    pub fn new() -> Self {
        Self::with(64 << 20, Clock::system())
    }

    /// Sets the most bytes that keys and values may take. Default: 64 MiB. A value of more than an eighth of that is not
    /// kept. What was kept before is forgotten.
    #[must_use]
    pub fn max_bytes(self, bytes: u64) -> Self {
        Self::with(bytes, self.clock)
    }

    /// Sets another clock, for tests.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    fn with(bytes: u64, clock: Clock) -> Self {
        let items = usize::try_from(bytes / 1024).unwrap_or(usize::MAX).clamp(16, 1 << 16);
        let mut options = OptionsBuilder::new();
        options.shards(PARTS).weight_capacity(bytes).estimated_items_capacity(items);
        let kept = match options.build() {
            Ok(options) => {
                Cache::with_options(options, Weight, DefaultHashBuilder::default(), DefaultLifecycle::default())
            }
            Err(_) => Cache::with_weighter(items, bytes, Weight),
        };
        Self { kept, clock }
    }

    fn entry(&self, value: Bytes, timeout: Option<Duration>) -> Entry {
        Entry { value, expires: timeout.and_then(|timeout| self.clock.now().checked_add(timeout)) }
    }

    fn get_now(&self, key: &str) -> Option<Bytes> {
        let entry = self.kept.get(key)?;
        if entry.is_fresh(self.clock.now()) {
            return Some(entry.value);
        }
        self.kept.remove_if(key, |entry| !entry.is_fresh(self.clock.now()));
        None
    }

    fn add_now(&self, key: &str, entry: Entry) -> bool {
        let now = self.clock.now();
        let mut entry = Some(entry);
        let found = self.kept.entry(key, None, |_, known: &mut Entry| {
            let takes = !known.is_fresh(now);
            if let Some(entry) = entry.take_if(|_| takes) {
                *known = entry;
            }
            EntryAction::Retain(takes)
        });
        match found {
            EntryResult::Retained(takes) => takes,
            EntryResult::Vacant(place) | EntryResult::Replaced(place, _) => {
                entry.is_some_and(|entry| place.insert(entry).is_ok())
            }
            EntryResult::Removed(..) | EntryResult::Timeout => false,
        }
    }

    fn set_if_now(&self, key: &str, old: &[u8], entry: Entry) -> bool {
        let (now, mut entry) = (self.clock.now(), Some(entry));
        let found = self.kept.entry(key, None, |_, known: &mut Entry| {
            let is_known = known.is_fresh(now) && known.value == old;
            if let Some(entry) = entry.take_if(|_| is_known) {
                *known = entry;
            }
            EntryAction::Retain(is_known)
        });
        matches!(found, EntryResult::Retained(true))
    }

    fn delete_now(&self, key: &str, is_wanted: impl FnOnce(&Entry) -> bool) -> bool {
        let now = self.clock.now();
        let (mut was_wanted, mut was_fresh) = (false, false);
        self.kept.remove_if(key, |entry| {
            was_fresh = entry.is_fresh(now);
            was_wanted = is_wanted(entry);
            was_wanted || !was_fresh
        });
        was_fresh && was_wanted
    }
}

impl Entry {
    fn is_fresh(&self, now: Instant) -> bool {
        self.expires.is_none_or(|expires| expires > now)
    }
}

impl Weighter<String, Entry> for Weight {
    fn weight(&self, key: &String, entry: &Entry) -> u64 {
        (key.len() + entry.value.len()) as u64 + OVERHEAD
    }
}

impl Entries for MemoryEntries {
    fn always_answers(&self) -> bool {
        true
    }

    fn get<'a>(&'a self, key: &'a str) -> Outcome<'a, Option<Bytes>> {
        Outcome::ready(Ok(self.get_now(key)))
    }

    fn set<'a>(&'a self, key: &'a str, value: Bytes, timeout: Option<Duration>) -> Outcome<'a, ()> {
        self.kept.insert(key.to_owned(), self.entry(value, timeout));
        Outcome::ready(Ok(()))
    }

    fn add<'a>(&'a self, key: &'a str, value: Bytes, timeout: Option<Duration>) -> Outcome<'a, bool> {
        Outcome::ready(Ok(self.add_now(key, self.entry(value, timeout))))
    }

    fn set_if<'a>(&'a self, key: &'a str, old: &'a [u8], value: Bytes, timeout: Option<Duration>) -> Outcome<'a, bool> {
        Outcome::ready(Ok(self.set_if_now(key, old, self.entry(value, timeout))))
    }

    fn delete<'a>(&'a self, key: &'a str) -> Outcome<'a, bool> {
        Outcome::ready(Ok(self.delete_now(key, |_| true)))
    }

    fn delete_if<'a>(&'a self, key: &'a str, value: &'a [u8]) -> Outcome<'a, bool> {
        Outcome::ready(Ok(self.delete_now(key, |entry| entry.value == value)))
    }

    fn delete_many<'a>(&'a self, keys: &'a [&'a str]) -> Outcome<'a, u64> {
        let deleted = keys.iter().filter(|key| self.delete_now(key, |_| true)).count();
        Outcome::ready(Ok(deleted as u64))
    }

    fn clear<'a>(&'a self, prefix: &'a str) -> Outcome<'a, ()> {
        self.kept.retain(|key, _| !key.starts_with(prefix));
        Outcome::ready(Ok(()))
    }
}

impl Default for MemoryEntries {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryEntries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryEntries").field("entries", &self.kept.len()).finish_non_exhaustive()
    }
}
