//! The compatibility suite over the decorators: every law, on every kind of view and every host.

#[path = "support/answer.rs"]
mod answer;

use costrel_compat::{Candidate, Client, Host, check_on, suite};
use costrel_httpauth::{HttpAuth, MultiAuth};
use md5::Md5;
use rstest::rstest;
use sha2::Sha256;
use sha2::digest::Digest;

use answer::Answer;

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

/// The decorators that share their code with one above are tried in the process alone.
#[rstest]
#[case::login_optional(login_optional)]
#[case::roles_required(roles_required)]
#[case::digest(digest)]
#[case::digest_with_hashes_and_a_user(digest_with_hashes_and_a_user)]
fn every_decorator_keeps_the_laws(#[case] candidate: fn() -> Candidate) {
    check_on(candidate, &[Host::InProcess]);
}

fn login_optional() -> Candidate {
    let auth = HttpAuth::bearer(async |token: String| known(&token));
    let twin = HttpAuth::bearer(|token: String| known(&token));
    let known = async |client: Client| Ok(client.with_header("authorization", "Bearer t0ken"));
    Candidate::new(auth.login_optional()).allow(known).twin(Candidate::new(twin.login_optional()).allow(known))
}

fn roles_required() -> Candidate {
    let with_roles = |auth: HttpAuth<String>| {
        let auth = auth.roles(|_: String| vec!["night".to_owned(), "staff".to_owned()]);
        signed_in(Candidate::new(auth.roles_required(&["staff", "night"])), "Bearer t0ken")
    };
    let twin = with_roles(HttpAuth::bearer(|token: String| known(&token))).extra_crossings(1);
    with_roles(HttpAuth::bearer(async |token: String| known(&token))).extra_crossings(1).twin(twin)
}

fn digest() -> Candidate {
    let password_of = async |name: String| (name == "ada").then(|| "secret".to_owned());
    answering::<_, Md5>(&HttpAuth::digest(password_of))
}

fn digest_with_hashes_and_a_user() -> Candidate {
    let hash = HttpAuth::digest_sha256(|_: String| None::<String>).generate_ha1("ada", "secret");
    let hash = hash.unwrap_or_else(|error| panic!("{error}"));
    let auth = HttpAuth::digest_sha256(move |_: String| Some(hash.clone())).use_ha1_pw();
    answering::<_, Sha256>(&auth.load_user(async |name: String| Some((name, 1815)))).extra_crossings(1)
}

/// A candidate whose client answers the challenge anew with each request, as its method and address are part of the answer.
fn answering<U: Clone + Send + Sync + 'static, D: Digest>(auth: &HttpAuth<U>) -> Candidate {
    let asked = auth.login_required();
    Candidate::new(auth.login_required())
        .setup(move |app| {
            app.config.secret_key = Some("only for the trial".into());
            app.rule("/challenge").decorate(asked.clone()).view(async || "");
            Ok(())
        })
        .allow(async |client| {
            let challenge = client.get("/challenge").await?.headers["www-authenticate"].to_str()?.to_owned();
            Ok(client.signed_by(move |request| {
                let (method, uri) = (request.method().to_string(), request.uri().to_string());
                let answer = Answer { method, uri, ..Answer::to(&challenge) }.header::<D>();
                request.headers_mut().insert("authorization", answer.parse().unwrap_or_else(|_| panic!("{answer}")));
            }))
        })
        .deny(async |client| Ok(client.with_header("authorization", "Digest username=\"ada\"")))
}
