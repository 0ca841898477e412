//! An app with the subject behind the candidate, made anew for every check.

use std::sync::Arc;

use costrel::{App, Application, Blueprint, Colour, Error, IntoView, Response, RuleInfo, View, g, of_type, request};

use parking_lot::Mutex;

use crate::candidate::Candidate;
use crate::host::{Door, Host, Visitor};
use crate::probe::Probe;
use crate::subject::{Subject, SubjectError};

/// Where the subject is.
const SUBJECT_RULE: &str = "/subject/<name>";

/// One cell of the matrix: who is tried, on what, where.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) candidate: Candidate,
    pub(crate) subject: Subject,
    pub(crate) host: Host,
    /// What the app failed with last, which no client is told.
    pub(crate) unhandled: Unhandled,
}

pub(crate) type Unhandled = Arc<Mutex<Option<String>>>;

/// The app of one check, served.
pub(crate) struct Stage {
    pub(crate) probe: Probe,
    pub(crate) application: Application,
    candidate: Candidate,
    door: Door,
}

impl Cell {
    /// The subject under the candidate on `/subject/<name>`, and hooks that note what they see.
    pub(crate) async fn stage(&self) -> Result<Stage, Error> {
        self.stage_with(|_, _| ()).await
    }

    /// The same with rules and settings of the law's own.
    pub(crate) async fn stage_with(&self, configure: impl FnOnce(&mut App, &Probe)) -> Result<Stage, Error> {
        let probe = Probe::new();
        let mut app = App::new("compat");
        self.candidate.set_up(&mut app)?;
        add_hooks(&mut app, &probe, &self.unhandled);
        app.errorhandler(of_type::<SubjectError>(), async |error: Error| (format!("handled: {error}"), 418));
        app.errorhandler(409, async |error: Error| {
            (format!("handled: {}", error.message()), 409, error.headers().clone())
        });
        app.errorhandler(500, async || ("handled: panic", 500));
        let view = self.subject.view(&probe);
        let view = self.decorate(view.named("subject"));
        if self.subject == Subject::InBlueprint {
            app.register_blueprint(in_blueprints(view));
        } else {
            app.rule(SUBJECT_RULE).methods(["GET", "POST"]).view(view);
        }
        configure(&mut app, &probe);
        let application = app.build()?;
        let door = self.host.open(application.clone()).await?;
        Ok(Stage { probe, application, candidate: self.candidate.clone(), door })
    }

    /// Puts the candidate on `view`.
    pub(crate) fn decorate<M>(&self, view: impl IntoView<M>) -> View {
        self.candidate.decorate(view.into_view())
    }
}

/// The subject in a blueprint in a blueprint, under the same path.
fn in_blueprints(view: View) -> Blueprint {
    let mut inner = Blueprint::new("inner");
    inner.rule("/<name>").methods(["GET", "POST"]).view(view);
    let mut outer = Blueprint::new("outer").url_prefix("/subject");
    outer.register_blueprint(inner);
    outer
}

/// Hooks that note the life of a request; async ones, so that the only crossings are the candidate's.
fn add_hooks(app: &mut App, probe: &Probe, unhandled: &Unhandled) {
    let unhandled = unhandled.clone();
    let before = probe.clone();
    app.before_request(move || {
        let before = before.clone();
        async move {
            before.note("before");
            if let Some(visitor) = request().header("x-visitor") {
                g().set("visitor", visitor.to_owned());
            }
        }
    });
    let after = probe.clone();
    app.after_request(move |response: Response| {
        let after = after.clone();
        async move {
            after.note("after");
            after.note(format!("after: {}", g().get("seen_by_view").unwrap_or_else(|| "nothing seen".to_owned())));
            response
        }
    });
    let teardown = probe.clone();
    app.teardown_request(move |error: Option<Error>| {
        let (teardown, unhandled) = (teardown.clone(), unhandled.clone());
        async move {
            teardown.note("teardown");
            *unhandled.lock() = error.map(|error| error.to_string());
        }
    });
}

impl Stage {
    /// Somebody the candidate lets through.
    pub(crate) async fn allowed(&self) -> Result<Visitor, Error> {
        self.candidate.allowed(self.stranger()).await
    }

    /// Somebody the candidate refuses.
    pub(crate) async fn denied(&self) -> Result<Visitor, Error> {
        self.candidate.denied(self.stranger()).await
    }

    /// The endpoint of the subject with the candidate on it.
    pub(crate) fn endpoint(&self) -> Option<&str> {
        Some(self.rule()?.endpoint.as_str())
    }

    /// The colour of the subject with the candidate on it.
    pub(crate) fn colour(&self) -> Option<Colour> {
        Some(self.rule()?.colour)
    }

    fn rule(&self) -> Option<&RuleInfo> {
        self.application.rules().iter().find(|rule| rule.rule == SUBJECT_RULE)
    }

    /// How often control has crossed from the loop to a worker.
    pub(crate) fn crossings(&self) -> u64 {
        self.application.current().jobs_begun()
    }

    fn stranger(&self) -> Visitor {
        Visitor::new(self.door.clone())
    }
}
