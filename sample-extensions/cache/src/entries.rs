//! The responses that one app keeps, each until its timeout.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use costrel::{Body, Bytes, HeaderMap, HeaderName, Request, Response, StatusCode};
use costrel_ext_kit::Clock;
use parking_lot::Mutex;

use crate::cacheability::variant;
use crate::turns::{Turn, Turns};

/// The longest time for which requests run the view without taking turns, after a response that may not be kept.
const PASS_FOR: Duration = Duration::from_secs(1);

/// The responses that one cache keeps for one app.
pub(crate) struct Entries {
    kept: Mutex<HashMap<String, Entry>>,
    turns: Arc<Turns>,
    capacity: usize,
    clock: Clock,
}

struct Entry {
    /// `None` if the entry never expires.
    fresh_until: Option<Instant>,
    /// The time of its last use, because the entry that was not used for the longest time goes first.
    used: Instant,
    content: Content,
}

enum Content {
    Page(Arc<Kept>),
    /// The response may not be kept, so requests run the view without waiting: all, or those that say who they are.
    Pass {
        anonymous_too: bool,
    },
    /// The response varies by these headers: there is an entry for each of their values.
    Varies(Vec<HeaderName>),
}

/// A response to give to other requests.
pub(crate) struct Kept {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whether only requests that say nothing of who they are may get it.
    pub(crate) only_for_anonymous: bool,
}

/// A request for a page.
pub(crate) struct Wanted {
    pub(crate) request: Request,
    pub(crate) key: String,
    pub(crate) is_anonymous: bool,
}

/// The result of looking a page up.
pub(crate) enum Lookup {
    /// A kept response.
    Hit(Response),
    /// The response may not be kept, or not be given to this request: run the view.
    Pass,
    /// No entry: run the view and fill the entry in.
    Miss(Turn),
}

impl Entries {
    pub(crate) fn new(capacity: usize, clock: Clock) -> Self {
        let (kept, turns) = Default::default();
        Self { kept, turns, capacity: capacity.max(1), clock }
    }

    /// Looks a page up. If another request holds the turn to fill it in, waits for that request.
    pub(crate) async fn find(&self, wanted: &Wanted) -> Lookup {
        loop {
            let key = self.full_key(wanted);
            if let Some(found) = self.look_up(&key, wanted) {
                return found;
            }
            let turn = self.turns.take(&key).await;
            if let Some(found) = self.look_up(&key, wanted) {
                return found;
            }
            // Another request may have found out by which headers the page varies.
            if self.full_key(wanted) == key {
                return Lookup::Miss(turn);
            }
        }
    }

    /// The key of the entry for a request, with the values of the headers that the page varies by, if that is known.
    fn full_key(&self, wanted: &Wanted) -> String {
        let now = self.clock.now();
        match self.kept.lock().get(&wanted.key).filter(|entry| entry.is_fresh(now)) {
            Some(Entry { content: Content::Varies(names), .. }) => {
                wanted.request.aside(|request| variant(&wanted.key, names, request))
            }
            _ => wanted.key.clone(),
        }
    }

    fn look_up(&self, key: &str, wanted: &Wanted) -> Option<Lookup> {
        let now = self.clock.now();
        let mut entries = self.kept.lock();
        let entry = entries.get_mut(key).filter(|entry| entry.is_fresh(now))?;
        entry.used = now;
        match &entry.content {
            Content::Page(kept) if kept.only_for_anonymous && !wanted.is_anonymous => Some(Lookup::Pass),
            Content::Page(kept) => Some(Lookup::Hit(kept.response())),
            Content::Pass { anonymous_too } => (*anonymous_too || !wanted.is_anonymous).then_some(Lookup::Pass),
            Content::Varies(_) => None,
        }
    }

    /// Keeps a response for `timeout`, for requests that have the same values for the headers `names`.
    pub(crate) fn keep(&self, wanted: &Wanted, names: Vec<HeaderName>, kept: Kept, timeout: Duration) {
        let mut key = wanted.key.clone();
        if !names.is_empty() {
            key = wanted.request.aside(|request| variant(&wanted.key, &names, request));
            self.insert(wanted.key.clone(), Content::Varies(names), timeout);
        }
        self.insert(key, Content::Page(Arc::new(kept)), timeout);
    }

    /// Notes, for `timeout` or `PASS_FOR`, that the response may not be kept; for `wanted` alone if it says who it is and
    /// the response to other requests may be.
    pub(crate) fn pass(&self, wanted: &Wanted, anonymous_too: bool, timeout: Duration) {
        self.insert(self.full_key(wanted), Content::Pass { anonymous_too }, timeout.min(PASS_FOR));
    }

    fn insert(&self, key: String, content: Content, timeout: Duration) {
        let now = self.clock.now();
        let mut entries = self.kept.lock();
        if entries.len() >= self.capacity && !entries.contains_key(&key) {
            make_room(&mut entries, self.capacity, now);
        }
        entries.insert(key, Entry { fresh_until: now.checked_add(timeout), used: now, content });
    }
}

/// Removes the entries that have expired, and if they are too few, those that were not used for the longest time: a tenth, so
/// that this is rare.
fn make_room(entries: &mut HashMap<String, Entry>, capacity: usize, now: Instant) {
    entries.retain(|_, entry| entry.is_fresh(now));
    if entries.len() < capacity {
        return;
    }
    let mut due = entries.len() - capacity + capacity.div_ceil(10);
    let mut uses: Vec<_> = entries.values().map(|entry| entry.used).collect();
    let last = *uses.select_nth_unstable(due - 1).1;
    entries.retain(|_, entry| {
        let goes = due > 0 && entry.used <= last;
        due -= usize::from(goes);
        !goes
    });
}

impl Entry {
    fn is_fresh(&self, now: Instant) -> bool {
        self.fresh_until.is_none_or(|end| end > now)
    }
}

impl Kept {
    fn response(&self) -> Response {
        let mut response = Response::new(Body::from(self.body.clone()));
        *response.status_mut() = self.status;
        response.headers_mut().clone_from(&self.headers);
        response
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries").field("entries", &self.kept.lock().len()).finish_non_exhaustive()
    }
}
