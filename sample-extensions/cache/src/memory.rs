//! The entries in the memory of this process, each until its timeout.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use costrel::{Body, Bytes, HeaderMap, Response, StatusCode};
use costrel_ext_kit::Clock;
use parking_lot::Mutex;

use crate::cacheability::Varies;

/// A bounded map of entries.
pub(crate) struct Memory {
    kept: Mutex<HashMap<String, Entry>>,
    capacity: usize,
    clock: Clock,
}

struct Entry {
    /// `None` if the entry never expires.
    fresh_until: Option<Instant>,
    /// The end of the time for which the entry is given while another request fills it in.
    kept_until: Option<Instant>,
    /// The time of its last use, because the entry that was not used for the longest time goes first.
    used: Instant,
    content: Content,
}

/// The content of an entry.
#[derive(Clone)]
pub(crate) enum Content {
    Page(Arc<Kept>),
    /// A value as JSON.
    Value(Bytes),
    #[cfg(feature = "templates")]
    Fragment(Arc<Fragment>),
    /// The page varies: there is an entry for each of its copies.
    Varies(Arc<Varies>),
    /// The page may not be kept, so requests run the view without waiting: all, or those that say who they are.
    Pass {
        anonymous_too: bool,
    },
}

/// A response to give to other requests.
pub(crate) struct Kept {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whether only requests that say nothing of who they are may get it.
    pub(crate) only_for_anonymous: bool,
}

/// A part of a template.
#[cfg(feature = "templates")]
pub(crate) struct Fragment {
    pub(crate) safe_html: String,
    /// The scheme of the requests that it is for; `None` if it is for those of any.
    pub(crate) scheme: Option<String>,
}

/// The times that an entry lasts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lifetime {
    /// The time for which it is fresh; zero if it never expires.
    pub(crate) timeout: Duration,
    /// The time after that for which it is given while another request fills it in.
    pub(crate) stale_for: Duration,
}

/// An entry that was found.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) content: Content,
    pub(crate) is_stale: bool,
}

impl Lifetime {
    /// The lifetime of an entry that is fresh until it ends, after `time`; `None` if it never ends.
    pub(crate) fn lasting(time: Option<Duration>) -> Self {
        Self { timeout: time.unwrap_or_default(), stale_for: Duration::ZERO }
    }

    /// The time after which the entry ends, fresh or stale; `None` if it never ends.
    pub(crate) fn in_all(self) -> Option<Duration> {
        self.timeout.checked_add(self.stale_for).filter(|_| !self.timeout.is_zero())
    }
}

impl Content {
    /// Returns what is to take the place of `old`, and the time for which, if this is the same note: on the headers by which a page
    /// varies, or on the version of a function's values. It lasts as long as an entry that begins now with `lifetime`, at least.
    pub(crate) fn renewed(&self, old: &Self, lifetime: Lifetime) -> Option<(Self, Lifetime)> {
        match (self, old) {
            (Self::Varies(known), Self::Varies(old)) if known.token == old.token => {
                let lasts = old.lasts.zip(lifetime.in_all()).map(|(old, new)| old.max(new));
                Some((Self::Varies(Arc::new(Varies { lasts, ..(**old).clone() })), Lifetime::lasting(lasts)))
            }
            (Self::Value(known), Self::Value(old)) if known == old => {
                Some((self.clone(), Lifetime::lasting(lifetime.in_all())))
            }
            _ => None,
        }
    }
}

impl Memory {
    pub(crate) fn new(capacity: usize, clock: Clock) -> Self {
        Self { kept: Mutex::default(), capacity: capacity.max(1), clock }
    }

    pub(crate) fn get(&self, key: &str) -> Option<Found> {
        let now = self.clock.now();
        let mut entries = self.kept.lock();
        let entry = entries.get_mut(key).filter(|entry| is_before(now, entry.kept_until))?;
        entry.used = now;
        Some(Found { content: entry.content.clone(), is_stale: !is_before(now, entry.fresh_until) })
    }

    pub(crate) fn set(&self, key: String, content: Content, lifetime: Lifetime) {
        let now = self.clock.now();
        self.insert(&mut self.kept.lock(), key, content, lifetime, now);
    }

    /// Sets an entry unless it is there. Returns whether it was not.
    pub(crate) fn add(&self, key: String, content: Content, lifetime: Lifetime) -> bool {
        let now = self.clock.now();
        let mut entries = self.kept.lock();
        let is_new = !entries.get(&key).is_some_and(|entry| is_before(now, entry.fresh_until));
        if is_new {
            self.insert(&mut entries, key, content, lifetime, now);
        }
        is_new
    }

    /// Gives a note its time anew, if it is there and still the same.
    pub(crate) fn renew(&self, key: &str, known: &Content, lifetime: Lifetime) {
        let now = self.clock.now();
        let mut entries = self.kept.lock();
        let old = entries.get(key).filter(|entry| is_before(now, entry.kept_until));
        if let Some((content, lifetime)) = old.and_then(|old| known.renewed(&old.content, lifetime)) {
            self.insert(&mut entries, key.to_owned(), content, lifetime, now);
        }
    }

    /// Removes an entry. Returns whether it was there.
    pub(crate) fn delete(&self, key: &str) -> bool {
        let now = self.clock.now();
        self.kept.lock().remove(key).is_some_and(|entry| is_before(now, entry.kept_until))
    }

    /// Removes the entries whose keys begin with `prefix`. Returns their number.
    pub(crate) fn clear(&self, prefix: &str) -> usize {
        let mut entries = self.kept.lock();
        let before = entries.len();
        entries.retain(|key, _| !key.starts_with(prefix));
        before - entries.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.kept.lock().len()
    }

    fn insert(
        &self,
        entries: &mut HashMap<String, Entry>,
        key: String,
        content: Content,
        lifetime: Lifetime,
        now: Instant,
    ) {
        if entries.len() >= self.capacity && !entries.contains_key(&key) {
            make_room(entries, self.capacity, now);
        }
        let Lifetime { timeout, stale_for } = lifetime;
        let fresh_until = if timeout.is_zero() { None } else { now.checked_add(timeout) };
        let kept_until = fresh_until.and_then(|end| end.checked_add(stale_for));
        entries.insert(key, Entry { fresh_until, kept_until, used: now, content });
    }
}

/// Removes the entries that have expired, and if they are too few, those that were not used for the longest time: a tenth, so
/// that this is rare. Those that never expire go last.
fn make_room(entries: &mut HashMap<String, Entry>, capacity: usize, now: Instant) {
    entries.retain(|_, entry| is_before(now, entry.kept_until));
    if entries.len() < capacity {
        return;
    }
    let rank = |entry: &Entry| (entry.kept_until.is_none(), entry.used);
    let mut due = entries.len() - capacity + capacity.div_ceil(10);
    let mut ranks: Vec<_> = entries.values().map(rank).collect();
    let last = *ranks.select_nth_unstable(due - 1).1;
    entries.retain(|_, entry| {
        let goes = due > 0 && rank(entry) <= last;
        due -= usize::from(goes);
        !goes
    });
}

fn is_before(now: Instant, end: Option<Instant>) -> bool {
    end.is_none_or(|end| end > now)
}

impl Kept {
    /// Returns a copy for one request.
    pub(crate) fn response(&self) -> Response {
        let mut response = Response::new(Body::from(self.body.clone()));
        *response.status_mut() = self.status;
        response.headers_mut().clone_from(&self.headers);
        response
    }
}
