//! The decorator on trial, and how to get past it.

use std::fmt;
use std::sync::Arc;

use costrel::{App, Error, StatusCode, View, decorator_name};
use futures_util::future::BoxFuture;

use crate::host::Visitor;

/// A decorator with what the suite must know to try it.
///
/// By default every request is let through and the app needs no setting up.
#[derive(Clone)]
pub struct Candidate {
    name: String,
    decorate: Arc<dyn Fn(View) -> View + Send + Sync>,
    setup: Arc<Setup>,
    allow: Prepare,
    deny: Option<Prepare>,
    crossings: u64,
    lets_in: bool,
    tries: usize,
    change: Option<Arc<Change>>,
}

/// What becomes of status and text of the view's answer.
type Change = dyn Fn(StatusCode, String) -> (StatusCode, String) + Send + Sync;

type Setup = dyn Fn(&mut App) -> Result<(), Error> + Send + Sync;

/// Makes a visitor one that gets through, or one that does not.
type Prepare = Arc<dyn Fn(Visitor) -> BoxFuture<'static, Result<Visitor, Error>> + Send + Sync>;

impl Candidate {
    /// A decorator under the name of its function.
    pub fn new<D: Fn(View) -> View + Send + Sync + 'static>(decorator: D) -> Self {
        Self {
            name: decorator_name::<D>(),
            decorate: Arc::new(decorator),
            setup: Arc::new(|_| Ok(())),
            allow: Arc::new(|visitor| Box::pin(async { Ok(visitor) })),
            deny: None,
            crossings: 0,
            lets_in: true,
            tries: 1,
            change: None,
        }
    }

    /// Says that it lets nobody in, whatever they do.
    #[must_use]
    pub fn denying_everybody(mut self) -> Self {
        self.lets_in = false;
        self.deny(async |visitor| Ok(visitor))
    }

    /// Says how often it runs a view that keeps failing, the first time included. An async wrapper crosses to a sync view each
    /// time, so it needs `.crossing_for_callbacks(times - 1)` as well; a sync wrapper does not.
    #[must_use]
    pub fn trying(mut self, times: usize) -> Self {
        self.tries = times;
        self
    }

    /// Says what it makes of the view's answer, as status and text.
    ///
    /// ```
    /// # use costrel::View;
    /// # use costrel_compat::Candidate;
    /// # use costrel_ext_kit::Decorate;
    /// fn in_upper_case(view: View) -> View {
    ///     view.wrapped_by_async(|next, request| async move {
    ///         let (head, body) = next.call(request).await?.into_parts();
    ///         let text = String::from_utf8_lossy(&body.collect().await?).to_uppercase();
    ///         Ok(costrel::Response::from_parts(head, text.into()))
    ///     })
    /// }
    /// let candidate = Candidate::new(in_upper_case).changing(|status, text| (status, text.to_uppercase()));
    /// # assert_eq!(candidate.name(), "in_upper_case");
    /// ```
    #[must_use]
    pub fn changing(
        mut self,
        change: impl Fn(StatusCode, String) -> (StatusCode, String) + Send + Sync + 'static,
    ) -> Self {
        self.change = Some(Arc::new(change));
        self
    }

    /// Says that it calls so many sync callbacks in a request, or other sync code, each of which may cross to a worker.
    #[must_use]
    pub fn crossing_for_callbacks(mut self, crossings: u64) -> Self {
        self.crossings = crossings;
        self
    }

    /// What the app needs for this decorator: settings, extensions, routes to sign in at.
    #[must_use]
    pub fn setup(mut self, setup: impl Fn(&mut App) -> Result<(), Error> + Send + Sync + 'static) -> Self {
        self.setup = Arc::new(setup);
        self
    }

    /// How a visitor becomes one whose requests get through: headers, a session.
    #[must_use]
    pub fn allow<F>(mut self, prepare: impl Fn(Visitor) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Visitor, Error>> + Send + 'static,
    {
        self.allow = Arc::new(move |visitor| Box::pin(prepare(visitor)));
        self
    }

    /// How a visitor becomes one whose requests are refused. Without it, nobody is.
    #[must_use]
    pub fn deny<F>(mut self, prepare: impl Fn(Visitor) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Visitor, Error>> + Send + 'static,
    {
        self.deny = Some(Arc::new(move |visitor| Box::pin(prepare(visitor))));
        self
    }

    /// Another name for the report.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The name in the report.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn decorate(&self, view: View) -> View {
        (self.decorate)(view)
    }

    pub(crate) fn set_up(&self, app: &mut App) -> Result<(), Error> {
        (self.setup)(app)
    }

    /// How many crossings it may have beside the view's.
    pub(crate) fn extra_crossings(&self) -> u64 {
        self.crossings
    }

    pub(crate) fn lets_in(&self) -> bool {
        self.lets_in
    }

    /// How often it runs a view that fails.
    pub(crate) fn tries(&self) -> usize {
        self.tries
    }

    /// What it makes of an answer of the view's.
    pub(crate) fn changed(&self, (status, text): (StatusCode, String)) -> (StatusCode, String) {
        match &self.change {
            Some(change) => change(status, text),
            None => (status, text),
        }
    }

    pub(crate) fn changes_answers(&self) -> bool {
        self.change.is_some()
    }

    pub(crate) fn can_deny(&self) -> bool {
        self.deny.is_some()
    }

    pub(crate) async fn allowed(&self, visitor: Visitor) -> Result<Visitor, Error> {
        (self.allow)(visitor).await
    }

    pub(crate) async fn denied(&self, visitor: Visitor) -> Result<Visitor, Error> {
        match &self.deny {
            Some(prepare) => prepare(visitor).await,
            None => Ok(visitor),
        }
    }
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate").field("name", &self.name).finish_non_exhaustive()
    }
}
