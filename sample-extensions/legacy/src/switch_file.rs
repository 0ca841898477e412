//! A file that says which endpoints went back, for several processes.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};
use std::{fs, io};

use costrel::RuleInfo;
use parking_lot::Mutex;

use crate::switch::{Switch, Switched, check};

/// The time between two looks at the file.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// The age from which a time stamp says that the file stays as it was read: a second change may have the same stamp.
const SETTLED: Duration = Duration::from_secs(2);

/// The file, and what was last read in it.
#[derive(Debug)]
pub(crate) struct SwitchFile {
    path: PathBuf,
    next_look: Mutex<Option<Instant>>,
    last: Mutex<Reading>,
}

#[derive(Debug, Default)]
struct Reading {
    stamp: Option<Stamp>,
    names: BTreeSet<String>,
    /// Whether the file could not be read, which is said once.
    has_failed: bool,
}

/// The time of the last change and the length in bytes; `None` if there is no file.
type Stamp = Option<(SystemTime, u64)>;

impl SwitchFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, next_look: Mutex::default(), last: Mutex::default() }
    }

    /// Whether it is time to look at the file, which the caller does then.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        let mut next_look = self.next_look.lock();
        let is_due = next_look.is_none_or(|next| next <= now);
        if is_due {
            *next_look = Some(now + BETWEEN_LOOKS);
        }
        is_due
    }

    /// Does what the lines say that came and went since the last look; returns what has changed. It blocks.
    pub(crate) fn follow(&self, switch: &Switch, rules: &[RuleInfo]) -> Vec<Switched> {
        // Another request may still be reading, from a disk that is slow: it will do what the file says.
        let Some(mut last) = self.last.try_lock() else { return Vec::new() };
        match self.read_if_changed(last.stamp) {
            Ok(None) => Vec::new(),
            Ok(Some((stamp, names))) => {
                let lines = changes(&last.names, &names);
                *last = Reading { stamp, names, has_failed: false };
                lines.into_iter().filter(|line| is_change(line, switch, rules)).collect()
            }
            Err(error) => {
                if !last.has_failed {
                    let path = self.path.display();
                    tracing::warn!("cannot read \"{path}\": {error}; what it took back stays as it was");
                }
                last.has_failed = true;
                Vec::new()
            }
        }
    }

    /// Returns the names in the file, with its stamp if that has settled; `None` if the stamp is the last one.
    fn read_if_changed(&self, last: Option<Stamp>) -> io::Result<Option<(Option<Stamp>, BTreeSet<String>)>> {
        let stamp = unless_missing(fs::metadata(&self.path).and_then(|file| Ok((file.modified()?, file.len()))))?;
        if last == Some(stamp) {
            return Ok(None);
        }
        let text = unless_missing(fs::read_to_string(&self.path))?.unwrap_or_default();
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Ok(Some((Some(stamp).filter(is_settled), lines.map(str::to_owned).collect())))
    }
}

/// A file that is not there is an empty one.
fn unless_missing<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        outcome => outcome.map(Some),
    }
}

fn is_settled(stamp: &Stamp) -> bool {
    stamp.is_none_or(|(changed, _)| changed.elapsed().is_ok_and(|age| age > SETTLED))
}

/// The lines that went, then those that came.
fn changes(before: &BTreeSet<String>, now: &BTreeSet<String>) -> Vec<Switched> {
    let gone = before.difference(now).map(|name| Switched { endpoint: name.clone(), taken_back: false });
    let come = now.difference(before).map(|name| Switched { endpoint: name.clone(), taken_back: true });
    gone.chain(come).collect()
}

/// Does what a line says; returns whether that is a change. One that came and means no rule is said.
fn is_change(line: &Switched, switch: &Switch, rules: &[RuleInfo]) -> bool {
    if line.taken_back
        && let Err(error) = check(&line.endpoint, rules)
    {
        tracing::warn!("a line of the switch file changes nothing: {}", error.message());
        return false;
    }
    switch.set(&line.endpoint, line.taken_back)
}
