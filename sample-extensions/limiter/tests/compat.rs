//! The compatibility suite over the decorators of a limiter: every law, on every kind of view.

use costrel::{Request, View};
use costrel_compat::laws::ALL;
use costrel_compat::{Candidate, CellResult, Host, Verdict, results_on, suite};
use costrel_ext_kit::{Decorate as _, Enter};
use costrel_limiter::Limiter;
use rstest::rstest;

/// A limit above the number of requests that the suite sends as one client.
const LIMIT: usize = 50;

type Decorate = Box<dyn Fn(View) -> View + Send + Sync>;

/// A candidate for a decorator of a limiter, with an async key function and a sync twin.
fn candidate(name: &str, decorator: fn(&Limiter, String) -> Decorate) -> Candidate {
    let sync = with(Limiter::new(|request: Request| client(&request)), decorator);
    with(Limiter::new(async |request: Request| client(&request)), decorator).twin(sync).named(name)
}

fn client(request: &Request) -> String {
    request.header("x-client").unwrap_or("one of many").to_owned()
}

fn with(limiter: Limiter, decorator: fn(&Limiter, String) -> Decorate) -> Candidate {
    let candidate = Candidate::new(decorator(&limiter, format!("{LIMIT}/minute")));
    limiting(candidate.setup(move |app| app.init(&limiter)))
}

fn limiting(candidate: Candidate) -> Candidate {
    candidate.limits_to(LIMIT).allow(async |client| Ok(client.with_header("x-client", "fresh"))).deny(async |client| {
        let client = client.with_header("x-client", "spent");
        client.get_often("/subject/again", LIMIT).await?;
        Ok(client)
    })
}

/// A limit that is entered.
fn entered(limiter: &Limiter, limit: String) -> Decorate {
    let limit = limiter.limit(limit);
    Box::new(move |view| {
        let limit = limit.clone();
        view.wrapped_by_async(move |next, request| {
            let entered = limit.enter();
            async move {
                entered.await?;
                next.call(request).await
            }
        })
    })
}

/// The candidate for limits of the whole app.
fn app_wide(name: &str, limits: fn(Limiter, String) -> Limiter) -> Candidate {
    let limiter = limits(Limiter::new(async |request: Request| client(&request)), format!("{LIMIT}/minute"));
    limiting(Candidate::extension(name, move |app| app.init(&limiter)))
}

/// The candidate for [`Limiter::exempt`].
fn exempt() -> Candidate {
    let limiter = Limiter::new(async || "one of many".to_owned()).default_limits(["1000/second"]);
    Candidate::new(limiter.exempt()).setup(move |app| app.init(&limiter)).named("exempt")
}

suite!(suite_of_limit, candidate("limit", |limiter, limit| Box::new(limiter.limit(limit))));

/// The other decorators and forms of limits, in process alone, because the whole suite over each takes minutes.
#[rstest]
#[case(|| candidate("shared_limit", |limiter, limit| Box::new(limiter.shared_limit(limit, "all"))))]
#[case(|| candidate("limit, entered", entered))]
#[case(|| app_wide("default_limits", |limiter, limit| limiter.default_limits([limit])))]
#[case(|| app_wide("application_limits", |limiter, limit| limiter.application_limits([limit])))]
#[case(exempt)]
fn every_law_is_kept(#[case] candidate: fn() -> Candidate) {
    let broken = |result: &CellResult| matches!(result.verdict, Verdict::Failed(_));
    let broken: Vec<_> = results_on(candidate, ALL, &[Host::InProcess]).filter(broken).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}
