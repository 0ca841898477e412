//! What a law is tried on: views of different kinds.

use std::cell::RefCell;
use std::sync::Once;
use std::time::Duration;
use std::{fmt, panic, thread};

use costrel::http::header;
use costrel::{
    Body, Colour, Error, HeaderValue, IntoResponse, IntoView, IntoWebSocketView, MethodView, Methods, Response,
    StatusCode, View, async_to_sync, g, has_request_context, request, session, websocket,
};

use crate::probe::Probe;

/// A kind of view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// A `fn`.
    SyncFn,
    /// A `fn` that blocks its thread until another one is done.
    SyncBlocking,
    /// An `async fn` that is ready at once.
    AsyncFn,
    /// An `async fn` that waits before it answers.
    AsyncWaiting,
    /// The `fn` for GET of a class view, whose function for POST is async.
    SyncMethod,
    /// The `async fn` for GET of a class view, whose function for POST is sync.
    AsyncMethod,
    /// The `dispatch_request` of a class view, a `fn`; the class itself lists the decorator.
    DispatchRequest,
    /// An `async fn` in a blueprint within a blueprint.
    InBlueprint,
    /// An `async fn` whose body is a stream.
    Streaming,
    /// A `fn` whose body is an iterator.
    Iterating,
    /// A `fn` whose body is empty.
    EmptyBody,
    /// An `async fn` with a body of half a megabyte.
    LargeBody,
    /// A `fn` that fails with an error of the app's own.
    SyncFailing,
    /// An `async fn` that fails with an error of the app's own.
    AsyncFailing,
    /// A `fn` that talks over a WebSocket.
    SyncSocket,
    /// An `async fn` that talks over a WebSocket.
    AsyncSocket,
}

/// The error of the failing subjects.
#[derive(Debug)]
pub(crate) struct SubjectError;

impl fmt::Display for SubjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the subject failed, as it should")
    }
}

impl std::error::Error for SubjectError {}

