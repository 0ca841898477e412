//! What a law is tried on: views of different kinds.

use std::fmt;

use costrel::{Colour, Error, IntoView, Response, View, g};
use costrel::{IntoResponse, StatusCode};

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

    /// The view, for a rule with one text variable. It notes on `probe` that it ran.
    pub(crate) fn view(self, probe: &Probe) -> View {
        let probe = probe.clone();
        match self {
            Self::SyncFn => (move |name: String| answer(&probe, &name)).into_view(),
            Self::AsyncFn => (move |name: String| {
                let probe = probe.clone();
                async move { answer(&probe, &name) }
            })
            .into_view(),
            Self::AsyncWaiting => (move |name: String| {
                let probe = probe.clone();
                async move {
                    wait_a_little().await;
                    answer(&probe, &name)
                }
            })
            .into_view(),
            Self::SyncFailing => (move |name: String| fail(&probe, &name)).into_view(),
            Self::AsyncFailing => (move |name: String| {
                let probe = probe.clone();
                async move { fail(&probe, &name) }
            })
            .into_view(),
        }
    }

    /// A view of the same colour that panics.
    pub(crate) fn panicking_view(self) -> View {
        match self.colour() {
            Colour::Sync => (|| -> &'static str { panic!("the subject panicked, as it should") }).into_view(),
            Colour::Async => (async || -> &'static str { panic!("the subject panicked, as it should") }).into_view(),
        }
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

fn answer(probe: &Probe, name: &str) -> Result<Response, Error> {
    observe(probe, name);
    (format!("subject {name}"), 202, [("x-subject", "untouched")]).into_response()
}

fn fail(probe: &Probe, name: &str) -> Result<Response, SubjectError> {
    observe(probe, name);
    Err(SubjectError)
}

/// Notes what the view can see around it, and leaves something on `g` for the hooks after it.
fn observe(probe: &Probe, name: &str) {
    probe.ran();
    probe.note(format!("argument {name}"));
    if !costrel::has_request_context() {
        return probe.note("no context");
    }
    probe.note(format!("{name} saw {}", g().get("visitor").unwrap_or_else(|| "nobody".to_owned())));
    g().set("seen_by_view", name.to_owned());
}
