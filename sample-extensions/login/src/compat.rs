//! What the compatibility suite must know to try this extension.

use costrel_compat::Candidate;

use crate::decorator::login_required;
use crate::extension::Login;
use crate::policy::User;
use crate::store::login_user;

struct Ada;

impl User for Ada {
    fn get_id(&self) -> String {
        "1".into()
    }
}

fn find_user(id: &str) -> Option<Ada> {
    (id == "1").then_some(Ada)
}

/// [`login_required`], with an async user loader and with a sync one.
pub fn candidate() -> Candidate {
    let sync = with(|| Login::new().user_loader(|id: String| find_user(&id)));
    with(|| Login::new().user_loader(async |id: String| find_user(&id))).also_as(sync)
}

fn with(login: impl Fn() -> Login + Send + Sync + 'static) -> Candidate {
    Candidate::new(login_required)
        .setup(move |app| {
            app.config.secret_key = Some("only for the trial".into());
            app.post("/sign-in", async || login_user(Ada).map(|_| "welcome"));
            app.init(login())
        })
        .allow(async |visitor| {
            visitor.post("/sign-in").await?;
            Ok(visitor)
        })
        .deny(async |visitor| Ok(visitor))
}
