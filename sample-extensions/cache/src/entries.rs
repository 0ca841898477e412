//! The responses of one app, kept until they are old.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use costrel::{Body, Bytes, HeaderMap, Response, StatusCode};
use costrel_ext_kit::Clock;
use quick_cache::sync::{Cache, PlaceholderGuard};
use quick_cache::{DefaultHashBuilder, UnitWeighter};

/// How long an answer that is not for keeping lets others run the view at once.
const PASS_FOR: Duration = Duration::from_secs(1);

/// The responses of one app.
pub(crate) struct Entries {
    entries: Cache<String, Arc<Entry>, UnitWeighter, DefaultHashBuilder, Lifecycle>,
    clock: Clock,
}

type Lifecycle = quick_cache::sync::DefaultLifecycle<String, Arc<Entry>>;

/// The right to fill in what is missing. Others wait; if it is dropped, one of them gets it.
pub(crate) type Turn<'a> = PlaceholderGuard<'a, String, Arc<Entry>, UnitWeighter, DefaultHashBuilder, Lifecycle>;

pub(crate) struct Entry {
    /// `None`: for ever.
    fresh_until: Option<Instant>,
    /// `None` notes that the answer may not be kept, so that nobody waits for it in vain.
    response: Option<Kept>,
}

struct Kept {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// What is kept under a key.
pub(crate) enum Lookup<'a> {
    /// The response to give.
    Hit(Response),
    /// The answer is not for keeping: run the view.
    Pass,
    /// Nothing is there: run the view and fill it in.
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

    /// Looks `key` up. Where another request is about to fill it in, waits for that one.
    pub(crate) async fn find(&self, key: &str) -> Lookup<'_> {
        let now = self.clock.now();
        self.entries.remove_if(key, |entry| entry.fresh_until.is_some_and(|end| end <= now));
        match self.entries.get_value_or_guard_async(key).await {
            Ok(entry) => entry.response.as_ref().map_or(Lookup::Pass, |kept| Lookup::Hit(kept.response())),
            Err(turn) => Lookup::Miss(turn),
        }
    }

    /// Keeps a copy of `response` for `timeout`, if its body is whole.
    pub(crate) fn keep(&self, turn: Turn<'_>, response: &Response, timeout: Duration) {
        let kept = response.body().as_bytes().map(|body| Kept {
            status: response.status(),
            headers: response.headers().clone(),
            body: body.clone(),
        });
        self.fill(turn, kept, timeout);
    }

    /// Notes, for a moment, that the answer is not for keeping.
    pub(crate) fn pass(&self, turn: Turn<'_>, timeout: Duration) {
        self.fill(turn, None, timeout.min(PASS_FOR));
    }

    fn fill(&self, turn: Turn<'_>, response: Option<Kept>, timeout: Duration) {
        // Refused only if the key was removed meanwhile; then there is nothing to keep.
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
