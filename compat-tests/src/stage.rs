//! An app with the subject behind the candidate, made anew for every check.

use std::sync::Arc;

use costrel::{
    App, Application, Blueprint, Colour, Error, IntoView, Method, Response, RuleInfo, StatusCode, View, g, of_type,
    request,
};
use costrel_ext_kit::tower::DecoratorLayer;

use parking_lot::Mutex;

use crate::candidate::Candidate;
use crate::finding::{Finding, Objection, applies_if};
use crate::host::{Door, Host, StrictService, Visitor, open_axum};
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
    cell: Cell,
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
        app.config.threads = self.host.threads();
        app.config.secret_key = Some("only for the trial".into());
        let mut layers = App::new("layer");
        if self.host == Host::Axum {
            layers.config.secret_key.clone_from(&app.config.secret_key);
            layers.config.threads = None;
            // Both apps keep a session.
            app.config.session_cookie_name = "inner".into();
        }
        let decorators = if self.host == Host::Axum { &mut layers } else { &mut app };
        self.candidate.set_up(decorators)?;
        add_hooks(decorators, &probe, &self.unhandled);
        app.errorhandler(of_type::<SubjectError>(), async |error: Error| (format!("handled: {error}"), 418));
        app.errorhandler(409, async |error: Error| {
            (format!("handled: {}", error.message()), 409, error.headers().clone())
        });
        app.errorhandler(500, async || ("handled: panic", 500));
        let cell = self.clone();
        let view = self.subject.decorated_view(&probe, move |view| cell.decorate(view));
        if self.subject == Subject::InBlueprint {
            app.register_blueprint(in_blueprints(view));
        } else {
            self.register(&mut app, SUBJECT_RULE, view);
        }
        configure(&mut app, &probe);
        let application = app.build()?;
        let door = if self.host == Host::Axum {
            let layer = DecoratorLayer::new(layers, |view| self.candidate.decorate(view))?;
            open_axum(layer, StrictService::new(application.clone(), probe.clone())).await?
        } else {
            self.host.open(application.clone()).await?
        };
        Ok(Stage { probe, application, cell: self.clone(), door })
    }

    /// Puts the candidate on `view`; as a layer it is in front of all of them already.
    pub(crate) fn decorate<M>(&self, view: impl IntoView<M>) -> View {
        let view = view.into_view();
        if self.host == Host::Axum { view } else { self.candidate.decorate(view) }
    }

    /// Puts `view`, one of the subject's kind, on `rule`.
    pub(crate) fn register(&self, app: &mut App, rule: &str, view: View) {
        let rule = app.rule(rule);
        if self.subject.is_socket() {
            rule.websocket(view);
        } else {
            rule.methods(["GET", "POST"]).view(view);
        }
    }

    /// What a client must see for the path variable `name`.
    pub(crate) fn expected(&self, name: &str) -> (StatusCode, String) {
        let answer = self.subject.expected(name);
        if self.subject.fails() { self.handled(answer) } else { self.candidate.changed(answer) }
    }

    /// What a client must see of an error handler's answer. A layer sees it as any other answer, as it comes from within.
    pub(crate) fn handled(&self, answer: (StatusCode, String)) -> (StatusCode, String) {
        if self.host == Host::Axum { self.candidate.changed(answer) } else { answer }
    }

    /// How often a request runs the view. To a layer a failure is an answer like any other.
    pub(crate) fn runs(&self) -> usize {
        if self.subject.fails() && self.host != Host::Axum { self.candidate.tries() } else { 1 }
    }

    /// The methods that the subject takes and that run it.
    pub(crate) fn methods(&self) -> &'static [Method] {
        if self.subject.is_socket() { &[Method::GET] } else { &[Method::GET, Method::POST, Method::HEAD] }
    }

    /// Whether the candidate is a sync wrapper, beneath which all is on a worker: what calls a view in place has its colour.
    pub(crate) fn is_sync_wrapper(&self) -> bool {
        self.decorate(|_: String| std::future::ready("")).colour() == Colour::Sync
    }

    /// The methods of these that may be refused.
    pub(crate) fn guarded_methods(&self) -> Result<Vec<Method>, Objection> {
        let guarded = self.methods().iter().filter(|method| self.candidate.guards(method));
        let guarded: Vec<_> = guarded.cloned().collect();
        applies_if(!guarded.is_empty(), "the candidate refuses none of its methods")?;
        Ok(guarded)
    }

    /// Ends a check of what a decorator and its view have in common only in one app.
    pub(crate) fn in_one_app(&self) -> Finding {
        applies_if(self.host != Host::Axum, "a layer and the view beneath it are in different apps")
    }

    /// Ends a check of what happens on the event loop.
    pub(crate) fn on_the_loop(&self) -> Finding {
        applies_if(self.host.threads().is_none(), "here a request holds a thread, whatever its colour")
    }

    /// Ends a check that takes a request's method, body or response.
    pub(crate) fn over_http(&self) -> Finding {
        applies_if(!self.subject.is_socket(), "a WebSocket has messages instead")
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
    let before = noting(probe, |probe, ()| {
        probe.note("before");
        if let Some(visitor) = request().header("x-visitor") {
            g().set("visitor", visitor.to_owned());
        }
    });
    let after = noting(probe, |probe, response: Response| {
        probe.note("after");
        probe.note(format!("after: {}", g().get("seen_by_view").unwrap_or_else(|| "nothing seen".to_owned())));
        response
    });
    let teardown = noting(probe, move |probe, error: Option<Error>| {
        probe.note("teardown");
        *unhandled.lock() = error.map(|error| error.to_string());
    });
    app.before_request(before.clone()).before_websocket(before);
    app.after_request(after.clone()).after_websocket(after);
    app.teardown_request(teardown.clone()).teardown_websocket(teardown);
}

