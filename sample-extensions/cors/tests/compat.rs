//! The compatibility suite over `cross_origin`: every law, on every kind of view and every host.

use costrel_compat::{Candidate, suite};
use costrel_cors::Cors;

fn candidate() -> Candidate {
    let cors = Cors::new().origins(["https://a.example", "https://b.example"]).supports_credentials(true);
    Candidate::new(cors.cross_origin()).answers_options()
}

suite!(suite_of_cross_origin, candidate());
