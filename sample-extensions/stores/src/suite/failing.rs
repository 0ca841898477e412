//! What a store owes while its server has trouble, if it has another in its place meanwhile.

use std::time::Duration;

use costrel::{Colour, Error};
use futures_util::future::join_all;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::fixture::{Fixture, expect};
use super::trouble::{Trouble, Troubles};

/// The kinds of code that calls a store, async code first: a call of sync code that has no end would block a worker.
pub(super) const COLOURS: [Colour; 2] = [Colour::Async, Colour::Sync];

/// Every trouble, for code of either colour.
pub(super) const TROUBLES: [(Colour, Trouble); 4] = [
    (Colour::Async, Trouble::Fails),
    (Colour::Async, Trouble::NeverAnswers),
    (Colour::Sync, Trouble::Fails),
    (Colour::Sync, Trouble::NeverAnswers),
];

/// The number of calls at a time, and of those one after another.
const CALLS: usize = 8;

/// The longest time for calls that have a deadline.
const PATIENCE: Duration = Duration::from_secs(2);

/// More than the longest pause between two questions whether a server is back.
const PAUSE: Duration = Duration::from_secs(64);

impl<S: ?Sized> Fixture<S> {
    /// Has a server that never answers; only the calls of that moment may wait for it, at the same time.
    pub(super) async fn expect_one_deadline<F>(&self, troubles: &Troubles, call: impl Fn() -> F) -> Result<(), Error>
    where
        F: Future<Output = Result<(), Error>>,
    {
        troubles.begin(Trouble::NeverAnswers);
        let answers = timeout(PATIENCE, join_all((0..CALLS).map(|_| call()))).await;
        expect(answers.is_ok(), || format!("{CALLS} calls still wait for the server after {PATIENCE:?}"))?;
        answers.into_iter().flatten().collect::<Result<(), _>>()?;
        let before = troubles.calls();
        for _ in 0..CALLS {
            call().await?;
        }
        let asked = troubles.calls() - before;
        // One of them may be to find out whether the server is back.
        expect(asked <= 1, || format!("of {CALLS} calls after the deadline, {asked} waited for the server again"))?;
        self.expect_return(troubles, call).await
    }

    /// Ends the trouble; calls must reach the server again.
    pub(super) async fn expect_return<F>(&self, troubles: &Troubles, call: impl Fn() -> F) -> Result<(), Error>
    where
        F: Future<Output = Result<(), Error>>,
    {
        troubles.end();
        let reaches = async || {
            let before = troubles.calls();
            call().await.map(|()| troubles.calls() > before)
        };
        for _ in 0..10_000 {
            self.advance_by(PAUSE).await;
            call().await?;
            yield_now().await;
            // Twice, because a question whether the server is back may come between.
            if reaches().await? && reaches().await? {
                return Ok(());
            }
        }
        expect(false, || "the server is back, and no call reaches it".to_owned())
    }
}
