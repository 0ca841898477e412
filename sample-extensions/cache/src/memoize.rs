//! `memoize`: the values of functions that are no views, by their arguments.

use std::any::type_name;
use std::fmt;
use std::sync::Arc;

use costrel::marker::{AsyncFn, SyncFn};
use costrel::{Bytes, Callable, Error, Waiting, current_app, has_request_context, request};
use costrel_ext_kit::marker::{Fallible, Plain};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::caching::{Caching, ask};
use crate::entries::{Entries, Filling, Lookup, Wanted, survived};
use crate::extension::Cache;
use crate::faithful::faithful;
use crate::memory::{Content, Lifetime};
use crate::run::Run;
use crate::shared::new_token;
use crate::signals::{CACHE_MEMOIZE_HIT, CACHE_MEMOIZE_MISS, send};
use crate::turns::Turn;

/// A function of either colour whose values are kept by its arguments: what [`Cache::memoize`] returns. Cheap to clone.
///
/// A value is kept as JSON. One for which the function has looked at the client of the request, such as at the session, or at where
/// the request goes, such as at its host for an external URL, is not kept, unless the options say [`public`](Caching::public).
/// Nor is a value that does not come back from JSON as it was, such as `f64::NAN` or `Some(())`: the function runs each time, and
/// so it does with such arguments.
#[derive(Clone)]
#[must_use = "a memoized function runs when it is called"]
pub struct Memoized<A, V> {
    cache: Cache,
    name: Result<Arc<str>, Error>,
    function: Callable<A, V>,
    caching: Arc<Caching<A, V>>,
}

impl Cache {
    /// Returns `function`, sync or async, with its values kept by its arguments, for a timeout or as the options say. One
    /// argument is passed as it is, several as a tuple.
    ///
    /// The values belong to the name of the function and to the app. A closure has no name: give it one with
    /// [`make_name`](Memoized::make_name), or its calls fail with an error that says so.
    ///
    /// ```
    /// use std::time::Duration;
    /// use costrel::{App, Error};
    /// use costrel_cache::Cache;
    ///
    /// fn area(width: u32, height: u32) -> u32 {
    ///     width * height // slow to find out
    /// }
    ///
    /// let cache = Cache::new();
    /// let mut app = App::new("docs");
    /// app.init(&cache)?;
    /// let area = cache.memoize(Duration::from_secs(60), area);
    /// let same = area.clone();
    /// app.route("/sync", move || Ok::<_, Error>(area.call((6, 7)).wait()?.to_string()));
    /// app.route("/async", move || {
    ///     let area = same.clone();
    ///     async move { Ok::<_, Error>(area.call((6, 7)).await?.to_string()) }
    /// });
    /// let client = app.test_client();
    /// assert_eq!(client.get("/sync").wait()?.text(), "42");
    /// assert_eq!(client.get("/async").wait()?.text(), "42");
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn memoize<M, A, V, F>(&self, caching: impl Into<Caching<A, V>>, function: F) -> Memoized<A, V>
    where
        F: IntoMemoized<M, A, V>,
    {
        // Closures of one function have one path, and functions behind a pointer have none.
        let has_name = size_of::<F>() == 0 && !type_name::<F>().contains("{{closure}}");
        let message = "a closure that is memoized needs a name: `cache.memoize(timeout, closure).make_name(\"..\")`";
        let name = if has_name { Ok(type_name::<F>().into()) } else { Err(Error::setup(message)) };
        let (function, caching) = (function.into_memoized(), Arc::new(caching.into()));
        Memoized { cache: self.clone(), name, function, caching }
    }

    /// Forgets all values of a memoized function, which stay unused until their timeout.
    pub fn delete_memoized<A, V>(&self, function: &Memoized<A, V>) -> Waiting<()> {
        let (cache, name) = (self.clone(), function.name.clone());
        Waiting::new(async move { cache.entries()?.delete(&version_key(&name?)).await.map(drop) })
    }

    /// Forgets the value of a memoized function for one set of arguments.
    pub fn delete_memoized_for<A, V>(&self, function: &Memoized<A, V>, args: A) -> Waiting<()>
    where
        A: Serialize + Clone + Send + Sync + 'static,
        V: Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
    {
        let (cache, function) = (self.clone(), function.clone());
        Waiting::new(async move {
            let entries = cache.entries()?;
            let Some(text) = function.text(&args).await? else { return Ok(()) };
            let (_, key) = function.key(&entries, &text).await?;
            entries.delete(&key).await.map(drop)
        })
    }
}

