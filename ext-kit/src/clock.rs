//! Time as a value, so that no test has to sleep.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Says what time it is: the real time, or in tests whatever the test says. Clones share it.
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
    /// The system's clock, which never goes back.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands still until it is told to [`advance`](Self::advance).
    pub fn manual() -> Self {
        Self { manual: Some(Arc::new(Mutex::new(Instant::now()))) }
    }

    /// What time it is.
    pub fn now(&self) -> Instant {
        self.manual.as_ref().map_or_else(Instant::now, |now| *now.lock())
    }

    /// Moves a manual clock on. The system's clock moves by itself, so there it does nothing.
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
