//! The options of a limit: methods, exemptions, costs, conditions, functions that give its rates.

use costrel::http::response::Parts;
use costrel::testing::TestClient;
use costrel::{App, Colour, IntoResponse, Method, Request, request};
use costrel_limiter::{Limit, Limiter};
use rstest::rstest;

use crate::support::{COMPAT, app, client_of, get, limiter, seconds, status_with, statuses, view};

fn post(client: &TestClient, path: &str) -> u16 {
    client.post(path).wait().unwrap().status().as_u16()
}

#[rstest]
fn r5_each_method_has_a_budget_or_only_some_are_limited(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let (limiter, _) = limiter();
    let limiter = limiter.default_limits(["2/minute"]);
    let mut app = app(&limiter);
    let each = limiter.limit(Limit::new("1/minute").per_method());
    app.rule("/each").methods(["GET", "POST"]).decorate(each).view(view(colour, "each"));
    let only_get = limiter.limit(Limit::new("1/minute").methods(["get"]));
    app.rule("/get").methods(["GET", "POST"]).decorate(only_get).view(view(colour, "get"));
    let client = app.test_client();
    assert_eq!(statuses(&client, ["/each", "/each"]), [200, 429]);
    assert_eq!([post(&client, "/each"), post(&client, "/each")], [200, 429]);
    assert_eq!(statuses(&client, ["/get", "/get"]), [200, 429]);
    assert_eq!([(); 3].map(|()| post(&client, "/get")), [200, 200, 429], "POST is under the default limit");
}

/// HEAD runs the view for GET, so it is no second budget and no way round a limit on GET.
#[rstest]
fn r5_head_counts_as_get(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(Limit::new("1/minute").per_method(), Limit::new("1/minute").methods(["get"]))] limit: Limit,
) {
    let (limiter, _) = limiter();
    let client = client_of(&limiter, colour, limiter.limit(limit));
    assert_eq!(client.get("/").wait().unwrap().status(), 200);
    assert_eq!(client.open(Method::HEAD, "/").wait().unwrap().status(), 429);
}

fn is_internal(request: Request) -> bool {
    request.header("x-internal") == Some("yes")
}

#[rstest]
#[case::sync(Limit::new("1/minute").exempt_when(is_internal))]
#[case::asynchronous(Limit::new("1/minute").exempt_when(async |request: Request| is_internal(request)))]
fn r9_an_exempt_request_is_free_and_another_counts(
    #[case] limit: Limit,
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
) {
    let (limiter, _) = limiter();
    let client = client_of(&limiter, colour, limiter.limit(limit));
    let status = |is_internal: &str| status_with(&client, ("x-internal", is_internal));
    assert_eq!(["yes", "yes", "no", "yes", "no"].map(status), [200, 200, 200, 200, 429]);
}

/// An app whose view answers with the status that the request asks for.
fn answering(limiter: &Limiter, limit: Limit, colour: Colour) -> TestClient {
    fn wanted() -> u16 {
        request().header("x-status").and_then(|status| status.parse::<u16>().ok()).unwrap_or(200)
    }
    let mut app = app(limiter);
    let rule = app.rule("/").decorate(limiter.limit(limit));
    match colour {
        Colour::Sync => rule.view(|| ("done", wanted()).into_response()),
        Colour::Async => rule.view(async || ("done", wanted()).into_response()),
    };
    app.test_client()
}

fn is_bad(response: Parts) -> bool {
    response.status == 400
}

#[rstest]
#[case::sync(Limit::new("2/minute").deduct_when(is_bad))]
#[case::asynchronous(Limit::new("2/minute").deduct_when(async |response: Parts| is_bad(response)))]
fn r12_only_responses_that_the_limit_wants_are_counted(
    #[case] limit: Limit,
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(false, true)] is_compat: bool,
) {
    let (limiter, clock) = limiter();
    let limiter = if is_compat { limiter.compat(COMPAT) } else { limiter };
    let client = answering(&limiter, limit, colour);
    let status = |wanted: &str| status_with(&client, ("x-status", wanted));
    assert_eq!(["200"; 5].map(status), [200; 5]);
    assert_eq!(["400", "200", "400", "400", "200"].map(status), [400, 200, 400, 429, 429]);
    clock.advance(seconds(60));
    assert_eq!(status("200"), 200);
}

/// Beyond the limit come at most as many requests as run at once.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn r12_requests_at_once_exceed_the_limit_by_no_more_than_their_number(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
) {
    let (limiter, _) = limiter();
    let client = answering(&limiter, Limit::new("5/minute").deduct_when(is_bad), colour);
    let bad = || client.get("/").header("x-status", "400");
    let requests: Vec<_> = (0..16).map(|_| tokio::spawn(bad().into_future())).collect();
    let mut admitted = 0;
    for request in requests {
        admitted += usize::from(request.await.unwrap().unwrap().status() == 400);
    }
    assert!((5..=16).contains(&admitted), "{admitted}");
    assert_eq!(bad().await.unwrap().status(), 429);
}