impl<A, V> Memoized<A, V> {
    /// Sets the name, which is part of the key. Default: the path of the function; a closure has none.
    pub fn make_name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Ok(name.into());
        self
    }
}

impl<A, V> Memoized<A, V>
where
    A: Serialize + Clone + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
{
    /// Returns the value for `args`: `.await` it in async code, `.wait()` for it in sync code. While it is made, other calls
    /// with these arguments wait for it.
    ///
    /// # Errors
    /// Those of the function; if the arguments cannot be written as JSON.
    pub fn call(&self, args: A) -> Waiting<V> {
        let function = self.clone();
        Waiting::new(async move { function.answer(args).await })
    }

    /// Calls the function itself, and keeps nothing: Flask-Caching's `uncached`.
    ///
    /// # Errors
    /// Those of the function.
    pub fn uncached(&self, args: A) -> Waiting<V> {
        self.function.call(args)
    }

    async fn answer(self, args: A) -> Result<V, Error> {
        let entries = self.cache.entries()?;
        if entries.settings.is_off || ask(self.caching.unless.as_ref(), || args.clone()).await? == Some(true) {
            return self.function.call(args).await;
        }
        self.name.as_ref().map_err(Clone::clone)?;
        let Some(text) = self.text(&args).await? else { return self.function.call(args).await };
        let Some((version, key)) = survived(self.key(&entries, &text).await.map(Some))? else {
            return self.function.call(args).await;
        };
        let mut wanted = Wanted::value(key, self.caching.lifetime(entries.settings.default_timeout));
        let signals = entries.settings.enable_signals;
        match self.look_up(&entries, &mut wanted, &args).await? {
            Found::Value(value) => {
                send(signals, &CACHE_MEMOIZE_HIT, &wanted.key, || text).await?;
                Ok(value)
            }
            Found::Turn(turn) => {
                send(signals, &CACHE_MEMOIZE_MISS, &wanted.key, || text).await?;
                self.run(args, &entries, wanted, version, turn).await
            }
            Found::Pass => self.function.call(args).await,
        }
    }

    async fn look_up(&self, entries: &Entries, wanted: &mut Wanted, args: &A) -> Result<Found<V>, Error> {
        if ask(self.caching.forced_update.as_ref(), || args.clone()).await? != Some(true) {
            match entries.find(wanted).await? {
                Lookup::Miss(turn) => return Ok(Found::Turn(turn)),
                Lookup::Pass | Lookup::Page(_) => return Ok(Found::Pass),
                Lookup::Value(value) => {
                    let value: Option<V> = serde_json::from_slice(&value).ok();
                    if let Some(value) = value
                        && ask(self.caching.is_stale.as_ref(), || value.clone()).await? != Some(true)
                    {
                        return Ok(Found::Value(value));
                    }
                }
            }
        }
        Ok(Found::Turn(entries.turn(wanted).await))
    }

    /// Runs the function, and keeps its value if it is for any client.
    async fn run(
        &self,
        args: A,
        entries: &Arc<Entries>,
        wanted: Wanted,
        version: Bytes,
        turn: Turn,
    ) -> Result<V, Error> {
        let run = has_request_context().then(|| Run::begin(&request()));
        let outcome = self.function.call(args).await;
        let may_be_kept = run.is_none_or(|run| run.end().may_be_kept(self.caching.is_public));
        let value = outcome?;
        let json = if may_be_kept { faithful(&value)? } else { None };
        let Some(json) = json else {
            entries.fill(&current_app(), wanted.pass(true), turn);
            return Ok(value);
        };
        if ask(self.caching.response_filter.as_ref(), || value.clone()).await? != Some(false) {
            let known = Some((version_key(&self.name.clone()?), Content::Value(version)));
            let kept = vec![(wanted.key, Content::Value(json.into()))];
            survived(entries.keep(Filling { entries: kept, lifetime: wanted.lifetime, known }, &turn).await)?;
        }
        Ok(value)
    }

    /// Returns the version of the function's values, and the key of the one for `args`.
    async fn key(&self, entries: &Entries, args: &str) -> Result<(Bytes, String), Error> {
        let (name, version) = (self.name.clone()?, self.version(entries).await?);
        let key = format!("memoize/{name} {} {} {args}", String::from_utf8_lossy(&version), self.caching.version);
        Ok((version, key))
    }

    /// Returns the version of the function's values, and makes one if there is none.
    async fn version(&self, entries: &Entries) -> Result<Bytes, Error> {
        let key = version_key(&self.name.clone()?);
        if let Some(version) = entries.value(&key).await? {
            return Ok(version);
        }
        let version = Bytes::from(new_token());
        let lasts = self.caching.lifetime(entries.settings.default_timeout).in_all();
        if entries.add(key.clone(), Content::Value(version.clone()), Lifetime::lasting(lasts)).await? {
            return Ok(version);
        }
        Ok(entries.value(&key).await?.unwrap_or(version))
    }

    /// Returns the arguments as text; `None` if others would have the same.
    async fn text(&self, args: &A) -> Result<Option<String>, Error> {
        match ask(self.caching.make_cache_key.as_ref(), || args.clone()).await? {
            Some(text) => Ok(Some(text)),
            None => faithful(args),
        }
    }
}

