//! The clock of an extension, which a test can move instead of sleeping.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;

/// A clock: the system's, or one that a test moves by hand. Clones of a manual clock share its time.
///
/// It has two times, as the system has: [`now`](Self::now), which only goes forward, for what lasts; and
/// [`time`](Self::time), the date, for what other programs read.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use costrel_ext_kit::Clock;
///
/// let clock = Clock::manual_at(UNIX_EPOCH);
/// let start = clock.now();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now() - start, Duration::from_secs(60));
/// assert_eq!(clock.time(), UNIX_EPOCH + Duration::from_secs(60));
/// ```
#[derive(Clone, Default)]
pub struct Clock {
    manual: Option<Arc<Manual>>,
}

/// A time that a test moves.
struct Manual {
    began_at: (Instant, SystemTime),
    elapsed: Mutex<Duration>,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands still at the present until a call to [`advance`](Self::advance).
    pub fn manual() -> Self {
        Self::manual_at(SystemTime::now())
    }

    /// A clock that stands still at the date `time` until a call to [`advance`](Self::advance).
    pub fn manual_at(time: SystemTime) -> Self {
        let manual = Manual { began_at: (Instant::now(), time), elapsed: Mutex::default() };
        Self { manual: Some(Arc::new(manual)) }
    }

    /// The time for what lasts: it only goes forward.
    pub fn now(&self) -> Instant {
        self.manual.as_ref().map_or_else(Instant::now, |manual| manual.began_at.0 + *manual.elapsed.lock())
    }

    /// The date. The system's may go back, when its administrator or a time server sets it.
    pub fn time(&self) -> SystemTime {
        self.manual.as_ref().map_or_else(SystemTime::now, |manual| manual.began_at.1 + *manual.elapsed.lock())
    }

    /// Moves a manual clock forward; does nothing on the system's clock.
    pub fn advance(&self, by: Duration) {
        if let Some(manual) = &self.manual {
            *manual.elapsed.lock() += by;
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.manual.is_some() { "Clock(manual)" } else { "Clock(system)" })
    }
}
