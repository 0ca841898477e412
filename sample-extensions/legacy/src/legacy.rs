//! The old app, as a view.

use std::fmt;
use std::future::ready;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use costrel::http::HeaderValue;
use costrel::marker::Ready;
use costrel::{Callable, Error, IntoView, Request, View, Waiting, current_app, has_app_context, sync_to_async};
use costrel_ext_kit::Clock;

use crate::address::Address;
use crate::forward::{Proxy, forward, leave};
use crate::old_app::OldApp;
use crate::switch::{LEGACY_SWITCHED, Switch, Switched, check};
use crate::switch_file::SwitchFile;

/// The methods of HTTP, for a rule whose view is the old app.
///
/// ```
/// use costrel::App;
/// use costrel_legacy::{ALL_METHODS, legacy};
///
/// let mut app = App::new("docs");
/// app.rule("/old/<path:rest>").methods(ALL_METHODS).view(legacy("http://127.0.0.1:8000"));
/// # assert!(app.build().is_ok());
/// ```
pub const ALL_METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Returns the old app at `address`: `http://127.0.0.1:8000`, or `unix:/run/old.sock`. Any other text is a set-up error, at
/// this line.
///
/// ```
/// use costrel::App;
/// use costrel_legacy::legacy;
///
/// let mut app = App::new("docs");
/// app.fallback(legacy("127.0.0.1:8000"));
/// assert!(app.build().unwrap_err().message().contains("write \"http://127.0.0.1:8000\""));
/// ```
#[track_caller]
pub fn legacy(address: &str) -> Legacy {
    let options = Options {
        address: Address::parse(address).map_err(Error::setup),
        host: None,
        sets_forwarded: true,
        connect_timeout: Duration::from_secs(5),
        head_timeout: Duration::from_secs(60),
        idle_timeout: Duration::from_secs(60),
    };
    Legacy { options, proxy: Arc::default(), switch: Switch::default(), switch_file: None, clock: Clock::system() }
}

/// The old app: a view that hands each request on to it. Clones share its connections and the endpoints that went back.
///
/// [`legacy`] makes one. As `app.init(&old)`, or `app.fallback(old)`, it gets all requests that no rule takes, those for
/// another method of a path with rules too.
#[derive(Clone)]
pub struct Legacy {
    options: Options,
    proxy: Arc<OnceLock<Arc<Proxy>>>,
    pub(crate) switch: Switch,
    switch_file: Option<Arc<SwitchFile>>,
    clock: Clock,
}

#[derive(Clone, Debug)]
struct Options {
    address: Result<Address, Error>,
    host: Option<Result<HeaderValue, Error>>,
    sets_forwarded: bool,
    connect_timeout: Duration,
    head_timeout: Duration,
    idle_timeout: Duration,
}

impl Legacy {
    /// Sets the `Host` that the old app gets. Default: the one that the client sent, so that its URLs and cookies are right.
    #[must_use]
    #[track_caller]
    pub fn host(self, host: &str) -> Self {
        let value = HeaderValue::from_str(host).ok().filter(|_| !host.is_empty());
        let value =
            value.ok_or_else(|| Error::setup(format!("{host:?} is no host for the old app: write \"shop.example\"")));
        self.with(|options| options.host = Some(value))
    }

    /// Sets whether the old app gets `X-Forwarded-For`, `-Proto`, `-Host` and `-Prefix`, in place of those that the client
    /// sent. They say what the front itself believes, see `config.server.proxy_fix`. If not, those of the client pass, so the
    /// old app must not trust them. Default: yes.
    #[must_use]
    pub fn forwarded(self, sets: bool) -> Self {
        self.with(|options| options.sets_forwarded = sets)
    }

    /// Sets the time that the old app has to take a connection; then the answer is a 504. Default: 5 seconds.
    #[must_use]
    pub fn connect_timeout(self, limit: Duration) -> Self {
        self.with(|options| options.connect_timeout = limit)
    }

    /// Sets the time that the old app has for the head of its response, from the last part of the request that it took; then
    /// the answer is a 504. Default: 60 seconds.
    #[must_use]
    pub fn head_timeout(self, limit: Duration) -> Self {
        self.with(|options| options.head_timeout = limit)
    }

    /// Sets the time for which the old app may be silent in the middle of a body; then the response breaks off. Server-sent
    /// events and WebSockets may be silent for as long as they like. Default: 60 seconds.
    #[must_use]
    pub fn idle_timeout(self, limit: Duration) -> Self {
        self.with(|options| options.idle_timeout = limit)
    }

