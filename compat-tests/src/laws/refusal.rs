//! What happens to requests that the candidate refuses.

use costrel::StatusCode;

use crate::fault::{Fault, expect};
use crate::finding::{Finding, applies_if};
use crate::stage::Cell;

const NEVER: &str = "the candidate refuses nobody";

pub(super) async fn the_candidate_lets_in_whom_it_should(cell: Cell) -> Finding {
    let stage = cell.stage().await?;
    let reply = stage.allowed().await?.get("/subject/ada").await;
    if stage.probe.runs() == 0 {
        let expected = "to get through to the view; say how with `Candidate::allow`";
        let seen = reply.map_or_else(|error| error.to_string(), |reply| reply.status.to_string());
        return Err(Fault::sentence("the visitor that is to be let in", expected, seen).into());
    }
    Ok(())
}

pub(super) async fn a_denied_request_does_not_run_the_view(cell: Cell) -> Finding {
    applies_if(cell.candidate.can_deny(), NEVER)?;
    let stage = cell.stage().await?;
    if cell.candidate.lets_in() {
        // Whoever was let in before must not have opened it for others.
        stage.allowed().await?.get("/subject/ada").await?;
    }
    let visitor = stage.denied().await?;
    let runs = stage.probe.runs();
    for method in &cell.guarded_methods()? {
        let reply = visitor.visit(method, "/subject/ada").await?;
        expect(&format!("runs of the view for {method}"), stage.probe.runs() - runs, 0)?;
        if reply.status.is_success() || reply.status == StatusCode::SWITCHING_PROTOCOLS {
            let what = format!("the visitor that is to be refused, with {method}");
            return Err(Fault::sentence(what, "a refusal; see `Candidate::deny`", reply.status.to_string()).into());
        }
    }
    Ok(())
}

pub(super) async fn hooks_still_run_around_a_denied_request(cell: Cell) -> Finding {
    applies_if(cell.candidate.can_deny(), NEVER)?;
    let stage = cell.stage().await?;
    let visitor = stage.denied().await?;
    let hooks = ["before", "after", "teardown"];
    let earlier = hooks.map(|hook| stage.probe.count(hook));
    visitor.visit(&cell.guarded_methods()?[0], "/subject/ada").await?;
    for (hook, earlier) in hooks.into_iter().zip(earlier) {
        expect(&format!("runs of the {hook} hook"), stage.probe.count(hook) - earlier, 1)?;
    }
    Ok(())
}

pub(super) async fn a_denied_request_never_touches_a_worker(cell: Cell) -> Finding {
    cell.on_the_loop()?;
    cell.in_one_app()?;
    applies_if(cell.candidate.can_deny(), NEVER)?;
    let stage = cell.stage().await?;
    applies_if(!cell.is_sync_wrapper(), "a sync wrapper runs on a worker")?;
    let visitor = stage.denied().await?;
    let earlier = stage.crossings();
    visitor.visit(&cell.guarded_methods()?[0], "/subject/ada").await?;
    let crossings = stage.crossings() - earlier;
    let allowed = cell.candidate.extra_crossings();
    if crossings > allowed {
        return Err(
            Fault::sentence("crossings to a worker", &format!("{allowed} at most"), crossings.to_string()).into()
        );
    }
    Ok(())
}
