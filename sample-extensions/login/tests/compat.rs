//! The compatibility suite over `login_required`.

use costrel_compat::{Candidate, suite};
use costrel_login::{Login, User, login_required, login_user};

struct Ada;

impl User for Ada {
    fn get_id(&self) -> String {
        "1".into()
    }
}

async fn load_user(id: String) -> Option<Ada> {
    (id == "1").then_some(Ada)
}

fn candidate() -> Candidate {
    Candidate::new(login_required)
        .setup(|app| {
            app.config.secret_key = Some("test".into());
            app.post("/sign-in", async || login_user(Ada).map(|_| "welcome"));
            app.init(Login::new().user_loader(load_user))
        })
        .allow(async |visitor| {
            visitor.post("/sign-in").await?;
            Ok(visitor)
        })
        .deny(async |visitor| Ok(visitor))
}

suite!(suite_of_login_required, candidate());
