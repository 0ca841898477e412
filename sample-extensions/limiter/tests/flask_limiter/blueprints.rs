//! The limits and exemptions of blueprints.

use costrel::testing::TestClient;
use costrel::{Blueprint, Colour};
use costrel_limiter::{Exempt, Limit, Limiter};
use rstest::rstest;

use crate::support::{COMPAT, app, get, limiter, statuses, view};

/// An app with the blueprint `outer`, in it `inner`, in that `deep`; each has a view, and `outer` one with a limit of its own.
fn client(limiter: &Limiter, colour: Colour) -> TestClient {
    let mut app = app(limiter);
    let mut deep = Blueprint::new("deep").url_prefix("/deep");
    deep.rule("/page").view(view(colour, "page"));
    let mut inner = Blueprint::new("inner").url_prefix("/inner");
    inner.rule("/page").view(view(colour, "page"));
    inner.register_blueprint(deep);
    let mut outer = Blueprint::new("outer").url_prefix("/outer");
    outer.rule("/page").view(view(colour, "page"));
    outer.rule("/own").decorate(limiter.limit("4/minute")).view(view(colour, "own"));
    let both = Limit::new("9/minute").override_defaults(false);
    outer.rule("/both").decorate(limiter.limit(both)).view(view(colour, "both"));
    outer.register_blueprint(inner);
    app.register_blueprint(outer);
    app.rule("/page").endpoint("not.a.blueprint").view(view(colour, "page"));
    app.test_client()
}

/// How many of ten requests the limits let through.
fn admitted(client: &TestClient, path: &str) -> usize {
    (0..10).filter(|_| get(client, path).status() == 200).count()
}

const PATHS: [&str; 3] = ["/outer/page", "/outer/inner/page", "/outer/inner/deep/page"];

#[rstest]
fn r28_a_blueprints_limit_is_that_of_its_views_and_of_the_blueprints_within(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(false, true)] is_compat: bool,
) {
    let limited = |limiter: Limiter| {
        let limiter = limiter.default_limits(["5/minute"]);
        let limiter = if is_compat { limiter.compat(COMPAT) } else { limiter };
        let client = client(&limiter, colour);
        PATHS.map(|path| admitted(&client, path))
    };
    let one = limiter().0.limit_blueprint("outer", "3/minute");
    assert_eq!(limited(one.clone()), [3, 3, 3]);
    assert_eq!(limited(one.clone().limit_blueprint("outer.inner", "8/minute")), [3, 8, 3]);
    let added = Limit::new("8/minute").override_defaults(false);
    assert_eq!(limited(one.limit_blueprint("outer.inner", added)), [3, 3, 3]);
    assert_eq!(limited(limiter().0.limit_blueprint("outer.inner", "8/minute")), [5, 8, 8]);
}

#[rstest]
fn r28_a_views_own_limit_takes_the_place_of_its_blueprints(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let (limiter, _) = limiter();
    let limiter = limiter.default_limits(["1/minute"]).limit_blueprint("outer", "3/minute");
    let client = client(&limiter, colour);
    assert_eq!([admitted(&client, "/outer/own"), admitted(&client, "/outer/both")], [4, 3]);
    assert_eq!(admitted(&client, "/page"), 1, "an endpoint with dots that is in no blueprint has the default limits");
}

#[rstest]
fn r28_an_exemption_is_handed_down_or_not(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let exempt = |from: Exempt| {
        let limiter = limiter().0.default_limits(["5/minute"]).exempt_blueprint("outer", from);
        let client = client(&limiter, colour);
        PATHS.map(|path| admitted(&client, path))
    };
    assert_eq!(exempt(Exempt::DEFAULT), [10, 5, 5]);
    assert_eq!(exempt(Exempt::DEFAULT | Exempt::DESCENDENTS), [10, 10, 10]);
    assert_eq!(exempt(Exempt::APPLICATION), [5, 5, 5]);
}

#[rstest]
fn r28_a_blueprint_may_be_exempt_from_the_limits_of_those_around_it(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
) {
    let limiter = limiter().0.limit_blueprint("outer", "3/minute").exempt_blueprint("outer.inner", Exempt::ANCESTORS);
    let client = client(&limiter, colour);
    assert_eq!(PATHS.map(|path| admitted(&client, path)), [3, 10, 3]);
}

/// A decorator on a blueprint is one on each of its views.
#[rstest]
fn a_blueprint_may_be_decorated_with_a_limit(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let (limiter, _) = limiter();
    let mut app = app(&limiter);
    let mut blueprint = Blueprint::new("shop");
    blueprint.decorate(limiter.limit("2/minute"));
    blueprint.rule("/a").view(view(colour, "a"));
    blueprint.rule("/b").decorate(limiter.limit("1/minute")).view(view(colour, "b"));
    app.register_blueprint(blueprint);
    assert_eq!(statuses(&app.test_client(), ["/a", "/a", "/a", "/b", "/b"]), [200, 200, 429, 200, 429]);
}

#[rstest]
#[case::limit(|limiter: Limiter, name: &str| limiter.limit_blueprint(name, "3/minute"))]
#[case::exemption(|limiter: Limiter, name: &str| limiter.exempt_blueprint(name, Exempt::ALL))]
fn a_blueprint_in_which_no_view_is_is_a_set_up_error(#[case] told: fn(Limiter, &str) -> Limiter) {
    let build = |name: &str| {
        let limiter = told(limiter().0, name);
        let mut app = app(&limiter);
        let mut outer = Blueprint::new("outer");
        let mut inner = Blueprint::new("inner");
        inner.rule("/page").view(view(Colour::Async, "page"));
        outer.register_blueprint(inner);
        app.register_blueprint(outer);
        app.build().map_err(|error| error.to_string())
    };
    assert!(build("outer").is_ok() && build("outer.inner").is_ok());
    for wrong in ["inner", "out", "outer.inner.page", "outer."] {
        let error = build(wrong).unwrap_err();
        assert!(
            error.contains(&format!("no view is in a blueprint `{wrong}`")) && error.contains("support.rs:"),
            "{error}"
        );
    }
}
