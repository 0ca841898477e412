//! Laws about the decorated view, which must work like any other view.

use std::collections::BTreeSet;
use std::sync::mpsc;
use std::thread;

use costrel::{
    App, Error, IntoView, Method, Response, StatusCode, View, async_to_sync, copy_current_request_context_sync, request,
};
use costrel_ext_kit::Decorate;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::LawText;
use super::headers::none_is_doubled;
use crate::fixture::{Cell, Probe, Stage};
use crate::verdict::{Checked, applies_if, expect};

pub(super) const AN_ALLOWED_REQUEST_RUNS_THE_VIEW_EXACTLY_ONCE: LawText = LawText {
    why: "Flask-Login's `fresh_login_required` runs a view twice when it raises `AttributeError`, so orders are placed twice.",
    remedy: "Call `next.call(request)` once; keep its result if you need it again.",
    how: "The suite sends GET, POST and HEAD to one path, and counts the runs of the view after each.",
};

pub(super) async fn an_allowed_request_runs_the_view_exactly_once(cell: Cell) -> Checked {
    cell.may_be_asked(cell.methods().len())?;
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    for method in cell.methods() {
        let earlier = stage.probe.runs();
        // All methods share one path, because a decorator must not reuse one method's response for another method.
        client.visit(method, "/subject/ada").await?;
        let runs = stage.probe.runs() - earlier;
        // A decorator that retries need not retry POST, because POST may change something.
        let once_is_enough = method == Method::POST && runs == 1;
        expect(
            &format!("runs of the view for {method}"),
            if once_is_enough { cell.runs() } else { runs },
            cell.runs(),
        )?;
    }
    Ok(())
}

pub(super) const STACKING_IT_TWICE_WORKS: LawText = LawText {
    why: "Blueprints and class views add decorators of their own, so sooner or later a decorator is on a view twice.",
    remedy: "Keep the decorator's state per view, or make it harmless to apply the decorator twice.",
    how: "The candidate is put on a view twice; the response, with no header line twice, and the number of runs must be as if it were there once.",
};

pub(super) async fn stacking_it_twice_works(cell: Cell) -> Checked {
    cell.in_one_app()?;
    cell.by_a_decorator()?;
    // Each of the two sees a failure.
    cell.may_be_asked(4)?;
    let stage = cell
        .stage_with(|app, probe| {
            let inner = cell.decorate(noting("inner", probe, cell.subject.view(probe)));
            let twice = noting("outer", probe, cell.decorate(noting("middle", probe, inner)));
            cell.register(app, "/twice/<name>", twice.named("twice"));
        })
        .await?;
    let client = stage.allowed().await?;
    let reply = client.ask("/twice/ada").await?;
    let once = cell.expected("ada");
    let twice = if cell.subject.fails() { once } else { cell.candidate.answer(once) };
    expect("status and body", (reply.status, reply.text()), twice)?;
    // The outer of two decorators that retry makes the inner one retry too, unless that one knows of it.
    let runs = stage.probe.runs();
    let at_most = cell.runs() * cell.runs();
    let runs_as_expected = (cell.runs()..=at_most).contains(&runs);
    expect("runs of the view", if runs_as_expected { at_most } else { runs }, at_most)?;
    none_is_doubled(&client.ask("/subject/ada").await?.headers, &reply.headers)?;
    let order = stage.probe.first_of(["outer", "middle", "inner"]);
    expect("the order in which decorators around them came", order, ["outer", "middle", "inner"])?;
    Ok(())
}

/// Adds a decorator that notes that the request has reached it.
fn noting(note: &'static str, probe: &Probe, view: View) -> View {
    let probe = probe.clone();
    view.guarded_by(move |_| probe.note(note))
}

pub(super) const THE_DECORATED_VIEW_CAN_BE_CALLED_FROM_EITHER_COLOUR: LawText = LawText {
    why: "In Flask a decorated async helper can no longer be awaited; all three large extensions fail there.",
    remedy: "Wrap the view with a form of `Decorate`; async code can await the result, and sync code can wait for it.",
    how: "A view of each colour and a thread of its own call the decorated view; a wait for it on the event loop must be refused, and so must a client that is to be refused, from each of them.",
};

pub(super) async fn the_decorated_view_can_be_called_from_either_colour(cell: Cell) -> Checked {
    applies_if(!cell.subject.fails(), "the subject answers with an error")?;
    cell.over_http()?;
    cell.in_one_app()?;
    cell.by_a_decorator()?;
    let stage = cell
        .stage_with(|app, probe| {
            let decorated = cell.decorate(cell.subject.view(probe));
            let (from_async, directly) = (decorated.clone(), decorated.clone());
            let (on_a_thread, on_the_loop) = (decorated.clone(), decorated.clone());
            serve(app, "/thread/<name>", (move |_: String| from_a_thread(on_a_thread.clone())).into_view());
            serve(app, "/loop/<name>", (move |_: String| std::future::ready(refusal(&on_the_loop))).into_view());
            serve(app, "/directly/<name>", (move |_: String| directly.call_sync(request())).into_view());
            serve(app, "/sync/<name>", (move |_: String| decorated.call(request()).wait()).into_view());
            serve(app, "/async/<name>", (move |_: String| from_async.call(request())).into_view());
        })
        .await?;
    let client = stage.allowed().await?;
    for (code, name) in [("sync", "ada"), ("async", "bob"), ("directly", "eve"), ("thread", "kim")] {
        let reply = client.ask(&format!("/{code}/{name}")).await?;
        let seen = (reply.status, reply.text());
        expect(&format!("status and body when called from `{code}` code"), seen, cell.expected(name))?;
    }
    refuses_every_caller(&cell, &stage).await?;
    if cell.on_the_loop().is_ok() {
        let refused = client.ask("/loop/ada").await?.text();
        expect("what waiting on the event loop comes to", refused, "OnEventLoop")?;
    }
    Ok(())
}

