//! A session that the app's own interface opens when code looks at it.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use parking_lot::Mutex;

use super::interface::{SessionInterface, saves_late};
use super::{Session, Source};
use crate::error::{Error, ErrorKind};
use crate::execution::{StepKind, Waiting, catch_panic, may_wait_here, on_worker, wait_or_lend, with_current};
use crate::http_types::Request;

/// The parts that are needed to open a session at its first access.
pub(super) struct Deferred {
    interface: Arc<dyn SessionInterface>,
    request: Request,
    pub(super) cookie: Option<String>,
    opened: OnceLock<Result<(), Error>>,
    /// The opening that all who wait for it share. Weak, because the future may have the session.
    opening: Mutex<Option<WeakShared<Opening>>>,
    early: Early,
}

type Opening = BoxFuture<'static, Result<(), Error>>;

/// Whether the async code of a view has looked at a session that was not open: from then on, sessions are opened before the
/// view begins, so that its thread of the event loop does not wait. Shared by all requests of the view.
pub(crate) type Early = Arc<AtomicBool>;

impl Deferred {
    pub(super) fn new(
        interface: Arc<dyn SessionInterface>,
        request: Request,
        cookie: Option<String>,
        early: Early,
    ) -> Self {
        Self { interface, request, cookie, opened: OnceLock::new(), opening: Mutex::default(), early }
    }

    /// Whether the session has to be open before code of the request begins.
    pub(super) fn is_needed_early(&self) -> bool {
        self.early.load(Ordering::Relaxed) || !may_wait_here()
    }

    /// Opens the session, once however many look.
    pub(super) async fn open(&self, session: &Session) -> Result<(), Error> {
        // An interface may need the context of the request.
        if with_current(|_| ()).is_none() {
            return Err(Error::outside_context("request"));
        }
        match self.opened.get() {
            Some(opened) => opened.clone(),
            None => self.opening(session).await,
        }
    }

    /// Returns the opening that is under way, or begins one. Each who waits polls it, because one that blocks its thread may
    /// keep the others from doing so.
    fn opening(&self, session: &Session) -> Shared<Opening> {
        let mut opening = self.opening.lock();
        if let Some(under_way) = opening.as_ref().and_then(WeakShared::upgrade) {
            return under_way;
        }
        let begun = begin(session.clone()).boxed().shared();
        *opening = begun.downgrade();
        begun
    }

    async fn fill(&self, session: &Session) -> Result<(), Error> {
        let opening = self.interface.open_session(self.request.clone());
        session.fill(opening.recorded_as(StepKind::OpenSession).await?);
        // The first look may come after the head of the response, with an id that the store does not know.
        if session.is_open_late() && !saves_late(&*self.interface, session) {
            session.close();
        }
        Ok(())
    }

    /// Opens the session, and blocks this thread meanwhile.
    pub(super) fn open_now(&self, session: &Session) -> Result<(), Error> {
        let mut opening = pin!(self.open(session));
        // A store in memory has its answer at once.
        if let Some(opened) = opening.as_mut().now_or_never() {
            return opened;
        }
        if !on_worker() {
            self.early.store(true, Ordering::Relaxed);
        }
        wait_or_lend(opening)?
    }
}

/// Opens the session of a [`Deferred`].
async fn begin(session: Session) -> Result<(), Error> {
    let Source::Deferred(deferred) = &session.shared.source else { return Ok(()) };
    // Another may have opened it just before this one began.
    if let Some(opened) = deferred.opened.get() {
        return opened.clone();
    }
    let opened = catch_panic(deferred.fill(&session)).await;
    deferred.opened.get_or_init(|| opened).clone()
}

impl Session {
    /// Opens the session now, so that no later access waits for the place where the app keeps its sessions. Without it, code
    /// of either colour may look at the session all the same: sync code waits at the first access, and for an async view
    /// that does so the app opens the session beforehand from then on.
    ///
    /// It does something only if the app's interface [`opens_when_looked_at`](crate::SessionInterface::opens_when_looked_at).
    ///
    /// ```
    /// use costrel::{App, Error, session};
    ///
    /// async fn index() -> Result<String, Error> {
    ///     session().load().await?;
    ///     Ok(session().get("name").unwrap_or_default())
    /// }
    /// let mut app = App::new("docs");
    /// # app.route("/", index);
    /// # assert_eq!(app.test_client().get("/").wait()?.text(), "");
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// The reason why the session cannot be opened. An access answers as if the session were empty then, and the response is
    /// this error.
    pub fn load(&self) -> Waiting<()> {
        let session = self.clone();
        Waiting::new(async move {
            match &session.shared.source {
                Source::Deferred(deferred) if !session.can_be_saved() => deferred.open(&session).await,
                _ => Ok(()),
            }
        })
    }

    /// Whether the session may be opened at its first access. If not, it has to be opened before code of the request begins.
    pub(super) fn may_open_later(&self) -> bool {
        matches!(&self.shared.source, Source::Deferred(deferred) if !deferred.is_needed_early())
    }

    /// Opens the session, if that has to wait for the first access.
    pub(super) fn open_now(&self) {
        let Source::Deferred(deferred) = &self.shared.source else { return };
        if self.can_be_saved() || self.shared.state.lock().failed.is_some() {
            return;
        }
        if let Err(error) = deferred.open_now(self) {
            tracing::error!("The session could not be opened: {error:?}");
            self.shared.state.lock().failed = Some(error);
        }
    }

    /// Opens the session, for a change of it.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub(super) fn open_to_change(&self) -> Result<(), Error> {
        self.open_now();
        if self.can_be_saved() {
            return Ok(());
        }
        let message = "The session could not be opened in this request, so nothing can be put into it.";
        Err(Error::new(ErrorKind::Other, message))
    }

    /// # Errors
    /// The reason why a session that code has looked at could not be opened; once, because the response is its page then.
    pub(crate) fn check_opened(&self) -> Result<(), Error> {
        let Source::Deferred(_) = &self.shared.source else { return Ok(()) };
        let mut state = self.shared.state.lock();
        match state.failed.clone() {
            Some(error) if !std::mem::replace(&mut state.failure_is_told, true) => Err(error),
            _ => Ok(()),
        }
    }
}