impl Subject {
    /// Every kind.
    pub const ALL: [Self; 16] = [
        Self::SyncFn,
        Self::SyncBlocking,
        Self::AsyncFn,
        Self::AsyncWaiting,
        Self::SyncMethod,
        Self::AsyncMethod,
        Self::DispatchRequest,
        Self::InBlueprint,
        Self::Streaming,
        Self::Iterating,
        Self::EmptyBody,
        Self::LargeBody,
        Self::SyncFailing,
        Self::AsyncFailing,
        Self::SyncSocket,
        Self::AsyncSocket,
    ];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::SyncFn => "sync_fn",
            Self::SyncBlocking => "sync_blocking",
            Self::AsyncFn => "async_fn",
            Self::AsyncWaiting => "async_waiting",
            Self::SyncMethod => "sync_method",
            Self::AsyncMethod => "async_method",
            Self::DispatchRequest => "dispatch_request",
            Self::InBlueprint => "in_blueprint",
            Self::Streaming => "streaming",
            Self::Iterating => "iterating",
            Self::EmptyBody => "empty_body",
            Self::LargeBody => "large_body",
            Self::SyncFailing => "sync_failing",
            Self::AsyncFailing => "async_failing",
            Self::SyncSocket => "sync_socket",
            Self::AsyncSocket => "async_socket",
        }
    }

    /// Its colour, for GET.
    pub fn colour(self) -> Colour {
        match self {
            Self::SyncFn
            | Self::SyncBlocking
            | Self::SyncMethod
            | Self::DispatchRequest
            | Self::Iterating
            | Self::EmptyBody
            | Self::SyncFailing
            | Self::SyncSocket => Colour::Sync,
            Self::AsyncFn
            | Self::AsyncWaiting
            | Self::AsyncMethod
            | Self::InBlueprint
            | Self::Streaming
            | Self::LargeBody
            | Self::AsyncFailing
            | Self::AsyncSocket => Colour::Async,
        }
    }

    /// Whether it answers with an error.
    pub fn fails(self) -> bool {
        matches!(self, Self::SyncFailing | Self::AsyncFailing)
    }

    /// Whether it talks over a WebSocket.
    pub fn is_socket(self) -> bool {
        matches!(self, Self::SyncSocket | Self::AsyncSocket)
    }

    /// The endpoint it has with a decorator that keeps its name.
    pub(crate) fn endpoint(self) -> &'static str {
        if self == Self::InBlueprint { "outer.inner.subject" } else { "subject" }
    }

    /// The view, for a rule with one text variable. It notes on `probe` that it ran, and does what it is told: some
    /// names are orders.
    pub(crate) fn view(self, probe: &Probe) -> View {
        let acting = Acting { subject: self, probe: probe.clone() };
        match self {
            Self::SyncMethod => SyncForGet::as_view("subject", move || SyncForGet(acting.clone())),
            Self::AsyncMethod => AsyncForGet::as_view("subject", move || AsyncForGet(acting.clone())),
            Self::DispatchRequest => Dispatching::as_view("subject", move || Dispatching(acting.clone())),
            Self::SyncSocket => (move |name: String| acting.talk_sync(&name)).into_websocket_view(),
            Self::AsyncSocket => (move |name: String| acting.clone().talk(name)).into_websocket_view(),
            _ if self.colour() == Colour::Sync => (move |name: String| acting.act(&name)).into_view(),
            _ => (move |name: String| acting.clone().act_async(name)).into_view(),
        }
    }

    /// The view behind a decorator: where it is a class that lists its decorators, in that list.
    pub(crate) fn decorated_view(self, probe: &Probe, decorate: impl Fn(View) -> View + 'static) -> View {
        if self == Self::DispatchRequest {
            LISTED.set(vec![Box::new(decorate)]);
            return self.view(probe);
        }
        decorate(self.view(probe).named("subject"))
    }

    fn end(self, name: &str, probe: &Probe) -> Result<Response, Error> {
        if self.fails() {
            return Err(SubjectError.into());
        }
        let headers = [
            ("x-subject", "untouched"),
            ("set-cookie", "subject=1"),
            ("set-cookie", "another=2"),
            ("content-type", "text/plain"),
        ];
        let text = self.text(name);
        let chunks: Vec<_> = text.split_inclusive(' ').map(str::to_owned).collect();
        let body = match self {
            Self::Streaming => Body::from_stream(futures_util::stream::iter(chunks)),
            // Its steps need the workers of an app.
            Self::Iterating if has_request_context() => {
                let source = probe.source();
                Body::from_iterator(chunks.into_iter().inspect(move |_| {
                    let _kept = &source;
                }))
            }
            _ => text.into(),
        };
        (body, 202, headers).into_response()
    }

    fn text(self, name: &str) -> String {
        match self {
            Self::EmptyBody => String::new(),
            Self::LargeBody => format!("subject {name}{}", ".".repeat(500_000)),
            _ => format!("subject {name}"),
        }
    }

    /// What a client must see for the path variable `name`.
    pub(crate) fn expected(self, name: &str) -> (StatusCode, String) {
        if self.fails() {
            (StatusCode::IM_A_TEAPOT, format!("handled: {SubjectError}"))
        } else if self.is_socket() {
            (StatusCode::SWITCHING_PROTOCOLS, self.text(name))
        } else {
            (StatusCode::ACCEPTED, self.text(name))
        }
    }
}

/// What a view of any kind does.
#[derive(Clone)]
struct Acting {
    subject: Subject,
    probe: Probe,
}

impl Acting {
    fn act(&self, name: &str) -> Result<Response, Error> {
        begin(&self.probe, name)?;
        if self.subject == Subject::SyncBlocking {
            block_until_another_thread_is_done();
        }
        if name == "echo" {
            note_request(&self.probe, &request().get_data().wait()?);
        }
        if name == "hold" {
            async_to_sync(|()| hold(self.probe.clone()))(())?;
        }
        self.subject.end(name, &self.probe)
    }

    async fn act_async(self, name: String) -> Result<Response, Error> {
        if self.subject == Subject::AsyncWaiting {
            wait_a_little().await;
        }
        begin(&self.probe, &name)?;
        if name == "echo" {
            note_request(&self.probe, &request().get_data().await?);
        }
        if name == "hold" {
            hold(self.probe.clone()).await;
        }
        self.subject.end(&name, &self.probe)
    }
}

