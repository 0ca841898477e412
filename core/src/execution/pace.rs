//! The pace of a sync function: whether its calls have been short, so that it may run in place.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The time in which a call on a worker counts as short.
const SHORT: Duration = Duration::from_micros(200);

/// The number of short calls in a row after which a function runs in place.
const CALLS_TO_LEARN: u32 = 8;

/// The time for which a function that took long in place runs on workers; twice as long each time, up to the longest.
const FIRST_BAN: Duration = Duration::from_secs(30);
const LONGEST_BAN: Duration = Duration::from_secs(30 * 60);

thread_local! {
    static WAITS: Cell<u64> = const { Cell::new(0) };
}

/// Notes that sync code on this thread drives async code, or waits for a future. Code that does so runs on workers,
/// because a wait in place is not cancelled when the client leaves.
pub(super) fn note_wait() {
    WAITS.set(WAITS.get() + 1);
}

/// The number of times that this thread has waited.
pub(super) fn waits() -> u64 {
    WAITS.get()
}

/// The pace of one sync function, learned from its calls.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Short calls in a row, on workers.
    short_calls: AtomicU32,
    bans: AtomicU32,
    /// In milliseconds since the process began; 0 if it is not banned.
    banned_until: AtomicU64,
}

impl Pace {
    /// Whether the function may run in place.
    pub(super) fn is_short(&self) -> bool {
        self.short_calls.load(Ordering::Relaxed) >= CALLS_TO_LEARN
    }

    /// Runs `f` on a worker and learns from it.
    pub(super) fn learn<R>(&self, f: impl FnOnce() -> R) -> R {
        if self.is_short() || self.is_banned() {
            return f();
        }
        let (began, waited) = (Instant::now(), waits());
        let result = f();
        if waits() != waited {
            self.ban_for(LONGEST_BAN);
        } else if began.elapsed() < SHORT {
            self.short_calls.fetch_add(1, Ordering::Relaxed);
        } else {
            self.short_calls.store(0, Ordering::Relaxed);
        }
        result
    }

    /// Sends the function back to the workers for a long while, because it blocked its thread in place.
    pub(super) fn ban(&self) {
        let bans = self.bans.fetch_add(1, Ordering::Relaxed);
        self.ban_for(FIRST_BAN.saturating_mul(1 << bans.min(16)).min(LONGEST_BAN));
    }

    /// Sends the function back to the workers until the process ends, because it cannot run in place.
    pub(super) fn ban_for_ever(&self) {
        self.ban_until(u64::MAX);
    }

    fn ban_for(&self, length: Duration) {
        self.ban_until(now() + millis(length));
    }

    fn ban_until(&self, time: u64) {
        self.banned_until.store(time, Ordering::Relaxed);
        self.short_calls.store(0, Ordering::Relaxed);
    }

    fn is_banned(&self) -> bool {
        let until = self.banned_until.load(Ordering::Relaxed);
        until != 0 && until > now()
    }
}

fn now() -> u64 {
    static BEGAN: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    millis(BEGAN.elapsed())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_short_after_short_calls_in_a_row_and_not_after_a_ban() {
        let pace = Pace::default();
        for _ in 0..CALLS_TO_LEARN {
            assert!(!pace.is_short());
            pace.learn(|| ());
        }
        // A call takes long if its thread is stopped in it, and then as many short ones must follow.
        let began = Instant::now();
        while !pace.is_short() {
            assert!(began.elapsed() < Duration::from_secs(5), "short calls are not taken for short");
            pace.learn(|| ());
        }
        pace.ban();
        for _ in 0..=CALLS_TO_LEARN {
            pace.learn(|| ());
            assert!(!pace.is_short());
        }
    }

    #[test]
    fn a_function_that_waits_is_not_short() {
        let pace = Pace::default();
        for _ in 0..=CALLS_TO_LEARN {
            pace.learn(note_wait);
        }
        for _ in 0..=CALLS_TO_LEARN {
            pace.learn(|| ());
        }
        assert!(!pace.is_short());
    }

    #[test]
    fn a_slow_call_begins_the_count_again() {
        let pace = Pace::default();
        let slow = || {
            let began = Instant::now();
            while began.elapsed() < SHORT {
                std::hint::spin_loop();
            }
        };
        for _ in 0..3 * CALLS_TO_LEARN {
            pace.learn(slow);
        }
        assert!(!pace.is_short());
    }
}
