//! Limits in a browser: `cargo run -p costrel-limiter --example limiter-demo`, then <http://127.0.0.1:5000>.

use std::process::ExitCode;

use costrel::http::response::Parts;
use costrel::{App, Error, abort_with, cli, request};
use costrel_ext_kit::key::{ipv6_network, remote_address};
use costrel_limiter::{Limit, Limiter, RequestLimit};

const PAGE: &str = r#"<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Limits</title>
<style>body{font:1rem/1.6 system-ui;max-width:40rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}</style>
<h1>Limits</h1>
<ul>
<li><a href="/sync">Sync</a> and <a href="/async">async</a>: three a minute for each
<li><a href="/shared/a">One page</a> and <a href="/shared/b">another</a>: four a minute for both together
<li><a href="/dear">A dear page</a>: each visit counts as two of five a minute
<li><a href="/door?word=sesame">The right word</a> is free, <a href="/door?word=please">a wrong one</a> counts: three a minute
<li><a href="/plan">The free plan</a>: one a minute; <a href="/plan?plan=paid">the paid one</a>: ten
<li><a href="/free">An exempt page</a>: as often as you like
</ul><p>Each page of this app has a default limit of 60 a minute. A client that is refused twenty times in an hour has to wait.
"#;

fn main() -> ExitCode {
    cli::main(create_app)
}

fn create_app() -> Result<App, Error> {
    let limiter = Limiter::new(ipv6_network(64, remote_address))
        .default_limits(["60/minute"])
        .meta_limits(["20/hour"])
        .headers_enabled(true)
        .draft_headers(true);
    let mut app = App::new("limiter demo");
    app.init(&limiter)?;
    let left = |limiter: &Limiter| limiter.current_limit().map(|limit| page(&limit)).unwrap_or_default();

    app.route("/", || PAGE);
    let known = limiter.clone();
    app.rule("/sync").decorate(limiter.limit("3/minute")).view(move || left(&known));
    let known = limiter.clone();
    app.rule("/async").decorate(limiter.limit("3/minute")).view(move || {
        let text = left(&known);
        async move { text }
    });
    for name in ["a", "b"] {
        let known = limiter.clone();
        let shared = limiter.shared_limit("4/minute", "pages");
        app.rule(&format!("/shared/{name}")).endpoint(name).decorate(shared).view(move || left(&known));
    }
    let known = limiter.clone();
    app.rule("/dear").decorate(limiter.limit(Limit::new("5/minute").cost(2))).view(move || left(&known));
    let guesses = Limit::new("3/minute").deduct_when(|response: Parts| response.status == 403);
    app.rule("/door").decorate(limiter.limit(guesses.error_message("Too many wrong words."))).view(door);
    let by_plan = Limit::by(async |_| if plan() == "paid" { "10/minute" } else { "1/minute" }.to_owned());
    app.rule("/plan").decorate(limiter.limit(by_plan.scope(async |_: String| plan()))).view(async || plan());
    app.rule("/free").decorate(limiter.exempt()).view(|| "As often as you like.");
    Ok(app)
}

fn page(limit: &RequestLimit) -> String {
    let RequestLimit { limit, remaining, resets_in, .. } = limit;
    format!("{limit}: {remaining} left, and all of them again in {} s.", resets_in.as_secs())
}

fn door() -> Result<&'static str, Error> {
    match request().args().get("word") {
        Some("sesame") => Ok("Come in."),
        _ => abort_with(403, "That is not the word."),
    }
}

fn plan() -> String {
    request().args().get("plan").unwrap_or("free").to_owned()
}