impl Acting {
    fn talk_sync(&self, name: &str) -> Result<(), Error> {
        begin(&self.probe, name)?;
        if name == "hold" {
            async_to_sync(|()| hold(self.probe.clone()))(())?;
        }
        self.subject.text(name).split_inclusive(' ').try_for_each(|part| websocket().send(part).wait())
    }

    async fn talk(self, name: String) -> Result<(), Error> {
        begin(&self.probe, &name)?;
        if name == "hold" {
            hold(self.probe.clone()).await;
        }
        for part in self.subject.text(&name).split_inclusive(' ') {
            websocket().send(part).await?;
        }
        Ok(())
    }
}

#[derive(Clone)]
struct SyncForGet(Acting);

#[derive(Clone)]
struct AsyncForGet(Acting);

#[derive(Clone)]
struct Dispatching(Acting);

impl MethodView for SyncForGet {
    fn methods(methods: Methods<Self>) -> Methods<Self> {
        methods
            .get(|view: Self, name: String| view.0.act(&name))
            .post(|view: Self, name: String| view.0.act_async(name))
    }
}

impl MethodView for AsyncForGet {
    fn methods(methods: Methods<Self>) -> Methods<Self> {
        methods
            .get(|view: Self, name: String| view.0.act_async(name))
            .post(|view: Self, name: String| view.0.act(&name))
    }
}

type Decorators = Vec<Box<dyn Fn(View) -> View>>;

thread_local! {
    /// What the next view of [`Dispatching`] lists: a class says so once for all, and the suite has many candidates.
    static LISTED: RefCell<Decorators> = const { RefCell::new(Vec::new()) };
}

impl MethodView for Dispatching {
    fn methods(methods: Methods<Self>) -> Methods<Self> {
        methods.dispatch_request(["GET", "POST"], |view: Self, name: String| view.0.act(&name))
    }

    fn decorators() -> Decorators {
        LISTED.take()
    }
}

/// As a call of a library that knows nothing of async does.
fn block_until_another_thread_is_done() {
    // The thread does nothing, so nothing can have gone wrong in it.
    let _ = thread::spawn(|| ()).join();
}

/// Gives the loop a chance to do something else, more than once.
async fn wait_a_little() {
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
    // Ready at once, but only where there is a clock.
    tokio::time::sleep(Duration::ZERO).await;
}

/// Notes that the view ran and what it can see, leaves something on `g` for the hooks after it, and fails if
/// it is told to.
fn begin(probe: &Probe, name: &str) -> Result<(), Error> {
    probe.ran();
    probe.note(format!("argument {name}"));
    if !has_request_context() {
        probe.note("no context");
        return do_as_told(name);
    }
    probe.note(format!("{name} saw {}", g().get("visitor").unwrap_or_else(|| "nobody".to_owned())));
    g().set("seen_by_view", name.to_owned());
    if name == "remember" {
        session().set("compat", "what the view wrote")?;
    }
    if name == "recall" {
        probe.note(format!("recalled {}", session().get::<String>("compat").unwrap_or_default()));
    }
    do_as_told(name)
}

/// Notes what has come of a request.
fn note_request(probe: &Probe, body: &[u8]) {
    let request = request();
    let (query, header) = (request.args().get("q").map(str::to_owned), request.header("x-echo").map(str::to_owned));
    probe.note(format!("{query:?} {header:?} {}", String::from_utf8_lossy(body)));
}

/// What a subject panics with that was told to.
pub(crate) const PANIC: &str = "the subject panicked, as it should";

/// Keeps the panics that laws ask for off the terminal, where they would bury the report; all others are shown as before.
fn silence_the_subject() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let show = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if info.payload().downcast_ref::<String>().is_none_or(|text| text != PANIC) {
                show(info);
            }
        }));
    });
}

/// Some names are orders.
fn do_as_told(name: &str) -> Result<(), Error> {
    if name == "panic" {
        silence_the_subject();
        panic!("{PANIC}");
    }
    if name == "abort" {
        let error = Error::status(409).with_message("the subject's own words");
        return Err(error.with_header(header::RETRY_AFTER, HeaderValue::from_static("7")));
    }
    Ok(())
}

/// Waits until the law lets it go.
pub(crate) async fn hold(probe: Probe) {
    let _dropped = probe.drop_counter();
    probe.note("held");
    probe.hold().await;
}
