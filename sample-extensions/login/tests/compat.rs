//! The compatibility suite over `login_required` and `fresh_login_required`: every law, on every kind of view and every host.

use costrel::View;
use costrel_compat::{Candidate, suite};
use costrel_login::{Login, User, fresh_login_required, login_required, login_user};

struct Ada;

impl User for Ada {
    fn get_id(&self) -> String {
        "1".into()
    }
}

fn find_user(id: &str) -> Option<Ada> {
    (id == "1").then_some(Ada)
}

/// The candidate for a decorator, with an async user loader and a sync twin.
fn candidate(decorator: fn(View) -> View) -> Candidate {
    let sync = with(decorator, || Login::new().user_loader(|id: String| find_user(&id)));
    with(decorator, || Login::new().user_loader(async |id: String| find_user(&id))).twin(sync)
}

fn with(decorator: fn(View) -> View, login: impl Fn() -> Login + Send + Sync + 'static) -> Candidate {
    Candidate::new(decorator)
        .setup(move |app| {
            app.config.secret_key = Some("only for the trial".into());
            app.post("/sign-in", async || login_user(Ada).await.map(|_| "welcome"));
            app.init(login())
        })
        .allow(async |client| {
            client.post("/sign-in").await?;
            Ok(client)
        })
        .deny(async |client| Ok(client))
}

suite!(suite_of_login_required, candidate(login_required));
suite!(suite_of_fresh_login_required, candidate(fresh_login_required));