    /// Sets a file with the endpoints that the old app answers, one a line, or `blueprint.*`: all processes that read it switch
    /// together. A line that comes takes its endpoint back, one that goes hands it over; empty lines and those that begin
    /// with `#` say nothing, and a file that is not there is an empty one. A line that means no rule changes nothing, and is
    /// said in the log once. Default: none.
    ///
    /// Each process looks at the file's time stamp when a request comes, once a second at most.
    ///
    /// ```
    /// use costrel::App;
    /// use costrel_legacy::legacy;
    /// # let mut app = App::new("docs");
    /// let old = legacy("http://127.0.0.1:8000").switch_file("instance/old-app.txt");
    /// app.init(&old)?;
    /// # assert!(app.build().is_ok());
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[must_use]
    pub fn switch_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.switch_file = Some(Arc::new(SwitchFile::new(path.into())));
        self
    }

    /// Sets another clock, by which the [`switch_file`](Self::switch_file) is looked at, for tests.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Does what the lines say that came to the file and went from it, if it is time to look.
    pub(crate) async fn follow_file(&self) -> Result<(), Error> {
        let due = self.switch_file.as_ref().filter(|file| file.is_due(self.clock.now()));
        let Some(file) = due.cloned() else { return Ok(()) };
        let switch = self.switch.clone();
        let follow = sync_to_async(move |()| file.follow(&switch, current_app().rules()));
        for switched in follow(()).await? {
            // An error of the signal's subscribers is not the request's, which has only come by.
            if let Err(error) = tell(switched).await {
                tracing::warn!("a subscriber of the signal \"legacy-switched\" failed: {error}");
            }
        }
        Ok(())
    }

    fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        // Connections that were opened with other options are not these.
        self.proxy = Arc::default();
        self
    }

    /// Lets the old app answer the endpoint `name` again, or all of a blueprint's with `blueprint.*`, from the next request
    /// on. `.await` it in async code, `.wait()` for it in sync code. [`LEGACY_SWITCHED`] is sent if that is a change.
    ///
    /// The app must have been initialised with this `Legacy`. The setting `LEGACY_TAKE_BACK` lists names from the start.
    ///
    /// ```
    /// use costrel::App;
    /// use costrel_legacy::legacy;
    ///
    /// let mut app = App::new("docs");
    /// let old = legacy("http://127.0.0.1:8000");
    /// app.init(&old)?;
    /// app.rule("/").endpoint("index").view(|| "moved");
    /// app.post("/take-back/<name>", move |name: String| {
    ///     let old = old.clone();
    ///     async move { old.take_back(&name).await.map(|()| format!("{name} is the old app's")) }
    /// });
    /// let client = app.test_client();
    /// assert_eq!(client.get("/").wait()?.text(), "moved");
    /// assert_eq!(client.post("/take-back/index").wait()?.text(), "index is the old app's");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    ///
    /// # Errors
    /// In an app's context, if no rule has that endpoint, or one for WebSockets has it; and the errors of the signal's
    /// subscribers.
    pub fn take_back(&self, name: &str) -> Waiting<()> {
        self.switch_to(name, true)
    }

    /// Lets Costrel answer the endpoint `name` again: the opposite of [`take_back`](Self::take_back).
    ///
    /// # Errors
    /// As for [`take_back`](Self::take_back).
    pub fn hand_over(&self, name: &str) -> Waiting<()> {
        self.switch_to(name, false)
    }

    /// The endpoints that the old app answers though Costrel has rules for them, in alphabetical order.
    pub fn taken_back(&self) -> Vec<String> {
        self.switch.names()
    }

    fn switch_to(&self, name: &str, taken_back: bool) -> Waiting<()> {
        let (switch, endpoint) = (self.switch.clone(), name.to_owned());
        Waiting::new(async move {
            if has_app_context() {
                check(&endpoint, current_app().rules())?;
            }
            if switch.set(&endpoint, taken_back) {
                tell(Switched { endpoint, taken_back }).await?;
            }
            Ok(())
        })
    }

    /// The way to the old app, which all clones share.
    pub(crate) fn proxy(&self) -> Result<Arc<Proxy>, Error> {
        let Options { address, host, sets_forwarded, connect_timeout, head_timeout, idle_timeout } =
            self.options.clone();
        let (address, host) = (address?, host.transpose()?);
        let make = || {
            let old_app = OldApp::new(address, connect_timeout, head_timeout);
            Arc::new(Proxy::new(old_app, host, sets_forwarded, idle_timeout))
        };
        Ok(Arc::clone(self.proxy.get_or_init(make)))
    }

    fn view(&self) -> View {
        let named = |callable| View::from_callable("legacy", callable).answers_other_methods();
        match self.proxy() {
            Ok(proxy) => {
                let answer = move |request: Request| forward(Arc::clone(&proxy), request);
                named(Callable::new_async(answer)).on_response(leave)
            }
            Err(error) => {
                let failed = error.clone();
                named(Callable::new_async(move |_: Request| ready(Err(failed.clone())))).with_setup_error(error)
            }
        }
    }
}

async fn tell(switched: Switched) -> Result<(), Error> {
    let Switched { endpoint, taken_back } = &switched;
    tracing::info!(endpoint, taken_back, "an endpoint has changed sides");
    LEGACY_SWITCHED.send(switched).await
}

impl IntoView<Ready> for Legacy {
    fn into_view(self) -> View {
        self.view()
    }
}

impl IntoView<Ready> for &Legacy {
    fn into_view(self) -> View {
        self.view()
    }
}

impl fmt::Debug for Legacy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Legacy").field("options", &self.options).field("switch", &self.switch).finish_non_exhaustive()
    }
}
