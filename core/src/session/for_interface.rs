//! The methods of a session for an interface that keeps sessions elsewhere.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Session, Source, too_late};
use crate::error::{Error, ErrorKind};
use crate::http_types::Response;

impl Session {
    /// The value of the session's cookie that the request came with. To read it is no look at the session, so a cache may still
    /// share the response. For a [`SessionInterface`](crate::SessionInterface).
    pub fn cookie(&self) -> Option<&str> {
        match &self.shared.source {
            Source::Cookie { cookie, .. } | Source::Given { cookie } => cookie.as_deref(),
            Source::Deferred(deferred) => deferred.cookie.as_deref(),
        }
    }

    /// Whether this is saved after its response has left, so that no cookie reaches the client. For a
    /// [`SessionInterface`](crate::SessionInterface) that saves.
    pub fn is_late(&self) -> bool {
        self.shared.state.lock().saved_late
    }

    /// Whether the response may depend on the session, because code has looked at it or a streamed body still can: then the
    /// response needs `Vary: Cookie`. For a [`SessionInterface`](crate::SessionInterface).
    pub fn varies(&self, response: &Response) -> bool {
        self.accesses() > 0 || (response.body().as_bytes().is_none() && self.may_be_read_later())
    }

    /// Asks the app's [`SessionInterface`](crate::SessionInterface) to keep the session under a new id, with the same data:
    /// Flask-Session's `session_interface.regenerate(session)`. A login does so, because another may have given the client the old
    /// id. A session that travels in its cookie has no id, and stays as it is.
    ///
    /// # Errors
    /// If the head of the response has left, which would carry the new id; if the session could not be opened.
    pub fn regenerate(&self) -> Result<(), Error> {
        if let Source::Cookie { .. } = self.shared.source {
            return Ok(());
        }
        self.open_to_change()?;
        let mut state = self.shared.state.lock();
        if state.closed || state.head_left {
            return Err(Error::new(ErrorKind::Other, too_late("no new id was given to")));
        }
        // Of an empty session there is nothing to save, but what is put into it later needs the new id.
        let changed = u64::from(state.data.as_ref().is_some_and(|data| !data.is_empty()));
        (state.accesses, state.changes, state.new_id) = (state.accesses + 1, state.changes + changed, true);
        Ok(())
    }

    /// Whether [`regenerate`](Self::regenerate) was called since the session was saved. For a
    /// [`SessionInterface`](crate::SessionInterface) that saves.
    pub fn wants_new_id(&self) -> bool {
        self.shared.state.lock().new_id
    }

    /// Whether all keys were removed since the session was saved. For a [`SessionInterface`](crate::SessionInterface) that saves.
    pub fn was_cleared(&self) -> bool {
        self.shared.state.lock().changed_keys.are_cleared()
    }

    /// Notes that the session is stored as `data`, which has its changes up to the number `changes`, read from
    /// [`changes`](Self::changes) before the data was: from now on the session has what others have changed in `data`, and no
    /// later save takes that back. For a [`SessionInterface`](crate::SessionInterface) that has saved.
    pub fn note_saved(&self, changes: u64, data: Map<String, Value>) {
        let mut state = self.shared.state.lock();
        let own = state.data.take().unwrap_or_default();
        state.changed_keys.forget(changes);
        state.data = Some(state.changed_keys.merge(own, data));
        state.new_id = false;
    }

    /// Returns `other`, which another request has saved meanwhile, with the changes of this one: a key that was set or removed
    /// here is as it is here. Of `other` nothing is left if the session was cleared here. For a
    /// [`SessionInterface`](crate::SessionInterface) that saves.
    pub fn merged_into(&self, other: Map<String, Value>) -> Map<String, Value> {
        let state = self.shared.state.lock();
        state.changed_keys.merge(state.data.clone().unwrap_or_default(), other)
    }

    /// The note of type `T` that an interface has for this session in this request, such as its id; made by
    /// [`Default`] the first time. For a [`SessionInterface`](crate::SessionInterface).
    pub fn note<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let mut state = self.shared.state.lock();
        if let Some(note) = state.notes.get::<Arc<T>>() {
            return note.clone();
        }
        let note = Arc::<T>::default();
        state.notes.insert(note.clone());
        note
    }

    /// Whether the session can still be changed though the head of the response has left.
    pub(crate) fn is_open_late(&self) -> bool {
        if let Source::Cookie { .. } = self.shared.source {
            return false;
        }
        let state = self.shared.state.lock();
        state.head_left && !state.closed
    }

    /// Notes that the head of the response leaves, and ends the time in which the session can be changed, unless it can be saved
    /// later.
    pub(crate) fn close_unless(&self, can_be_saved_later: bool) {
        let mut state = self.shared.state.lock();
        (state.head_left, state.closed) = (true, state.closed || !can_be_saved_later);
    }

    /// Notes that the app's own interface is asked to save the session as it is; `late` if the response has left. Returns
    /// whether the session was changed since the last time.
    pub(super) fn begin_saving(&self, late: bool) -> bool {
        let mut state = self.shared.state.lock();
        state.saved_late = late && state.head_left;
        let changes = state.changes;
        std::mem::replace(&mut state.saved, changes) != changes
    }
}
