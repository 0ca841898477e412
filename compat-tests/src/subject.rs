//! What a law is tried on: views of different kinds.

use std::fmt;

use costrel::{
    Colour, Error, IntoResponse, IntoView, Response, StatusCode, View, abort, async_to_sync, g, has_request_context,
};

use crate::probe::Probe;

/// A kind of view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// A `fn`.
    SyncFn,
    /// An `async fn` that is ready at once.
    AsyncFn,
    /// An `async fn` that waits before it answers.
    AsyncWaiting,
    /// A `fn` that fails with an error of the app's own.
    SyncFailing,
    /// An `async fn` that fails with an error of the app's own.
    AsyncFailing,
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
    pub const ALL: [Self; 5] = [Self::SyncFn, Self::AsyncFn, Self::AsyncWaiting, Self::SyncFailing, Self::AsyncFailing];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::SyncFn => "sync_fn",
            Self::AsyncFn => "async_fn",
            Self::AsyncWaiting => "async_waiting",
            Self::SyncFailing => "sync_failing",
            Self::AsyncFailing => "async_failing",
        }
    }

    /// Its colour.
    pub fn colour(self) -> Colour {
        match self {
            Self::SyncFn | Self::SyncFailing => Colour::Sync,
            Self::AsyncFn | Self::AsyncWaiting | Self::AsyncFailing => Colour::Async,
        }
    }

    /// Whether it answers with an error.
    pub fn fails(self) -> bool {
        matches!(self, Self::SyncFailing | Self::AsyncFailing)
    }

    /// The view, for a rule with one text variable. It notes on `probe` that it ran, and does what it is told: some
    /// names are orders.
    pub(crate) fn view(self, probe: &Probe) -> View {
        let probe = probe.clone();
        match self.colour() {
            Colour::Sync => (move |name: String| {
                begin(&probe, &name)?;
                if name == "hold" {
                    let held = async_to_sync(|()| hold(probe.clone()));
                    held(())?;
                }
                self.end(&name)
            })
            .into_view(),
            Colour::Async => (move |name: String| {
                let probe = probe.clone();
                async move {
                    if self == Self::AsyncWaiting {
                        wait_a_little().await;
                    }
                    begin(&probe, &name)?;
                    if name == "hold" {
                        hold(probe.clone()).await;
                    }
                    self.end(&name)
                }
            })
            .into_view(),
        }
    }

    fn end(self, name: &str) -> Result<Response, Error> {
        if self.fails() {
            return Err(SubjectError.into());
        }
        let headers = [("x-subject", "untouched"), ("set-cookie", "subject=1"), ("content-type", "text/plain")];
        (format!("subject {name}"), 202, headers).into_response()
    }

    /// What a client must see for the path variable `name`.
    pub(crate) fn expected(self, name: &str) -> (StatusCode, String) {
        if self.fails() {
            (StatusCode::IM_A_TEAPOT, format!("handled: {SubjectError}"))
        } else {
            (StatusCode::ACCEPTED, format!("subject {name}"))
        }
    }
}

/// Gives the loop a chance to do something else, more than once.
async fn wait_a_little() {
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
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
    do_as_told(name)
}

/// Some names are orders.
fn do_as_told(name: &str) -> Result<(), Error> {
    assert_ne!(name, "panic", "the subject panicked, as it should");
    if name == "abort" { abort(409) } else { Ok(()) }
}

/// Waits until the law lets it go.
async fn hold(probe: Probe) {
    let _dropped = probe.drop_counter();
    probe.note("held");
    probe.hold().await;
}
