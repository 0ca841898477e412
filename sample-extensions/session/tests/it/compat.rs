//! The compatibility suite over an app with its sessions on the server.

use costrel_compat::{Candidate, suite};
use costrel_session::Sessions;

fn candidate(sessions: fn() -> Sessions) -> Candidate {
    Candidate::extension("sessions", move |app| app.init(sessions()))
}

suite!(suite_of_sessions, candidate(Sessions::new));
