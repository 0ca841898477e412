//! The values on Redis.

use std::time::Duration;

use costrel::{Bytes, Error};
use redis::{Cmd, Script, cmd};

use super::client::Redis;
use crate::entries::Entries;
use crate::outcome::Outcome;

/// Removes a value if it is the one that is given.
const DELETE_IF: &str = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or 0";

/// Sets a value if the present one is the one that is given; without a timeout if that is empty.
const SET_IF: &str = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1";

/// Values on Redis, for several processes and machines.
///
/// A value is kept as the bytes it is. Flask-Caching reads such a value as bytes too, but its own values are Python pickles,
/// which may run code when they are read: share keys with an app in Flask only where both write bytes.
#[derive(Clone, Debug)]
pub struct RedisEntries {
    redis: Redis,
    prefix: String,
    delete_if: Script,
    set_if: Script,
}

impl RedisEntries {
    /// Values on this server, with keys that begin with `flask_cache_` as those of Flask-Caching do.
    pub fn new(redis: &Redis) -> Self {
        let (delete_if, set_if) = (Script::new(DELETE_IF), Script::new(SET_IF));
        Self { redis: redis.clone(), prefix: "flask_cache_".to_owned(), delete_if, set_if }
    }

    /// Reads the server's URL and keeps values there, as [`Redis::open`] and [`new`](Self::new) do.
    ///
    /// # Errors
    /// A set-up error if the URL is not one of a Redis server.
    #[track_caller]
    pub fn open(url: &str) -> Result<Self, Error> {
        Redis::open(url).map(|redis| Self::new(&redis))
    }

    /// Sets what every key begins with: Flask-Caching's `CACHE_KEY_PREFIX`. Default: `flask_cache_`.
    #[must_use]
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    fn setting(&self, key: &str, value: &Bytes, timeout: Option<Duration>) -> Cmd {
        let mut command = cmd("SET");
        command.arg(self.key(key)).arg(value.as_ref());
        if let Some(timeout) = timeout {
            command.arg("PX").arg(milliseconds(timeout));
        }
        command
    }
}

/// A timeout as Redis takes it, to which one of zero is an error.
fn milliseconds(timeout: Duration) -> u64 {
    u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX).clamp(1, 1 << 53)
}

impl Entries for RedisEntries {
    fn get<'a>(&'a self, key: &'a str) -> Outcome<'a, Option<Bytes>> {
        Outcome::new(async move {
            let value: Option<Vec<u8>> = self.redis.call(cmd("GET").arg(self.key(key))).await?;
            Ok(value.map(Bytes::from))
        })
    }

    fn set<'a>(&'a self, key: &'a str, value: Bytes, timeout: Option<Duration>) -> Outcome<'a, ()> {
        Outcome::new(async move { self.redis.call(&self.setting(key, &value, timeout)).await })
    }

    fn add<'a>(&'a self, key: &'a str, value: Bytes, timeout: Option<Duration>) -> Outcome<'a, bool> {
        Outcome::new(async move { self.redis.call(self.setting(key, &value, timeout).arg("NX")).await })
    }

    fn set_if<'a>(&'a self, key: &'a str, old: &'a [u8], value: Bytes, timeout: Option<Duration>) -> Outcome<'a, bool> {
        let timeout = timeout.map(|timeout| milliseconds(timeout).to_string()).unwrap_or_default();
        Outcome::new(async move {
            let call = |mut connection| {
                let (key, value, timeout) = (self.key(key), &value, &timeout);
                async move {
                    let mut script = self.set_if.key(key);
                    script.arg(old).arg(value.as_ref()).arg(timeout).invoke_async::<bool>(&mut connection).await
                }
            };
            self.redis.run(call).await
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> Outcome<'a, bool> {
        Outcome::new(async move { Ok(self.redis.delete(&[self.key(key)]).await? > 0) })
    }

    fn delete_if<'a>(&'a self, key: &'a str, value: &'a [u8]) -> Outcome<'a, bool> {
        Outcome::new(self.redis.run(move |mut connection| async move {
            self.delete_if.key(self.key(key)).arg(value).invoke_async::<bool>(&mut connection).await
        }))
    }

    fn delete_many<'a>(&'a self, keys: &'a [&'a str]) -> Outcome<'a, u64> {
        Outcome::new(async move {
            let keys: Vec<_> = keys.iter().map(|key| self.key(key)).collect();
            self.redis.delete(&keys).await
        })
    }

    fn clear<'a>(&'a self, prefix: &'a str) -> Outcome<'a, ()> {
        Outcome::new(async move { self.redis.delete_prefix(&self.key(prefix)).await })
    }
}
