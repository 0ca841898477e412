//! Laws about requests that the candidate lets in or refuses.

use costrel::StatusCode;

use super::LawText;
use crate::fixture::Cell;
use crate::verdict::{Checked, Failure, applies_if, expect};

const NEVER: &str = "the candidate refuses no client";

pub(super) const THE_CANDIDATE_LETS_IN_THE_CLIENTS_IT_SHOULD: LawText = LawText {
    why: "The suite sends requests as a client that is let in and as a client that is refused, so the candidate must say how to prepare both.",
    remedy: "Tell the suite how a client gets in, with `Candidate::allow`.",
    how: "The client that `allow` prepares sends a request, which must run the view.",
};

pub(super) async fn the_candidate_lets_in_the_clients_it_should(cell: Cell) -> Checked {
    let stage = cell.stage().await?;
    let reply = stage.allowed().await?.get("/subject/ada").await;
    if stage.probe.runs() == 0 {
        let expected = "to get through to the view; say how with `Candidate::allow`";
        let seen = reply.map_or_else(|error| error.to_string(), |reply| reply.status.to_string());
        return Err(Failure::sentence("the client that is to be let in", expected, seen).into());
    }
    Ok(())
}

pub(super) const A_DENIED_REQUEST_DOES_NOT_RUN_THE_VIEW: LawText = LawText {
    why: "A refusal that comes after the view has run prevents nothing.",
    remedy: "Decide before `next.call(request)`, and return.",
    how: "After a client was let in, the client that `deny` prepares tries each method; the view must not run, and no response may be a success.",
};

pub(super) async fn a_denied_request_does_not_run_the_view(cell: Cell) -> Checked {
    applies_if(cell.candidate.can_deny(), NEVER)?;
    let stage = cell.stage().await?;
    if cell.candidate.lets_in() {
        // A client that was let in before must not have opened the view to other clients.
        stage.allowed().await?.get("/subject/ada").await?;
    }
    let client = stage.denied().await?;
    let runs = stage.probe.runs();
    for method in &cell.guarded_methods()? {
        let reply = client.visit(method, "/subject/ada").await?;
        expect(&format!("runs of the view for {method}"), stage.probe.runs() - runs, 0)?;
        if reply.status.is_success() || reply.status == StatusCode::SWITCHING_PROTOCOLS {
            let what = format!("the client that is to be refused, with {method}");
            return Err(Failure::sentence(what, "a refusal; see `Candidate::deny`", reply.status.to_string()).into());
        }
    }
    Ok(())
}

pub(super) const HOOKS_STILL_RUN_AROUND_A_DENIED_REQUEST: LawText = LawText {
    why: "Without CORS headers on 401 and 429, the browser hides the refusal from the page's code.",
    remedy: "Return the refusal, as a response or an error; do not end the request in any other way.",
    how: "The suite counts the runs of the hooks before, after and at teardown around one refused request.",
};

pub(super) async fn hooks_still_run_around_a_denied_request(cell: Cell) -> Checked {
    applies_if(cell.candidate.can_deny(), NEVER)?;
    let stage = cell.stage().await?;
    let client = stage.denied().await?;
    let hooks = ["before", "after", "teardown"];
    let earlier = hooks.map(|hook| stage.probe.count(hook));
    client.visit(&cell.guarded_methods()?[0], "/subject/ada").await?;
    for (hook, earlier) in hooks.into_iter().zip(earlier) {
        expect(&format!("runs of the {hook} hook"), stage.probe.count(hook) - earlier, 1)?;
    }
    Ok(())
}

pub(super) const A_DENIED_REQUEST_NEVER_TOUCHES_A_WORKER: LawText = LawText {
    why: "A flood of refused requests must not use up the threads that other requests need.",
    remedy: "Refuse in a guard or an async wrapper, without sync code that crosses.",
    how: "The app counts the jobs that crossed to a worker; a refused request may add none.",
};

pub(super) async fn a_denied_request_never_touches_a_worker(cell: Cell) -> Checked {
    cell.on_the_loop()?;
    cell.in_one_app()?;
    applies_if(cell.candidate.can_deny(), NEVER)?;
    let stage = cell.stage().await?;
    applies_if(!cell.is_sync_wrapper(), "a sync wrapper runs on a worker")?;
    let client = stage.denied().await?;
    let earlier = stage.crossings();
    client.visit(&cell.guarded_methods()?[0], "/subject/ada").await?;
    let crossings = stage.crossings() - earlier;
    let allowed = cell.candidate.declared.extra_crossings;
    if crossings > allowed {
        return Err(
            Failure::sentence("crossings to a worker", &format!("{allowed} at most"), crossings.to_string()).into()
        );
    }
    Ok(())
}
