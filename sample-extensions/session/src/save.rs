//! What becomes of the changes of several requests of one client at a time.

use std::sync::Arc;
use std::time::Duration;

use costrel::{Bytes, Error, Session};
use costrel_stores::Entries;
use serde_json::{Map, Value};

use crate::format::Format;
use crate::id;
use crate::settings::{AtOnce, Settings};

/// The number of times that a session is put together with what others have saved meanwhile. Each time another request has got
/// on, so that more than a few mean that a client has very many requests at a time; then the last one wins.
const TRIES: usize = 16;

/// The store with what is needed to save a session.
pub(crate) struct Saver {
    pub(crate) store: Arc<dyn Entries>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) lifetime: Duration,
}

/// A session as it is in the store.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) id: String,
    pub(crate) value: Bytes,
}

/// The session's key that says whether it outlives the browser; Flask's own.
pub(crate) const PERMANENT: &str = "_permanent";

/// What has become of a session that was saved.
pub(crate) enum Outcome {
    /// The session is in the store.
    Kept(Stored),
    /// The session was emptied, so it is not in the store.
    Ended,
    /// Nothing was saved: there was nothing to save, or another request has ended the session.
    Gone,
}

impl Saver {
    /// Reads a session; `None` if there is none, or one that another program has written.
    pub(crate) async fn read(&self, id: String) -> Result<Option<(Stored, Map<String, Value>)>, Error> {
        let Some(value) = self.store.get(&self.key(&id)).await? else { return Ok(None) };
        let data = Format::decode(&value);
        if data.is_none() {
            tracing::warn!("A session in the store is neither msgpack nor JSON, so its client gets a new one.");
        }
        Ok(data.map(|data| (Stored { id, value }, data)))
    }

    /// Saves the session, which has `data` now.
    pub(crate) async fn save(
        &self,
        session: &Session,
        stored: Option<Stored>,
        mut data: Map<String, Value>,
    ) -> Result<Outcome, Error> {
        let has_new_id = session.take_regenerate();
        let Some(mut stored) = stored else { return self.begin(session, &data).await };
        if !session.is_modified() {
            return self.refresh(stored, &data).await;
        }
        for tries in 1.. {
            let is_last = tries == TRIES || self.settings.at_once == AtOnce::LastWins;
            if let Some(outcome) = self.replace(&stored, &data, has_new_id, is_last).await? {
                return Ok(outcome);
            }
            match self.read(stored.id).await? {
                None => break,
                Some((meanwhile, other)) => (stored, data) = (meanwhile, session.merged_into(other)),
            }
        }
        tracing::debug!("A session was ended by another request, so this one's changes are dropped.");
        Ok(Outcome::Gone)
    }

    /// Saves a session that is not in the store.
    async fn begin(&self, session: &Session, data: &Map<String, Value>) -> Result<Outcome, Error> {
        match is_empty(data) {
            // The client may have the id of one that has expired.
            true if session.is_modified() => Ok(Outcome::Ended),
            true => Ok(Outcome::Gone),
            false => self.put(data).await,
        }
    }

    /// Begins the lifetime of a stored session anew. If another request has saved it meanwhile, that has done so.
    async fn refresh(&self, stored: Stored, data: &Map<String, Value>) -> Result<Outcome, Error> {
        let (key, value) = (self.key(&stored.id), stored.value.clone());
        let is_kept = !is_empty(data) && self.store.set_if(&key, &stored.value, value, Some(self.lifetime)).await?;
        Ok(if is_kept { Outcome::Kept(stored) } else { Outcome::Gone })
    }

    /// Puts `data` in the place of what is stored, or under a new id, or takes it out if it is empty. `None` if something else is
    /// stored by now, unless this is the last try.
    async fn replace(
        &self,
        stored: &Stored,
        data: &Map<String, Value>,
        has_new_id: bool,
        is_last: bool,
    ) -> Result<Option<Outcome>, Error> {
        let (key, old) = (self.key(&stored.id), &stored.value);
        if is_empty(data) || has_new_id {
            // Taken out first, so that the old id is worth nothing from here on.
            if !is_last && !self.store.delete_if(&key, old).await? {
                return Ok(None);
            }
            if is_last {
                self.store.delete(&key).await?;
            }
            return if is_empty(data) { Ok(Some(Outcome::Ended)) } else { self.put(data).await.map(Some) };
        }
        let value = self.encode(data)?;
        if is_last {
            self.store.set(&key, value.clone(), Some(self.lifetime)).await?;
        } else if !self.store.set_if(&key, old, value.clone(), Some(self.lifetime)).await? {
            return Ok(None);
        }
        Ok(Some(Outcome::Kept(Stored { id: stored.id.clone(), value })))
    }

    /// Puts `data` under a new id.
    async fn put(&self, data: &Map<String, Value>) -> Result<Outcome, Error> {
        let (id, value) = (id::make(self.settings.id_length)?, self.encode(data)?);
        self.store.set(&self.key(&id), value.clone(), Some(self.lifetime)).await?;
        Ok(Outcome::Kept(Stored { id, value }))
    }

    fn encode(&self, data: &Map<String, Value>) -> Result<Bytes, Error> {
        self.settings.format.encode(data).map(Bytes::from)
    }

    fn key(&self, id: &str) -> String {
        format!("{}{id}", self.settings.key_prefix)
    }
}

/// Whether nothing is to be kept, as in the original: a session that says only whether it is permanent.
pub(crate) fn is_empty(data: &Map<String, Value>) -> bool {
    data.keys().all(|key| key == PERMANENT)
}
