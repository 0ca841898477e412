//! The compatibility suite over the decorators: every law, on every kind of view and every host.

use costrel_compat::{Candidate, suite};
use costrel_httpauth::{HttpAuth, MultiAuth};

fn known(token: &str) -> Option<String> {
    (token == "t0ken").then(|| "ada".to_owned())
}

fn signed_in(candidate: Candidate, header: &'static str) -> Candidate {
    candidate
        .allow(async move |client| Ok(client.with_header("authorization", header)))
        .deny(async |client| Ok(client.with_header("authorization", "Bearer another")))
}

fn login_required() -> Candidate {
    let auth = HttpAuth::bearer(async |token: String| known(&token));
    let twin = HttpAuth::bearer(|token: String| known(&token));
    let twin = signed_in(Candidate::new(twin.login_required()), "Bearer t0ken");
    signed_in(Candidate::new(auth.login_required()), "Bearer t0ken").twin(twin)
}

/// The decorator of several schemes is the same function as that of one, so this covers both.
fn role_required() -> Candidate {
    let basic = HttpAuth::basic(async |name: String, password: String| (password == "secret").then_some(name));
    let bearer = HttpAuth::bearer(async |token: String| known(&token));
    let auth = MultiAuth::new([basic, bearer].map(|scheme| scheme.roles(async |_: String| vec!["staff".to_owned()])));
    signed_in(Candidate::new(auth.role_required(&["owner", "staff"])), "Bearer t0ken")
}

suite!(suite_of_login_required, login_required());
suite!(suite_of_role_required, role_required());