/// An async hook that works on the probe.
fn noting<I: Send + 'static, R: Send + 'static>(
    probe: &Probe,
    note: impl Fn(&Probe, I) -> R + Clone + Send + Sync + 'static,
) -> impl Fn(I) -> std::future::Ready<R> + Clone + Send + Sync + 'static {
    let probe = probe.clone();
    move |input| std::future::ready(note(&probe, input))
}

impl Stage {
    /// Somebody the candidate lets through.
    pub(crate) async fn allowed(&self) -> Result<Visitor, Objection> {
        applies_if(self.cell.candidate.lets_in(), "the candidate lets nobody in")?;
        Ok(self.cell.candidate.allowed(self.stranger()).await?)
    }

    /// Somebody the candidate refuses.
    pub(crate) async fn denied(&self) -> Result<Visitor, Error> {
        self.cell.candidate.denied(self.stranger()).await
    }

    /// The endpoint of the subject with the candidate on it.
    pub(crate) fn endpoint(&self) -> Option<&str> {
        Some(self.rule()?.endpoint.as_str())
    }

    /// The colour of the subject with the candidate on it.
    pub(crate) fn colour(&self) -> Option<Colour> {
        Some(self.rule()?.colour)
    }

    /// The decorators on the subject, as `routes` lists them.
    pub(crate) fn decorators(&self) -> Vec<String> {
        let layers = self.rule().map(|rule| &rule.decorators);
        layers.into_iter().flatten().map(|layer| format!("{} ({})", layer.name, layer.colour)).collect()
    }

    fn rule(&self) -> Option<&RuleInfo> {
        self.application.rules().iter().find(|rule| rule.rule == SUBJECT_RULE)
    }

    /// How often control has crossed from the loop to a worker.
    pub(crate) fn crossings(&self) -> u64 {
        self.application.handle().crossings()
    }

    fn stranger(&self) -> Visitor {
        Visitor::new(self.door.clone(), self.cell.subject.is_socket())
    }
}