#[rstest]
fn r13_a_condition_counts_the_cost(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let (limiter, _) = limiter();
    let client = answering(&limiter, Limit::new("20/minute").deduct_when(|_: Parts| true).cost(15), colour);
    assert_eq!(statuses(&client, ["/", "/"]), [200, 429]);
}

#[rstest]
#[case::number(Limit::new("5/minute").cost(2))]
#[case::sync(Limit::new("5/minute").cost(|_: Request| 2))]
#[case::asynchronous(Limit::new("5/minute").cost(async |_: Request| 2))]
fn a_request_may_count_as_several(#[case] limit: Limit, #[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let (limiter, _) = limiter();
    let client = client_of(&limiter, colour, limiter.limit(limit));
    assert_eq!(statuses(&client, ["/"; 3]), [200, 200, 429]);
}

#[rstest]
fn r20_a_client_without_a_key_gets_no_free_pass(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let limiter = Limiter::new(crate::support::user);
    let client = client_of(&limiter, colour, limiter.limit("1/minute"));
    let refused = get(&client, "/");
    assert_eq!(refused.status(), 500);
    assert!(refused.error().unwrap().message().contains("return a text for each client"));
    let limiter = Limiter::new(crate::support::user).compat(COMPAT);
    let client = client_of(&limiter, colour, limiter.limit("1/minute"));
    assert_eq!(statuses(&client, ["/"; 3]), [200; 3], "as in Flask-Limiter");
}

#[rstest]
fn r21_a_wrong_limit_is_a_set_up_error_wherever_it_is_written(#[values(false, true)] is_compat: bool) {
    let compat = |limiter: Limiter| if is_compat { limiter.compat(COMPAT) } else { limiter };
    let wrong: [fn(Limiter) -> Limiter; 5] = [
        |limiter| limiter.default_limits(["often"]),
        |limiter| limiter.application_limits(["often"]),
        |limiter| limiter.meta_limits(["often"]),
        |limiter| limiter.limit_blueprint("shop", "often"),
        |limiter| limiter.default_limits([Limit::new("1/day").meta_limits(["often"])]),
    ];
    for wrong in wrong {
        let limiter = compat(wrong(limiter().0));
        let error = App::new("test").init(&limiter).unwrap_err().to_string();
        assert!(error.contains("\"often\" is not a rate limit") && error.contains("options.rs:"), "{error}");
    }
    let limiter = compat(limiter().0);
    let mut app = app(&limiter);
    let (limit, line) = (Limit::new("often"), line!());
    app.rule("/").decorate(limiter.limit(limit)).view(|| "never");
    let error = app.build().unwrap_err().to_string();
    assert!(error.contains(&format!("options.rs:{line}:")), "{error}");
}

#[rstest]
fn r21_text_of_a_function_that_is_no_limit_is_an_error_or_leaves_the_default_limits(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
) {
    let wrong = || Limit::by(|_: Request| "often".to_owned());
    let safe = limiter().0;
    let client = client_of(&safe, colour, safe.limit(wrong()));
    assert_eq!(statuses(&client, ["/"]), [500]);
    let compat = limiter().0.compat(COMPAT).default_limits(["1/minute"]);
    let client = client_of(&compat, colour, compat.limit(wrong()));
    assert_eq!(statuses(&client, ["/", "/"]), [200, 429]);
}

fn by_plan(request: Request) -> String {
    if request.header("x-plan") == Some("paid") { String::new() } else { "1/minute".to_owned() }
}

#[rstest]
#[case::sync(Limit::by(by_plan))]
#[case::asynchronous(Limit::by(async |request: Request| by_plan(request)))]
fn r22_a_function_gives_the_limit_of_each_request_and_no_text_is_no_limit(
    #[case] limit: Limit,
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(false, true)] is_compat: bool,
) {
    let (limiter, _) = limiter();
    let limiter = if is_compat { limiter.compat(COMPAT) } else { limiter };
    let client = client_of(&limiter, colour, limiter.limit(limit));
    let status = |plan: &str| status_with(&client, ("x-plan", plan));
    assert_eq!(["paid", "paid", "free", "free", "paid"].map(status), [200, 200, 200, 429, 200]);
}

#[rstest]
#[case::sync(|limiter: Limiter| limiter.request_identifier(|_: Request| "all".to_owned()))]
#[case::asynchronous(|limiter: Limiter| limiter.request_identifier(async |_: Request| "all".to_owned()))]
fn what_a_request_is_for_can_be_named(
    #[case] identified: fn(Limiter) -> Limiter,
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
) {
    let limiter = identified(limiter().0).default_limits(["2/minute"]);
    let mut app = app(&limiter);
    app.rule("/a").view(view(colour, "a"));
    app.rule("/b").view(view(colour, "b"));
    assert_eq!(statuses(&app.test_client(), ["/a", "/b", "/a"]), [200, 200, 429]);
}
