//! Laws about requests that are odd, refused often, or over.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use costrel::{HeaderValue, Method, StatusCode};
use tokio::runtime::Handle;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::LawText;
use crate::fixture::{Cell, Client, Host, Reply};
use crate::verdict::{Checked, Failure, applies_if, expect};

pub(super) const AN_ODD_REQUEST_IS_NO_FAILURE_OF_THE_SERVER: LawText = LawText {
    why: "A header need not be text, a cookie need not have a name and a number need not be one; a decorator that takes it for granted gives any client the means to fill the log with failures.",
    remedy: "Read what a client sends with `header(..)`, `cookie(..)` and `parse`, and treat what cannot be read as if it were not there, or answer 400.",
    how: "Clients, let in and refused, send headers that are empty, long, not text or not what their name says, and an odd query; no response may be a failure of the server's.",
};

/// Headers that a client may send, if not a client that means well.
const ODD: [(&str, &[u8]); 28] = [
    ("user-agent", b"\xff\xfe"),
    ("user-agent", b""),
    ("cookie", b"\xff=\xfe"),
    ("cookie", b";;=; a"),
    ("authorization", b"\xff"),
    ("authorization", b"B"),
    ("authorization", b"Basic ?"),
    ("authorization", b"Basic YQ=="),
    ("authorization", b"Bearer "),
    ("referer", b"\xff"),
    ("referer", b"not a url"),
    ("origin", b"null"),
    ("origin", b"\xff"),
    ("x-forwarded-for", b"\xff, "),
    ("x-forwarded-for", b"unknown, [::"),
    ("forwarded", b"for=;;\""),
    ("content-type", b"\xff"),
    ("content-type", b"multipart/form-data"),
    ("accept", b"*/*;q=nan"),
    ("accept-encoding", b"\xff;q="),
    ("accept-language", b"\xff, -;q"),
    ("range", b"bytes=9-1"),
    ("if-none-match", b"\""),
    ("if-modified-since", b"yesterday"),
    ("x-request-id", b"\xff"),
    ("x-request-id", b"not a number"),
    ("x-requested-with", b"\xff"),
    ("traceparent", b"00-"),
];

pub(super) async fn an_odd_request_is_no_failure_of_the_server(cell: Cell) -> Checked {
    applies_if(cell.host == Host::InProcess, "a server may answer such a request by itself")?;
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    for (name, value) in ODD.iter().filter(|(name, _)| !client.has_header(name)) {
        let value = HeaderValue::from_bytes(value).map_err(costrel::Error::from)?;
        let reply = client.apart().with_header_of_bytes(name, value.clone()).ask("/subject/ada").await?;
        is_no_failure(&reply, &format!("`{name}: {value:?}`"))?;
    }
    is_no_failure(&client.apart().ask("/subject/ada?%ff=%zz&&=&a[]=1&a[]=%").await?, "an odd query")?;
    expect("whether the view ran at all", stage.probe.runs() > 0, true)?;
    if cell.candidate.can_deny() && cell.may_refuse_it() {
        let client = stage.denied().await?;
        for (name, value) in ODD {
            let value = HeaderValue::from_bytes(value).map_err(costrel::Error::from)?;
            let odd = client.apart().with_header_of_bytes(name, value.clone());
            is_no_failure(&odd.ask("/subject/ada").await?, &format!("`{name}: {value:?}`, of a refused client"))?;
        }
    }
    Ok(())
}

fn is_no_failure(reply: &Reply, odd: &str) -> Checked {
    if reply.status.is_server_error() && reply.status != StatusCode::SERVICE_UNAVAILABLE {
        let expected = "to be answered, or refused as the client's affair";
        return Err(Failure::sentence(format!("a request with {odd}"), expected, reply.status.to_string()).into());
    }
    Ok(())
}

