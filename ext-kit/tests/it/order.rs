//! The check of the order of decorators, when the app is built.

use costrel::{App, Error, Phase, View};
use costrel_ext_kit::Decorator;
use rstest::rstest;

fn cors(view: View) -> View {
    Decorator::new(view).phase(Phase::CORS).guard(|_| ())
}

fn login(view: View) -> View {
    Decorator::new(view).phase(Phase::AUTH).wrap_async(|next, request| next.call(request))
}

fn limit(view: View) -> View {
    Decorator::new(view).phase(Phase::LIMIT).guard(|_| ())
}

fn cached(view: View) -> View {
    Decorator::new(view).phase(Phase::CACHE).guard(|_| ())
}

fn plain(view: View) -> View {
    Decorator::new(view).guard(|_| ())
}

fn build(stack: &[fn(View) -> View], any_order: bool) -> Result<u32, (u32, Error)> {
    let mut app = App::new("test");
    let line = line!() + 1;
    let mut rule = app.rule("/");
    for decorator in stack {
        rule = rule.decorate(decorator);
    }
    if any_order {
        rule = rule.any_order();
    }
    rule.view(async || "x");
    app.build().map(|_| line).map_err(|error| (line, error))
}

#[rstest]
#[case(&[cors, login, limit, cached])]
#[case(&[login, plain, cached, plain])]
#[case(&[limit, limit, cached])]
#[case(&[plain as fn(View) -> View])]
fn a_stack_in_order_is_fine(#[case] stack: &[fn(View) -> View]) {
    assert!(build(stack, false).is_ok());
}

#[rstest]
#[case(&[cached, login], "`cached` is outside `login`: it would hand one user's page to the next")]
#[case(&[plain, cached, plain, login], "`cached` is outside `login`")]
#[case(&[cors, limit, login, cached], "`limit` is outside `login`")]
#[case(&[cached, limit], "answers from the cache would not be counted")]
#[case(&[login, cors], "its refusals would lack the headers")]
fn a_stack_out_of_order_is_reported_at_its_line(#[case] stack: &[fn(View) -> View], #[case] message: &str) {
    let (line, error) = build(stack, false).unwrap_err();
    assert!(error.to_string().contains(&format!("order.rs:{line}:")), "{error}");
    assert!(error.message().contains(message), "{error}");
    assert!(error.message().contains("or add `.any_order()` if it is meant"), "{error}");
    assert!(build(stack, true).is_ok());
}

#[test]
fn a_phase_of_ones_own_has_its_place() {
    const AUDIT: Phase = Phase::new(25, "audit");
    let audited = |view: View| Decorator::new(view).phase(AUDIT).guard(|_| ());
    let mut app = App::new("test");
    app.rule("/").decorate(audited).decorate(login).view(async || "x");
    assert!(app.build().unwrap_err().message().contains("it belongs further in"));
}
