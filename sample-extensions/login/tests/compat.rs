//! The compatibility suite over `login_required`: every law, on every kind of view and every host.

use costrel_compat::{Candidate, suite};
use costrel_login::{Login, User, login_required, login_user};

struct Ada;

impl User for Ada {
    fn get_id(&self) -> String {
        "1".into()
    }
}

fn find_user(id: &str) -> Option<Ada> {
    (id == "1").then_some(Ada)
}

/// The candidate for [`login_required`], with an async user loader and a sync twin.
fn candidate() -> Candidate {
    let sync = with(|| Login::new().user_loader(|id: String| find_user(&id)));
    with(|| Login::new().user_loader(async |id: String| find_user(&id))).twin(sync)
}

fn with(login: impl Fn() -> Login + Send + Sync + 'static) -> Candidate {
    Candidate::new(login_required)
        .setup(move |app| {
            app.config.secret_key = Some("only for the trial".into());
            app.post("/sign-in", async || login_user(Ada).map(|_| "welcome"));
            app.init(login())
        })
        .allow(async |client| {
            client.post("/sign-in").await?;
            Ok(client)
        })
        .deny(async |client| Ok(client))
}

suite!(suite_of_login_required, candidate());