impl<A, V> fmt::Debug for Memoized<A, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memoized").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The result of looking a value up.
enum Found<V> {
    Value(V),
    Pass,
    Turn(Turn),
}

fn version_key(name: &str) -> String {
    format!("memver/{name}")
}

/// A function that can be memoized: a `fn` or `async fn` of up to four arguments that can be written as JSON, from them to a
/// value that can be written and read, or to a `Result` of one. The compiler infers `M`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be memoized",
    note = "pass a `fn` or `async fn` of up to four arguments, which returns a value that is `Serialize` and \
            `DeserializeOwned`, or a `Result` of one whose error becomes a `costrel::Error`"
)]
pub trait IntoMemoized<M, A, V> {
    /// Converts the function to a [`Callable`] of its colour.
    #[doc(hidden)]
    fn into_memoized(self) -> Callable<A, V>;
}

/// What a function that can be memoized returns.
pub trait Returned<K> {
    /// The value to keep.
    type Value: Send + 'static;
    /// Returns the value, or the error that the function has returned.
    #[doc(hidden)]
    fn into_result(self) -> Result<Self::Value, Error>;
}

impl<V: Serialize + DeserializeOwned + Send + 'static> Returned<Plain<V>> for V {
    type Value = V;

    fn into_result(self) -> Result<V, Error> {
        Ok(self)
    }
}

impl<V: Serialize + DeserializeOwned + Send + 'static, E: Into<Error>> Returned<Fallible<V, E>> for Result<V, E> {
    type Value = V;

    fn into_result(self) -> Result<V, Error> {
        self.map_err(Into::into)
    }
}

macro_rules! memoized {
    ($args:ty, $pattern:pat, $($arg:ident: $kind:ident),*) => {
        impl<F, R, K, $($kind),*> IntoMemoized<(SyncFn<($($kind,)*)>, K), $args, R::Value> for F
        where
            F: Fn($($kind),*) -> R + Send + Sync + 'static,
            R: Returned<K>,
            $($kind: Send + 'static),*
        {
            fn into_memoized(self) -> Callable<$args, R::Value> {
                Callable::new_sync(move |$pattern: $args| self($($arg),*).into_result())
            }
        }

        impl<F, R, W, K, $($kind),*> IntoMemoized<(AsyncFn<($($kind,)*)>, K), $args, R::Value> for F
        where
            F: Fn($($kind),*) -> W + Send + Sync + 'static,
            W: Future<Output = R> + Send + 'static,
            R: Returned<K>,
            $($kind: Send + 'static),*
        {
            fn into_memoized(self) -> Callable<$args, R::Value> {
                Callable::new_async(move |$pattern: $args| {
                    let running = self($($arg),*);
                    async move { running.await.into_result() }
                })
            }
        }
    };
}

memoized!((), (),);
memoized!(A, a, a: A);
memoized!((A, B), (a, b), a: A, b: B);
memoized!((A, B, C), (a, b, c), a: A, b: B, c: C);
memoized!((A, B, C, D), (a, b, c, d), a: A, b: B, c: C, d: D);
