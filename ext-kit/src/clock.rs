//! The clock of an extension, which a test can move instead of sleeping.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// A clock: the system's, or one that a test moves by hand. Clones of a manual clock share its time.
///
/// ```
/// use std::time::Duration;
/// use costrel_ext_kit::Clock;
///
/// let clock = Clock::manual();
/// let start = clock.now();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now() - start, Duration::from_secs(60));
/// ```
#[derive(Clone, Default)]
pub struct Clock {
    manual: Option<Arc<Mutex<Instant>>>,
}

impl Clock {
    /// The system's monotonic clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands still until a call to [`advance`](Self::advance).
    pub fn manual() -> Self {
        Self { manual: Some(Arc::new(Mutex::new(Instant::now()))) }
    }

    /// The current time of the clock.
    pub fn now(&self) -> Instant {
        self.manual.as_ref().map_or_else(Instant::now, |now| *now.lock())
    }

    /// Moves a manual clock forward; does nothing on the system's clock.
    pub fn advance(&self, by: Duration) {
        if let Some(now) = &self.manual {
            *now.lock() += by;
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.manual.is_some() { "Clock(manual)" } else { "Clock(system)" })
    }
}