pub(super) const A_REFUSED_CLIENT_SHUTS_NO_DOOR_FOR_OTHERS: LawText = LawText {
    why: "A count of refusals that is not kept for each client lets anyone lock everyone out.",
    remedy: "Count by an address or a name that the client cannot choose for others: `remote_addr()`, a user that has signed in.",
    how: "A client is refused 44 times, from an address of its own; then a client that is let in must still be let in.",
};

/// The number of refusals: more than any lock-out waits for.
const REFUSALS: usize = 44;

pub(super) async fn a_refused_client_shuts_no_door_for_others(cell: Cell) -> Checked {
    applies_if(cell.candidate.can_deny() && cell.candidate.lets_in(), "the candidate refuses no client, or each")?;
    applies_if(cell.host == Host::InProcess, "the addresses of two clients differ where there is no socket")?;
    let stage = cell.stage().await?;
    let methods = cell.guarded_methods()?;
    let refused = stage.denied().await?.from(SocketAddr::from(([198, 51, 100, 9], 9)));
    let runs = stage.probe.runs();
    for _ in 0..REFUSALS {
        refused.visit(&methods[0], "/subject/ada").await?;
    }
    expect("runs of the view for the refused client", stage.probe.runs() - runs, 0)?;
    let reply = stage.allowed().await?.visit(&methods[0], "/subject/ada").await?;
    if stage.probe.runs() == runs {
        let what = format!("a client that is let in, after {REFUSALS} refusals of another");
        return Err(Failure::sentence(what, "to be let in", reply.status.to_string()).into());
    }
    Ok(())
}

pub(super) const NOTHING_OUTLIVES_ITS_REQUEST: LawText = LawText {
    why: "A list of requests that nothing empties, or a task for each that does not end, is a leak, which takes the server down after a week.",
    remedy: "Keep what you need of a request, not the request, and give what grows a limit.",
    how: "Requests that succeed, fail and panic carry a value; when they are over, it must have been dropped, and no task be left of them.",
};

/// A value that travels in a request.
#[derive(Clone)]
pub(crate) struct Passenger(#[allow(dead_code, reason = "counts its owners")] Arc<()>);

/// The time in which a request must be let go of.
const LET_GO_WITHIN: Duration = Duration::from_secs(1);

pub(super) async fn nothing_outlives_its_request(cell: Cell) -> Checked {
    applies_if(cell.host == Host::InProcess, "the value travels where there is no socket")?;
    cell.may_fail(4)?;
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    client.get("/subject/ada").await?;
    let tasks = Handle::current().metrics().num_alive_tasks();
    for (path, ending) in [("/subject/ada", "a success"), ("/subject/abort", "an abort"), ("/subject/panic", "a panic")]
    {
        let kept = kept_of(&client, path).await?;
        // One request may be kept until the next one comes.
        if kept > 1 {
            let what = format!("requests that are kept after {ending}, of four");
            return Err(Failure::sentence(what, "none", kept.to_string()).into());
        }
    }
    // The tasks of twelve requests are over, but for one or two that may serve all of them.
    let more = Handle::current().metrics().num_alive_tasks().saturating_sub(tasks);
    if more > 2 {
        let what = "tasks that are left of twelve requests that are over";
        return Err(Failure::sentence(what, "none", more.to_string()).into());
    }
    Ok(())
}

/// Returns how many of four requests are still there when they are over.
async fn kept_of(client: &Client, path: &str) -> Checked<usize> {
    let mut passengers = Vec::new();
    for method in [Method::GET, Method::POST, Method::GET, Method::POST] {
        let passenger = Arc::new(());
        client.clone().carrying(Passenger(Arc::clone(&passenger))).visit(&method, path).await?;
        passengers.push(passenger);
    }
    let kept = || passengers.iter().filter(|passenger| Arc::strong_count(passenger) > 1).count();
    let let_go = async {
        while kept() > 0 {
            yield_now().await;
        }
    };
    drop(timeout(LET_GO_WITHIN, let_go).await);
    Ok(kept())
}
