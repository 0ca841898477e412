//! Whether a store is there, and when to ask it again.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use costrel::{Error, ErrorKind};
use costrel_ext_kit::Clock;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::{STORE_AWAY, STORE_BACK};
use crate::outcome::Outcome;

const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(32);

/// The states of a store: there, away, and there again with no request that has said so yet.
const THERE: u8 = 0;
const AWAY: u8 = 1;
const BACK: u8 = 2;

/// What is known of a store.
pub(super) struct Health {
    name: String,
    clock: Clock,
    deadline: Duration,
    state: AtomicU8,
    /// The number of times that the store was lost, so that a call from before the last time does not count again.
    losses: AtomicU64,
    absence: Mutex<Absence>,
}

/// The last time that the store was away.
struct Absence {
    since: Instant,
    /// The time when it was back, if it has been away.
    until: Option<Instant>,
    /// The time from one question to the next.
    pause: Duration,
    next_probe: Instant,
    is_probing: bool,
}

impl Health {
    pub(super) fn new(name: String, clock: Clock) -> Self {
        let now = clock.now();
        let absence = Absence { since: now, until: None, pause: SHORTEST_PAUSE, next_probe: now, is_probing: false };
        let (state, losses) = (AtomicU8::new(THERE), AtomicU64::new(0));
        Self { name, clock, deadline: Duration::from_millis(250), state, losses, absence: Mutex::new(absence) }
    }

    pub(super) fn with_deadline(&self, deadline: Duration) -> Self {
        Self { deadline, ..Self::new(self.name.clone(), self.clock.clone()) }
    }

    pub(super) fn with_clock(&self, clock: Clock) -> Self {
        Self { deadline: self.deadline, ..Self::new(self.name.clone(), clock) }
    }

    pub(super) fn is_away(&self) -> bool {
        self.state.load(Ordering::Acquire) == AWAY
    }

    /// Waits for `outcome`, but no longer than the deadline.
    pub(super) async fn within_deadline<T>(&self, outcome: Outcome<'_, T>) -> Result<T, Error> {
        // Without tokio there is no timer; a store that needs no tokio has none to wait for.
        if Handle::try_current().is_err() {
            return outcome.await;
        }
        let late = |_| Error::new(ErrorKind::Other, format!("no answer within {:?}", self.deadline));
        timeout(self.deadline, outcome).await.map_err(late)?
    }

    /// The number of times that the store was lost.
    pub(super) fn losses(&self) -> u64 {
        self.losses.load(Ordering::Acquire)
    }

    /// Notes that the store is away, found out by a call that began after `losses` of them; the first such call says so.
    pub(super) async fn lost(&self, losses: u64, error: Error) {
        if self.note_lost(losses) {
            tracing::warn!(
                "the store {} is away: {}; its stand-in answers until it is back",
                self.name,
                error.message()
            );
            log_failure(STORE_AWAY.send(error).await);
        }
    }

    fn note_lost(&self, losses: u64) -> bool {
        let mut absence = self.absence.lock();
        if self.losses() != losses {
            return false;
        }
        self.losses.store(losses + 1, Ordering::Release);
        let now = self.clock.now();
        // A store that was back for a moment only is not asked more often for that.
        let was_back = absence.until.is_none_or(|until| now.saturating_duration_since(until) > absence.pause);
        absence.pause = if was_back { SHORTEST_PAUSE } else { longer(absence.pause) };
        absence.since = now;
        absence.next_probe = now + absence.pause;
        self.state.store(AWAY, Ordering::Release);
        true
    }

    /// Says that the store is back, if a probe has found out and no request has said so yet.
    pub(super) async fn tell_if_back(&self) {
        let is_back = self.state.load(Ordering::Acquire) == BACK;
        if is_back && self.state.compare_exchange(BACK, THERE, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            let away = self.clock.now().saturating_duration_since(self.absence.lock().since);
            tracing::info!("the store {} is back after {away:?}", self.name);
            log_failure(STORE_BACK.send(away).await);
        }
    }

    /// Returns the turn to ask the store, if it is still away, a pause is over, and no other request has the turn.
    pub(super) fn turn_to_probe(self: &Arc<Self>) -> Option<Turn> {
        let (mut absence, now) = (self.absence.lock(), self.clock.now());
        if !self.is_away() || absence.is_probing || now < absence.next_probe {
            return None;
        }
        absence.is_probing = true;
        absence.pause = longer(absence.pause);
        absence.next_probe = now + absence.pause;
        Some(Turn { health: self.clone(), is_there: false })
    }
}

/// The turn of one request to ask whether a store is back. Dropped early, it counts as a question without an answer.
pub(super) struct Turn {
    health: Arc<Health>,
    is_there: bool,
}

impl Turn {
    /// Asks beside the request; without an event loop of tokio, not at all.
    pub(super) fn spawn(mut self, probe: impl Future<Output = Result<(), Error>> + Send + 'static) {
        let Ok(event_loop) = Handle::try_current() else { return };
        event_loop.spawn(async move {
            let health = self.health.clone();
            self.answered(health.within_deadline(Outcome::new(probe)).await.is_ok());
        });
    }

    fn answered(&mut self, is_there: bool) {
        self.is_there = is_there;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut absence = self.health.absence.lock();
        absence.is_probing = false;
        if self.is_there {
            absence.until = Some(self.health.clock.now());
            self.health.state.store(BACK, Ordering::Release);
        }
    }
}

fn longer(pause: Duration) -> Duration {
    (pause * 2).min(LONGEST_PAUSE)
}

fn log_failure(sent: Result<(), Error>) {
    if let Err(error) = sent {
        tracing::error!("Exception in a subscriber of a store's signal: {error:?}");
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        f.write_str(if self.is_away() { " (away)" } else { "" })
    }
}
