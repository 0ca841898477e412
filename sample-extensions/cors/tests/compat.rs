//! The compatibility suite over `cross_origin`: every law, on every kind of view and every host.

use costrel::Error;
use costrel_compat::{Candidate, Client, Host, check_on, suite};
use costrel_cors::Cors;

fn candidate() -> Candidate {
    let cors = Cors::new().origins(["https://a.example", "https://b.example"]).supports_credentials(true);
    Candidate::new(cors.cross_origin()).answers_options().allow(of_a_page)
}

async fn of_a_page(client: Client) -> Result<Client, Error> {
    Ok(client.with_header("origin", "https://a.example"))
}

suite!(suite_of_cross_origin, candidate());

/// The extension around a whole app.
#[test]
fn the_extension_keeps_the_laws() {
    let cors = Cors::new().origins(["https://a.example", "https://b.example"]).supports_credentials(true);
    let candidate = Candidate::extension("cors", move |app| app.init(&cors)).answers_options().for_pages();
    check_on(|| candidate.clone().allow(of_a_page), &[Host::InProcess]);
}