fn serve(app: &mut App, rule: &str, view: View) {
    app.rule(rule).methods(["GET", "POST"]).view(view);
}

/// Checks that a refused client is refused whatever code calls the view.
async fn refuses_every_caller(cell: &Cell, stage: &Stage) -> Checked {
    // A limit counts each rule apart, so a client that has used up the subject's is let in here.
    if !cell.candidate.can_deny() || cell.candidate.declared.limit.is_some() || !cell.may_refuse_it() {
        return Ok(());
    }
    let (client, runs) = (stage.denied().await?, stage.probe.runs());
    for code in ["sync", "async", "directly", "thread"] {
        client.ask(&format!("/{code}/ada")).await?;
        let what = format!("runs of the view for a refused client when called from `{code}` code");
        expect(&what, stage.probe.runs() - runs, 0)?;
    }
    Ok(())
}

pub(super) const CALLBACKS_OF_EITHER_COLOUR_BEHAVE_ALIKE: LawText = LawText {
    why: "Every extension takes functions from its users: loaders, keys, filters. In Flask an async one returns a coroutine that is never awaited and that counts as true.",
    remedy: "Take the functions as `IntoCallback` and call them with `Callable::call(..).await`.",
    how: "The candidate that `twin` names gets the same requests, allowed and refused; status, headers, body and runs must be the same, apart from digits.",
};

pub(super) async fn callbacks_of_either_colour_behave_alike(cell: Cell) -> Checked {
    let Some(twin) = cell.candidate.twin_candidate() else {
        return applies_if(false, "the candidate has no twin whose functions are of the other colour");
    };
    let twin = cell.with_candidate(twin);
    let (own, other) = (visits(&cell).await?, visits(&twin).await?);
    expect("how many visits there were", other.len(), own.len())?;
    for ((what, own), (_, other)) in own.into_iter().zip(other) {
        expect(&format!("{what}, with functions of the other colour"), other, own)?;
    }
    Ok(())
}

/// Returns what an allowed and a refused client see of each request, and how often the view had run by then.
async fn visits(cell: &Cell) -> Checked<Vec<(String, Seen)>> {
    let stage = cell.stage().await?;
    let mut clients = vec![];
    if cell.candidate.lets_in() {
        clients.push(("let in", stage.allowed().await?));
    }
    if cell.candidate.can_deny() {
        clients.push(("refused", stage.denied().await?));
    }
    let mut seen = Vec::new();
    for (kind, client) in clients {
        for (method, path) in
            [(Method::GET, "/subject/ada"), (Method::GET, "/subject/abort"), (Method::POST, "/subject/ada")]
        {
            let reply = client.visit(&method, path).await?;
            // Digits are left out, as "Try again in 59 s" may be 60 a moment earlier, and a session is signed with
            // the time.
            let lasting = |text: &str| text.replace(|letter: char| letter.is_ascii_digit(), "");
            let mut headers = reply.headers.clone();
            headers.remove("set-cookie");
            let headers = headers
                .iter()
                .map(|(name, value)| format!("{name}: {}", lasting(&String::from_utf8_lossy(value.as_bytes()))));
            let headers = headers.filter(|header| !header.starts_with("date:")).collect();
            let what = format!("status, headers, body and runs after {method} {path} of a client {kind}");
            seen.push((what, (reply.status, headers, lasting(&reply.text()), stage.probe.runs())));
        }
    }
    Ok(seen)
}

type Seen = (StatusCode, BTreeSet<String>, String, usize);

/// Calls the view on a thread that is neither a worker nor a loop's, and that has waited before; the wait must leave
/// no state behind.
fn from_a_thread(view: View) -> Result<Response, Error> {
    let call = copy_current_request_context_sync(move || {
        let _release = wait_and_leave_a_task()?;
        view.call(request()).wait()
    });
    thread::spawn(call).join().unwrap_or_else(|_| Err(Error::status(500)))
}

/// Waits for async code that leaves a task on the loop made for it. The task blocks until the sender is dropped, and
/// the waiting thread must not wait for it.
fn wait_and_leave_a_task() -> Result<mpsc::Sender<()>, Error> {
    let (release, held) = mpsc::channel::<()>();
    let held = Mutex::new(Some(held));
    let leave = async_to_sync(|()| {
        let held = held.lock().take();
        async move {
            let (begins, has_begun) = oneshot::channel();
            tokio::spawn(async move {
                // The task goes on after this signal, and no other code waits for it.
                let _ = begins.send(());
                held.map(|held| held.recv())
            });
            has_begun.await
        }
    });
    leave(())??;
    Ok(release)
}

/// Returns the kind of error of a wait on an event loop, where waiting is refused.
fn refusal(view: &View) -> String {
    match view.call(request()).wait() {
        Ok(_) => "an answer".to_owned(),
        Err(error) => format!("{:?}", error.kind()),
    }
}
