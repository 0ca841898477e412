//! The entries in a store that several processes share, as bytes.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use costrel::{AppHandle, Bytes, Error, ErrorKind, HeaderMap, HeaderName, HeaderValue, StatusCode, current_app};
use costrel_ext_kit::Clock;
use costrel_stores::{Entries as Store, FailAtOnce, Failover};

use crate::cacheability::Varies;
use crate::memory::{Content, Found, Kept, Lifetime};

/// The entries of one app in a store.
pub(crate) struct Shared {
    store: Arc<dyn Store>,
    /// The store, whose calls fail at once while it is away, so that requests wait for the deadline once.
    guarded: Arc<dyn Store>,
    /// The beginning of all keys.
    prefix: String,
    clock: Clock,
}

impl Shared {
    pub(crate) fn new(store: Arc<dyn Store>, prefix: String, clock: Clock) -> Self {
        let guarded =
            if store.always_answers() { store.clone() } else { Arc::new(Failover::new(store.clone(), FailAtOnce)) };
        Self { store, guarded, prefix, clock }
    }

    /// In debug mode the developer sees the store's own errors.
    fn store(&self) -> &Arc<dyn Store> {
        if current_app().config().debug { &self.store } else { &self.guarded }
    }

    /// Returns the entry of `key`. If it may be stale, a second key says whether it is fresh.
    pub(crate) async fn get(&self, key: &str, may_be_stale: bool) -> Result<Option<Found>, Error> {
        let Some(content) = self.store().get(&self.key("", key)).await?.and_then(decoded) else { return Ok(None) };
        let is_stale = may_be_stale && self.store().get(&self.key("fresh/", key)).await?.is_none();
        Ok(Some(Found { content, is_stale }))
    }

    pub(crate) async fn set(&self, key: &str, content: &Content, lifetime: Lifetime) -> Result<(), Error> {
        self.store().set(&self.key("", key), encoded(content)?, lifetime.in_all()).await?;
        if !lifetime.stale_for.is_zero() {
            let fresh = Lifetime { stale_for: Duration::ZERO, ..lifetime };
            self.store().set(&self.key("fresh/", key), Bytes::new(), fresh.in_all()).await?;
        }
        Ok(())
    }

    /// Gives a note its time anew, if it is there and still the same.
    pub(crate) async fn renew(&self, key: &str, known: &Content, lifetime: Lifetime) -> Result<(), Error> {
        let key = self.key("", key);
        let Some(old) = self.store().get(&key).await? else { return Ok(()) };
        let renewed = decoded(old.clone()).and_then(|old| known.renewed(&old, lifetime));
        let Some((content, lifetime)) = renewed else { return Ok(()) };
        // In one step, because another process may have deleted it since, and with it all that it belongs to.
        self.store().set_if(&key, &old, encoded(&content)?, lifetime.in_all()).await.map(drop)
    }

    pub(crate) async fn add(&self, key: &str, content: &Content, lifetime: Lifetime) -> Result<bool, Error> {
        self.store().add(&self.key("", key), encoded(content)?, lifetime.in_all()).await
    }

    /// Deletes an entry, and first the turn to fill it in: what is being made for it is old. Returns whether it was there.
    pub(crate) async fn delete(&self, key: &str) -> Result<bool, Error> {
        self.store().delete(&self.key("fill/", key)).await?;
        self.store().delete(&self.key("", key)).await
    }

    /// Removes all entries. This may take longer than a request may wait, so the store's own time counts for each step.
    pub(crate) async fn clear(&self, prefix: &str) -> Result<(), Error> {
        self.store.clear(&self.key("fill/", prefix)).await?;
        self.store.clear(&self.key("", prefix)).await
    }

    /// Takes the turn to fill an entry in, for `timeout` at most, unless another process has it.
    pub(crate) async fn claim(&self, key: &str, timeout: Duration) -> Result<Option<Lease>, Error> {
        let (key, token, ends) = (self.key("fill/", key), Bytes::from(new_token()), self.clock.now() + timeout);
        let is_ours = self.store().add(&key, token.clone(), Some(timeout)).await?;
        Ok(is_ours.then(|| Lease {
            app: current_app(),
            store: self.store().clone(),
            key,
            token,
            ends,
            clock: self.clock.clone(),
        }))
    }

