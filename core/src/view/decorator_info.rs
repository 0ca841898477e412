//! The description of a decorator: its name, its place in a stack, and what becomes of it on a WebSocket.

use super::phase::Phase;
use crate::execution::Colour;

/// The description of a decorator on a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecoratorInfo {
    /// The decorator's name, taken from its function.
    pub name: String,
    /// The colour of the decorator's wrapper.
    pub colour: Colour,
    /// The decorator's place in a stack, if it has a set one.
    pub phase: Option<Phase>,
    /// The fate of the decorator on a rule for WebSockets; `None` for what its phase says.
    pub on_websocket: Option<OnWebSocket>,
    /// Whether the decorator answers OPTIONS for its rule; see [`View::answering_options`](crate::View::answering_options).
    pub claims_options: bool,
}

impl DecoratorInfo {
    /// A decorator of this name. [`View::wrapped`](crate::View::wrapped) sets the colour.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), colour: Colour::Sync, phase: None, on_websocket: None, claims_options: false }
    }

    /// Sets where the decorator belongs in a stack; see [`Phase`].
    ///
    /// ```
    /// use costrel::{App, DecoratorInfo, Phase};
    ///
    /// # fn pass(view: costrel::View, decorator: DecoratorInfo) -> costrel::View {
    /// #     let inner = view.clone();
    /// #     view.wrapped(decorator, costrel::Callable::new_async(move |request| inner.call(request)))
    /// # }
    /// let cached = |view| pass(view, DecoratorInfo::new("cached").phase(Phase::CACHE));
    /// let login_required = |view| pass(view, DecoratorInfo::new("login_required").phase(Phase::AUTH));
    ///
    /// let mut app = App::new("docs");
    /// app.rule("/").decorate(cached).decorate(login_required).view(|| "private");
    /// let error = app.build().unwrap_err().to_string();
    /// assert!(error.contains("`cached` is outside `login_required`: it would hand one user's page to the next"));
    /// ```
    #[must_use]
    pub fn phase(mut self, phase: Phase) -> Self {
        self.phase = Some(phase);
        self
    }

    /// Sets what becomes of the decorator on a rule for WebSockets. Default: as its phase says, and else
    /// [`OnWebSocket::Run`].
    #[must_use]
    pub fn on_websocket(mut self, what: OnWebSocket) -> Self {
        self.on_websocket = Some(what);
        self
    }

    /// The fate of the decorator on a rule for WebSockets: what it sets itself, or else what its phase says.
    ///
    /// ```
    /// use costrel::{DecoratorInfo, OnWebSocket, Phase};
    ///
    /// assert_eq!(DecoratorInfo::new("cached").phase(Phase::CACHE).on_a_websocket(), OnWebSocket::SetupError);
    /// assert_eq!(DecoratorInfo::new("checked").on_a_websocket(), OnWebSocket::Run);
    /// ```
    pub fn on_a_websocket(&self) -> OnWebSocket {
        let by_phase = || self.phase.map(Phase::on_websocket);
        self.on_websocket.or_else(by_phase).unwrap_or(OnWebSocket::Run)
    }
}

impl From<&str> for DecoratorInfo {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for DecoratorInfo {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

/// The fate of a decorator on a rule for WebSockets, where a conversation takes the place of a page.
///
/// Around a conversation, a decorator that lets it through gets its outcome when it is over: an error, or a response of
/// status 101 that the client has had since the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnWebSocket {
    /// The decorator is around the conversation, and may refuse it: the default, so that no check of a user is lost. A
    /// login and a limit do this.
    Run,
    /// The decorator is left out: for what a conversation has no use for, and does not miss, such as headers. The
    /// default for [`Phase::CORS`].
    PassBy,
    /// Building the app fails, with an error at the rule's line: for what makes no sense there. The default for
    /// [`Phase::CACHE`].
    SetupError,
}
