//! A store with what its trial needs.

use std::any::Any;
use std::fmt;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use costrel::{Error, ErrorKind};
use costrel_ext_kit::Clock;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::trouble::Troubles;

/// A store, that of another app beside it, and a way to move time on. A fixture serves one law: make a new one for each.
pub struct Fixture<S: ?Sized> {
    pub(super) store: Arc<S>,
    pub(super) beside: Arc<S>,
    pub(super) slack: Duration,
    pub(super) troubles: Option<Troubles>,
    advance: Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>,
    /// What must live as long as the store, such as its server.
    kept: Option<Arc<dyn Any + Send + Sync>>,
}

impl<S: ?Sized> Fixture<S> {
    /// A store, and the store of another app in the same place, such as one with another prefix on the same server.
    pub fn new(store: Arc<S>, beside: Arc<S>) -> Self {
        let advance = Arc::new(|_| async {}.boxed());
        Self { store, beside, advance, slack: Duration::ZERO, troubles: None, kept: None }
    }

    /// Sets how the time of both stores moves on.
    #[must_use]
    pub fn advance<F>(self, advance: impl Fn(Duration) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self { advance: Arc::new(move |by| advance(by).boxed()), ..self }
    }

    /// Sets the clock of both stores, which the law moves.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        self.advance(move |by| {
            clock.advance(by);
            ready(())
        })
    }

    /// Sets how far the store's time may be from that of the law, because it moves on by itself too. Default: zero, for a
    /// clock that a test moves.
    #[must_use]
    pub fn slack(self, slack: Duration) -> Self {
        Self { slack, ..self }
    }

    /// Sets the troubles of the server behind a store that has another in its place meanwhile, such as a
    /// [`Failover`](crate::Failover) around a [`Troubled`](super::Troubled) store. Default: none, and the laws of such stores have
    /// nothing to try.
    #[must_use]
    pub fn troubles(self, troubles: &Troubles) -> Self {
        Self { troubles: Some(troubles.clone()), ..self }
    }

    /// Keeps something for as long as the store, such as its server.
    #[must_use]
    pub fn keeping(self, kept: impl Any + Send + Sync) -> Self {
        Self { kept: Some(Arc::new(kept)), ..self }
    }

    pub(super) async fn advance_by(&self, by: Duration) {
        (self.advance)(by).await;
    }
}

impl<S: ?Sized> Clone for Fixture<S> {
    fn clone(&self) -> Self {
        let Self { store, beside, slack, troubles, advance, kept } = self;
        let (store, beside, advance) = (store.clone(), beside.clone(), advance.clone());
        Self { store, beside, advance, slack: *slack, troubles: troubles.clone(), kept: kept.clone() }
    }
}

impl<S: fmt::Debug + ?Sized> fmt::Debug for Fixture<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture").field("store", &self.store).finish_non_exhaustive()
    }
}

/// Fails a law if `kept` is false.
pub(super) fn expect(kept: bool, broken: impl FnOnce() -> String) -> Result<(), Error> {
    if kept { Ok(()) } else { Err(Error::new(ErrorKind::Other, broken())) }
}

/// Keys that a store could take for one another, or for syntax of its own.
pub(super) fn odd_keys() -> Vec<String> {
    let odd = [
        "", " ", "a/b", "a//b", "A/B", "{a}/b", "a/{b}", "a*", "a?", "[a]", "\\", "\"", "\r\n", "\0", "佐藤", "é",
        "e\u{301}",
    ];
    let long = [1, 2].map(|n| "x".repeat(10_000) + &n.to_string());
    odd.into_iter().map(str::to_owned).chain(long).collect()
}
