//! The responses that one app keeps, each until its timeout.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use costrel::{Body, Bytes, HeaderMap, Response, StatusCode};
use costrel_ext_kit::Clock;
use quick_cache::sync::{Cache, PlaceholderGuard};
use quick_cache::{DefaultHashBuilder, UnitWeighter};

/// The longest time for which requests run the view without taking turns, after a response that may not be kept.
const PASS_FOR: Duration = Duration::from_secs(1);

/// The responses that one app keeps.
pub(crate) struct Entries {
    entries: Cache<String, Arc<Entry>, UnitWeighter, DefaultHashBuilder, Lifecycle>,
    clock: Clock,
}

type Lifecycle = quick_cache::sync::DefaultLifecycle<String, Arc<Entry>>;

/// The turn of one request to fill in a missing entry. Other requests wait; when it is dropped, one of them gets it.
pub(crate) type Turn<'a> = PlaceholderGuard<'a, String, Arc<Entry>, UnitWeighter, DefaultHashBuilder, Lifecycle>;

pub(crate) struct Entry {
    /// `None` if the entry never expires.
    fresh_until: Option<Instant>,
    /// `None` if the response may not be kept, so that other requests run the view without waiting.
    response: Option<Kept>,
}

struct Kept {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// The result of looking a key up.
pub(crate) enum Lookup<'a> {
    /// A kept response.
    Hit(Response),
    /// The response may not be kept: run the view.
    Pass,
    /// No entry: run the view and fill the entry in.
    Miss(Turn<'a>),
}

impl Entries {
    pub(crate) fn new(capacity: usize, clock: Clock) -> Self {
        Self {
            entries: Cache::with(
                capacity,
                capacity as u64,
                UnitWeighter,
                DefaultHashBuilder::default(),
                Lifecycle::default(),
            ),
            clock,
        }
    }

    /// Looks `key` up. If another request holds the turn to fill it in, waits for that request.
    pub(crate) async fn find(&self, key: &str) -> Lookup<'_> {
        let now = self.clock.now();
        self.entries.remove_if(key, |entry| entry.fresh_until.is_some_and(|end| end <= now));
        match self.entries.get_value_or_guard_async(key).await {
            Ok(entry) => entry.response.as_ref().map_or(Lookup::Pass, |kept| Lookup::Hit(kept.response())),
            Err(turn) => Lookup::Miss(turn),
        }
    }

    /// Keeps a copy of `response` for `timeout`, if its body is in memory.
    pub(crate) fn keep(&self, turn: Turn<'_>, response: &Response, timeout: Duration) {
        let kept = response.body().as_bytes().map(|body| Kept {
            status: response.status(),
            headers: response.headers().clone(),
            body: body.clone(),
        });
        self.fill(turn, kept, timeout);
    }

    /// Notes, for `timeout` or `PASS_FOR`, that the response may not be kept.
    pub(crate) fn pass(&self, turn: Turn<'_>, timeout: Duration) {
        self.fill(turn, None, timeout.min(PASS_FOR));
    }

    fn fill(&self, turn: Turn<'_>, response: Option<Kept>, timeout: Duration) {
        // `insert` fails only if the key was removed in the meantime; then there is no entry to fill.
        let _ = turn.insert(Arc::new(Entry { fresh_until: self.clock.now().checked_add(timeout), response }));
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
        f.debug_struct("Entries").field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}
