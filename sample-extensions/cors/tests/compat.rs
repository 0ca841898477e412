//! The compatibility suite over `cross_origin`: every law, on every kind of view and every host.

use costrel_compat::{Candidate, Client, suite};
use costrel_cors::Cors;

fn candidate() -> Candidate {
    let cors = Cors::new().origins(["https://a.example", "https://b.example"]).supports_credentials(true);
    let of_a_page = async |client: Client| Ok(client.with_header("origin", "https://a.example"));
    Candidate::new(cors.cross_origin()).answers_options().allow(of_a_page)
}

suite!(suite_of_cross_origin, candidate());
