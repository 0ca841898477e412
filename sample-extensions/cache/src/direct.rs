//! The cache without a decorator: its values by their keys.

use std::time::Duration;

use costrel::{Error, ErrorKind, Waiting};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cacheability::{COMPAT_PREFIX, keys_of, prefixed};
use crate::extension::Cache;
use crate::faithful::faithful;
use crate::memory::{Content, Lifetime};

/// Values by their keys, for code of either colour: `.await` the result in async code, `.wait()` for it in sync code. Each
/// belongs to the current app, so there must be one, as in a request or a command.
///
/// ```
/// use costrel::{App, Error};
/// use costrel_cache::Cache;
///
/// let cache = Cache::new();
/// let mut app = App::new("docs");
/// app.init(&cache)?;
/// app.route("/", move || {
///     cache.set("answer", 42, None).wait()?;
///     assert!(!cache.add("answer", 43, None).wait()?);
///     Ok::<_, Error>(format!("{:?}", cache.get::<u32>("answer").wait()?))
/// });
/// assert_eq!(app.test_client().get("/").wait()?.text(), "Some(42)");
/// # Ok::<(), Error>(())
/// ```
///
/// Each fails with the errors of the store, if the cache has one.
impl Cache {
    /// Returns the value of `key`; `None` if there is none or it is not a `T`.
    pub fn get<T: DeserializeOwned + Send + 'static>(&self, key: &str) -> Waiting<Option<T>> {
        let (cache, key) = (self.clone(), key.to_owned());
        Waiting::new(async move {
            let value = cache.entries()?.value(&key).await?;
            Ok(value.and_then(|value| serde_json::from_slice(&value).ok()))
        })
    }

    /// Sets `key` to `value` for `timeout`: for ever if it is zero, for that of the cache if it is `None`.
    ///
    /// # Errors
    /// If the value cannot be written as JSON, or would not come back as it was, such as `f64::NAN` or `Some(())`.
    pub fn set(&self, key: &str, value: impl Serialize, timeout: impl Into<Option<Duration>>) -> Waiting<()> {
        let (cache, key, value, timeout) = (self.clone(), key.to_owned(), json(&value), timeout.into());
        Waiting::new(async move {
            let entries = cache.entries()?;
            let lifetime = lifetime(timeout, entries.settings.default_timeout);
            entries.set(key, Content::Value(value?.into()), lifetime).await
        })
    }

    /// Sets `key` as [`set`](Self::set) does, unless it has a value. Returns whether it had none.
    ///
    /// # Errors
    /// If the value cannot be written as JSON, or would not come back as it was, such as `f64::NAN` or `Some(())`.
    pub fn add(&self, key: &str, value: impl Serialize, timeout: impl Into<Option<Duration>>) -> Waiting<bool> {
        let (cache, key, value, timeout) = (self.clone(), key.to_owned(), json(&value), timeout.into());
        Waiting::new(async move {
            let entries = cache.entries()?;
            let lifetime = lifetime(timeout, entries.settings.default_timeout);
            entries.add(key, Content::Value(value?.into()), lifetime).await
        })
    }

    /// Deletes the entry of `key`, a value or a page whose key the app has made. Returns whether it was there.
    pub fn delete(&self, key: &str) -> Waiting<bool> {
        let (cache, key) = (self.clone(), key.to_owned());
        Waiting::new(async move { cache.entries()?.delete_own(&key).await })
    }

    /// Deletes the entries of `keys`. Returns the number of those that were there.
    pub fn delete_many<'k>(&self, keys: impl IntoIterator<Item = &'k str>) -> Waiting<usize> {
        let (cache, keys) = (self.clone(), keys.into_iter().map(str::to_owned).collect::<Vec<_>>());
        Waiting::new(async move {
            let (entries, mut deleted) = (cache.entries()?, 0);
            for key in keys {
                deleted += usize::from(entries.delete_own(&key).await?);
            }
            Ok(deleted)
        })
    }

    /// Deletes a page of `cached` by its path and query, as `url_for` makes them, in all its copies: for every host, method,
    /// owner and header. A page whose key the app has made is deleted by that: [`delete`](Self::delete).
    pub fn delete_cached(&self, url: &str) -> Waiting<()> {
        let (path, query) = url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query)));
        let (cache, copies, compat) = (self.clone(), keys_of(path, query), prefixed(COMPAT_PREFIX, path, query));
        Waiting::new(async move {
            let entries = cache.entries()?;
            if entries.settings.is_compat {
                return entries.delete(&compat).await.map(drop);
            }
            entries.clear(&copies).await
        })
    }

    /// Deletes all entries of this cache, and no other keys of its store.
    pub fn clear(&self) -> Waiting<()> {
        let cache = self.clone();
        Waiting::new(async move { cache.entries()?.clear("").await })
    }
}

fn lifetime(timeout: Option<Duration>, default: Duration) -> Lifetime {
    Lifetime { timeout: timeout.unwrap_or(default), ..Lifetime::default() }
}

fn json(value: &impl Serialize) -> Result<String, Error> {
    faithful(value)?.ok_or_else(|| {
        let message =
            "JSON writes this value as another one: it has a `Some` of nothing, or a number that is not finite";
        Error::new(ErrorKind::Other, message)
    })
}
