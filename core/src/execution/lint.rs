//! The lint: faults that show in the timeline of a request.

use std::fmt;
use std::mem::discriminant;

use super::colour::Colour;
use super::fault::{Fault, StepNotes};
use super::timeline::{Recorder, StepKind, Trace};

/// A fault that the lint has found in the running app, in debug mode or in a request of the test client.
///
/// Each is said once in the log for each function. Nothing else is changed: the response is what it would have been.
///
/// ```
/// use costrel::{App, Callable, Request, View};
/// use costrel::testing::Fault;
///
/// fn runs_it_twice(view: View) -> View {
///     let next = view.clone();
///     view.wrapped("runs_it_twice", Callable::new_async(move |request: Request| {
///         let next = next.clone();
///         async move {
///             next.call(request.clone()).await?;
///             next.call(request).await
///         }
///     }))
/// }
/// let mut app = App::new("docs");
/// app.rule("/").decorate(runs_it_twice).view(async || "hello");
/// let client = app.test_client();
/// client.get("/").wait()?;
/// let lints = client.application().handle().lints();
/// assert_eq!((lints[0].name.as_str(), &lints[0].fault), ("runs_it_twice", &Fault::CalledAgain));
/// # Ok::<(), costrel::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lint {
    /// The fault.
    pub fault: Fault,
    /// The name of the decorator, the view or the hook.
    pub name: String,
    /// The method and path of the first request in which it showed.
    pub request: String,
}

impl Lint {
    /// Whether the two are one fault of one function, so that it need not be said again.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let is_same_fault = match (&self.fault, &other.fault) {
            (Fault::Repeated(header), Fault::Repeated(other)) => header == other,
            (fault, other) => discriminant(fault) == discriminant(other),
        };
        self.name == other.name && is_same_fault
    }
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {} (in {})", self.name, self.fault, self.request)
    }
}

impl Recorder {
    /// Whether a function of this name has run in the request.
    pub(crate) fn has_run(&self, name: &str) -> bool {
        self.read(|trace, _| trace.steps.iter().any(|step| step.name == name))
    }

    /// Finds the faults that show in the request; `of_response` are those of the response that left.
    pub(crate) fn lints(&self, of_response: Vec<Fault>) -> Vec<Lint> {
        self.read(|trace, notes| {
            let steps = trace.steps.iter().enumerate();
            let of_steps = steps.flat_map(|(n, step)| {
                let faults = faults_of(trace, notes, n);
                faults.into_iter().map(|fault| lint(trace, step.name.clone(), fault))
            });
            let seen = |fault: &Fault| notes.iter().any(|notes| notes.faults.contains(fault));
            let of_hooks = of_response.into_iter().filter(|fault| !seen(fault));
            of_steps.chain(of_hooks.map(|fault| lint(trace, "a hook or an error handler".to_owned(), fault))).collect()
        })
    }
}

fn lint(trace: &Trace, name: String, fault: Fault) -> Lint {
    Lint { fault, name, request: trace.request.clone() }
}

/// The faults of a step that are not those of a step inside it.
fn faults_of(trace: &Trace, notes: &[StepNotes], step: usize) -> Vec<Fault> {
    let inside = || (0..notes.len()).filter(|inner| notes[*inner].around == Some(step));
    let is_new = |fault: &&Fault| !inside().any(|inner| notes[inner].faults.contains(fault));
    let mut faults: Vec<_> = notes[step].faults.iter().filter(is_new).cloned().collect();
    if trace.steps[step].kind == StepKind::Decorator {
        let called = inside().filter(|inner| matches!(trace.steps[*inner].kind, StepKind::Decorator | StepKind::View));
        let succeeded = called.clone().position(|inner| notes[inner].succeeded);
        if succeeded.is_some_and(|first| called.count() > first + 1) {
            faults.push(Fault::CalledAgain);
        }
    }
    let held = |step: usize| match trace.steps[step].colour {
        Colour::Async if notes[step].held_the_loop > Fault::LONGEST => Some(notes[step].held_the_loop),
        _ => None,
    };
    if let Some(time) = held(step).filter(|_| !inside().any(|inner| held(inner).is_some())) {
        faults.push(Fault::BlockedTheLoop(time));
    }
    faults
}
