//! What becomes of the changes of several requests of one client at a time.

use std::sync::Arc;
use std::time::Duration;

use costrel::{Bytes, Error, ErrorKind, Session};
use costrel_ext_kit::secrets::token_urlsafe;
use costrel_stores::Entries;
use serde_json::{Map, Value};

use crate::format::Format;
use crate::settings::{AtOnce, Settings};

/// The number of times that a session is put together with what others have saved meanwhile. Each time another request has got
/// on, so that more than a few mean that a client has very many requests at a time; then this one is an error.
const TRIES: usize = 16;

/// The key of what stands in the place of a session that has another id by now.
const RENEWED: &str = "_renewed";

/// The longest time that it stands there, should it not be deleted.
const RENEWED_FOR: Duration = Duration::from_secs(60);

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
    /// The session is in the store, with this data.
    Kept(Stored, Map<String, Value>),
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
        let data = data.filter(|data| !data.contains_key(RENEWED));
        Ok(data.map(|data| (Stored { id, value }, data)))
    }

    /// Saves the session.
    ///
    /// # Errors
    /// Those of the store; [`Busy`](ErrorKind::Busy) if too many requests change the session at a time.
    pub(crate) async fn save(&self, session: &Session, stored: Option<Stored>) -> Result<Outcome, Error> {
        let data = self.with_permanent(session, session.data(), stored.as_ref());
        match stored {
            None => self.begin(session, data).await,
            Some(stored) if !session.is_modified() => self.refresh(stored, data).await,
            Some(stored) if self.settings.at_once == AtOnce::LastWins => self.overwrite(session, stored, data).await,
            Some(stored) => self.merge(session, stored, data).await,
        }
    }

    /// Saves a session that is not in the store.
    async fn begin(&self, session: &Session, data: Map<String, Value>) -> Result<Outcome, Error> {
        match is_empty(&data) {
            // The client may have the id of one that has expired.
            true if session.is_modified() => Ok(Outcome::Ended),
            true => Ok(Outcome::Gone),
            false => Ok(Outcome::Kept(self.put(&data, None).await?, data)),
        }
    }

    /// Begins the lifetime of a stored session anew. If another request has saved it meanwhile, that has done so.
    async fn refresh(&self, stored: Stored, data: Map<String, Value>) -> Result<Outcome, Error> {
        let (key, value) = (self.key(&stored.id), stored.value.clone());
        let is_kept = !is_empty(&data) && self.store.set_if(&key, &stored.value, value, Some(self.lifetime)).await?;
        Ok(if is_kept { Outcome::Kept(stored, data) } else { Outcome::Gone })
    }

    /// Saves a stored session, whatever others have made of it meanwhile.
    async fn overwrite(
        &self,
        session: &Session,
        mut stored: Stored,
        data: Map<String, Value>,
    ) -> Result<Outcome, Error> {
        let key = self.key(&stored.id);
        if is_empty(&data) {
            self.store.delete(&key).await?;
            return Ok(Outcome::Ended);
        }
        if session.wants_new_id() {
            let renewed = self.put(&data, Some(&stored)).await?;
            self.store.delete(&key).await?;
            return Ok(Outcome::Kept(renewed, data));
        }
        stored.value = self.encode(&data, Some(&stored))?;
        self.store.set(&key, stored.value.clone(), Some(self.lifetime)).await?;
        Ok(Outcome::Kept(stored, data))
    }

    /// Saves a stored session with what others have made of it meanwhile.
    async fn merge(
        &self,
        session: &Session,
        mut stored: Stored,
        mut data: Map<String, Value>,
    ) -> Result<Outcome, Error> {
        for _ in 0..TRIES {
            if is_empty(&data) {
                if self.store.delete_if(&self.key(&stored.id), &stored.value).await? {
                    return Ok(Outcome::Ended);
                }
            } else if let Some(replaced) = self.replace(&stored, &data, session.wants_new_id()).await? {
                return Ok(Outcome::Kept(replaced, data));
            }
            let Some((meanwhile, other)) = self.read(stored.id).await? else {
                tracing::debug!("A session was ended by another request, so this one's changes are dropped.");
                return Ok(if is_empty(&data) { Outcome::Ended } else { Outcome::Gone });
            };
            data = self.with_permanent(session, session.merged_into(other), Some(&meanwhile));
            stored = meanwhile;
        }
        let message = "The session was not saved, because very many requests of one client change it at a time.";
        Err(Error::new(ErrorKind::Busy, message))
    }

    /// Puts `data` in the place of what is stored, or under a new id; `None` if something else is stored by now.
    async fn replace(
        &self,
        stored: &Stored,
        data: &Map<String, Value>,
        has_new_id: bool,
    ) -> Result<Option<Stored>, Error> {
        if has_new_id {
            return self.renew(stored, data).await;
        }
        let (key, value) = (self.key(&stored.id), self.encode(data, Some(stored))?);
        let is_set = self.store.set_if(&key, &stored.value, value.clone(), Some(self.lifetime)).await?;
        Ok(is_set.then(|| Stored { id: stored.id.clone(), value }))
    }

    /// Puts `data` under a new id, and then takes the old one out, so that there is a session if this fails in between.
    async fn renew(&self, stored: &Stored, data: &Map<String, Value>) -> Result<Option<Stored>, Error> {
        let renewed = self.put(data, Some(stored)).await?;
        if self.take_out(stored).await? {
            return Ok(Some(renewed));
        }
        self.store.delete(&self.key(&renewed.id)).await?;
        Ok(None)
    }

    /// Takes out what is stored; returns whether it was that still.
    async fn take_out(&self, stored: &Stored) -> Result<bool, Error> {
        let key = self.key(&stored.id);
        let mark = Map::from_iter([(RENEWED.to_owned(), token_urlsafe(self.settings.id_length)?.into())]);
        let mark = self.encode(&mark, None)?;
        // A store that has lost the answer to a call may repeat it, and then finds what the call itself has left. The mark tells that
        // from what another request has done, which nothing would.
        let is_marked = self.store.set_if(&key, &stored.value, mark.clone(), Some(RENEWED_FOR)).await?
            || self.store.get(&key).await? == Some(mark);
        if is_marked && let Err(error) = self.store.delete(&key).await {
            tracing::warn!("What is left of a session under its old id ends by itself: {error:?}");
        }
        Ok(is_marked)
    }

    /// Puts `data` under a new id.
    async fn put(&self, data: &Map<String, Value>, before: Option<&Stored>) -> Result<Stored, Error> {
        let (id, value) = (token_urlsafe(self.settings.id_length)?, self.encode(data, before)?);
        self.store.set(&self.key(&id), value.clone(), Some(self.lifetime)).await?;
        Ok(Stored { id, value })
    }

    /// Returns `data` to save, which says whether it is permanent as the original's does: a new session by the settings, and one that
    /// was cleared as it did before, or that it is not.
    fn with_permanent(
        &self,
        session: &Session,
        mut data: Map<String, Value>,
        before: Option<&Stored>,
    ) -> Map<String, Value> {
        if !session.is_modified() || is_empty(&data) || data.contains_key(PERMANENT) {
            return data;
        }
        let permanent = match before {
            None => (self.settings.permanent || session.was_cleared()).then(|| self.settings.permanent.into()),
            Some(before) if session.was_cleared() => {
                let stored = Format::decode(&before.value).and_then(|mut before| before.remove(PERMANENT));
                Some(stored.unwrap_or(false.into()))
            }
            Some(_) => None,
        };
        data.extend(permanent.map(|permanent| (PERMANENT.to_owned(), permanent)));
        data
    }

    fn encode(&self, data: &Map<String, Value>, before: Option<&Stored>) -> Result<Bytes, Error> {
        self.settings.format.encode(data, before.map(|before| &*before.value)).map(Bytes::from)
    }

    fn key(&self, id: &str) -> String {
        format!("{}{id}", self.settings.key_prefix)
    }
}

/// Whether nothing is to be kept, as in the original: a session that says only whether it is permanent.
pub(crate) fn is_empty(data: &Map<String, Value>) -> bool {
    data.keys().all(|key| key == PERMANENT)
}