    /// The key in the store. A key of the app's that begins like one of a kind gets a kind of its own.
    fn key(&self, kind: &str, key: &str) -> String {
        let is_mistakable = kind.is_empty() && ["fill/", "fresh/", "own/"].iter().any(|kind| key.starts_with(kind));
        [&*self.prefix, if is_mistakable { "own/" } else { kind }, key].concat()
    }
}

/// The turn of this process among those that share the store. Another may take it when this is dropped.
pub(crate) struct Lease {
    app: AppHandle,
    store: Arc<dyn Store>,
    key: String,
    token: Bytes,
    ends: Instant,
    clock: Clock,
}

impl Lease {
    /// Whether another process has deleted the entry since the turn began. Not known once the turn has had its time.
    pub(crate) async fn is_outdated(&self) -> bool {
        let now = self.store.get(&self.key).await;
        self.clock.now() < self.ends && now.is_ok_and(|token| token.as_ref() != Some(&self.token))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let (store, key, token) = (self.store.clone(), std::mem::take(&mut self.key), self.token.clone());
        self.app.add_background_task(async move || store.delete_if(&key, &token).await.map(drop));
    }
}

/// Returns a number, as JSON, that no other call of any process returns.
pub(crate) fn new_token() -> String {
    // The keys of a `RandomState` are random, so its hash of anything is.
    RandomState::new().hash_one(0).to_string()
}

/// The head of a page: status, whether it is for anonymous clients only, headers.
type Head = (u16, bool, Vec<(String, String)>);

/// A note on headers: its token, the time that it lasts, their names.
type Note = (String, Option<Duration>, Vec<String>);

/// A page is `P`, its head and a line feed before its body, a note on headers `V` and itself; a value is itself, because no JSON
/// begins so.
fn encoded(content: &Content) -> Result<Bytes, Error> {
    match content {
        Content::Page(kept) => {
            let mut bytes = b"P".to_vec();
            serde_json::to_writer(&mut bytes, &head_of(kept))?;
            bytes.push(b'\n');
            bytes.extend_from_slice(&kept.body);
            Ok(bytes.into())
        }
        Content::Varies(varies) => {
            let mut bytes = b"V".to_vec();
            serde_json::to_writer(&mut bytes, &note_of(varies))?;
            Ok(bytes.into())
        }
        Content::Value(value) => Ok(value.clone()),
        _ => Err(Error::new(ErrorKind::Other, "a note for this process alone is in no store")),
    }
}

fn head_of(kept: &Kept) -> Head {
    // Each byte as the character of its number, because a header may have bytes that are no UTF-8.
    let text = |value: &HeaderValue| value.as_bytes().iter().map(|byte| char::from(*byte)).collect();
    let headers = kept.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    (kept.status.as_u16(), kept.only_for_anonymous, headers)
}

fn note_of(varies: &Varies) -> Note {
    let names = varies.names.iter().map(HeaderName::to_string).collect();
    (varies.token.clone(), varies.lasts, names)
}

/// Reads an entry; `None` if it is of another version or program.
fn decoded(bytes: Bytes) -> Option<Content> {
    match bytes.first()? {
        b'P' => {
            let end = bytes.iter().position(|byte| *byte == b'\n')?;
            page(serde_json::from_slice(&bytes[1..end]).ok()?, bytes.slice(end + 1..))
                .map(|kept| Content::Page(kept.into()))
        }
        b'V' => {
            let (token, lasts, names): Note = serde_json::from_slice(&bytes[1..]).ok()?;
            let names = names.into_iter().map(|name| HeaderName::try_from(name).ok()).collect::<Option<_>>()?;
            Some(Content::Varies(Arc::new(Varies { names, token, lasts })))
        }
        _ => Some(Content::Value(bytes)),
    }
}

fn page((status, only_for_anonymous, pairs): Head, body: Bytes) -> Option<Kept> {
    let mut headers = HeaderMap::with_capacity(pairs.len());
    for (name, value) in pairs {
        let value = value.chars().map(|byte| u8::try_from(byte).ok()).collect::<Option<Vec<_>>>()?;
        headers.append(HeaderName::try_from(name).ok()?, HeaderValue::from_bytes(&value).ok()?);
    }
    Some(Kept { status: StatusCode::from_u16(status).ok()?, headers, body, only_for_anonymous })
}
