use costrel::{
    App, Colour, Error, IntoResponse, IntoView, Response, View, abort, current_app, request, testing::TestClient,
};
use costrel_ext_kit::Decorate;
use rstest::rstest;

fn sync_form(view: View) -> View {
    view.wrapped_by(|view, request| mark(current_app().ensure_sync(view)(request)))
}

fn async_form(view: View) -> View {
    view.wrapped_by_async(|next, request| async move { mark(next.call(request).await) })
}

fn after_form(view: View) -> View {
    view.followed_by(mark)
}

fn mark(outcome: Result<Response, Error>) -> Result<Response, Error> {
    let mut response = outcome?;
    response.headers_mut().append("x-mark", "1".parse()?);
    Ok(response)
}

fn view(colour: Colour) -> View {
    match colour {
        Colour::Sync => (|| "view").into_view(),
        Colour::Async => (async || "view").into_view(),
    }
}

fn client_of(view: View) -> TestClient {
    let mut app = App::new("test");
    app.rule("/").endpoint("view").view(view);
    app.test_client()
}

type Form = fn(View) -> View;

/// Three stacked decorators cross at most once, in every combination of forms and colours.
#[rstest]
fn stacked_decorators_each_run_once_and_cross_at_most_once(
    #[values(sync_form, async_form, after_form)] outer: Form,
    #[values(sync_form, async_form, after_form)] middle: Form,
    #[values(sync_form, async_form, after_form)] inner: Form,
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
) {
    let client = client_of(outer(middle(inner(view(colour)))));
    let response = client.get("/").wait().unwrap();
    assert_eq!((response.text().as_str(), response.headers().get_all("x-mark").iter().count()), ("view", 3));
    assert!(client.application().handle().crossings() <= 1);
}

#[rstest]
fn a_guard_and_an_after_keep_the_views_colour(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let guarded = view(colour).guarded_by(|_| ());
    let followed = view(colour).followed_by(|outcome| outcome);
    assert_eq!((guarded.colour(), followed.colour()), (colour, colour));
    assert_eq!(sync_form(view(colour)).colour(), Colour::Sync);
    assert_eq!(async_form(view(colour)).colour(), Colour::Async);
}

#[rstest]
fn a_guard_may_answer_pass_or_fail(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(true, false)] beneath_sync: bool,
) {
    let guarded = view(colour).guarded_by(|request| match request.header("x-do") {
        Some("answer") => Ok(Some(("early", 203))),
        Some("fail") => abort(418),
        _ => Ok(None),
    });
    let client = client_of(if beneath_sync { sync_form(guarded) } else { guarded });
    let get = |what: &str| {
        let response = client.get("/").header("x-do", what).wait().unwrap();
        (response.status().as_u16(), response.text())
    };
    assert_eq!(get("answer"), (203, "early".into()));
    assert_eq!(get("pass"), (200, "view".into()));
    assert_eq!(get("fail").0, 418);
}

#[test]
fn a_guard_refuses_without_touching_a_worker() {
    let client = client_of(view(Colour::Sync).guarded_by(|_| abort::<()>(403)));
    assert_eq!(client.get("/").wait().unwrap().status(), 403);
    assert_eq!(client.application().handle().crossings(), 0);
}

/// Errors are values, so a decorator around a failing view may turn the error into a response.
#[rstest]
fn an_after_may_turn_an_error_into_an_answer(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let failing = match colour {
        Colour::Sync => (|| abort::<&str>(404)).into_view(),
        Colour::Async => (async || abort::<&str>(404)).into_view(),
    };
    let mended = failing.followed_by(|outcome| match outcome {
        Err(error) if error.status_code() == 404 => "nothing here".into_response(),
        Err(error) => Err(error),
        Ok(_) => abort(500),
    });
    assert_eq!(client_of(mended).get("/").wait().unwrap().text(), "nothing here");
}

/// A decorator with arguments is a function that returns one; decorators compose like functions.
#[rstest]
fn decorators_are_values_that_compose(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let tagged = |tag: &'static str| {
        move |view: View| {
            view.followed_by(move |outcome| {
                let mut response = outcome?;
                response.headers_mut().append("x-tag", tag.parse()?);
                Ok(response)
            })
        }
    };
    let (a, b) = (tagged("a"), tagged("b"));
    let both = move |view| a(b(view));
    let response = client_of(both(view(colour))).get("/").wait().unwrap();
    assert_eq!(response.headers().get_all("x-tag").iter().collect::<Vec<_>>(), ["b", "a"]);
}

/// In Flask this is an error: "just await the async function directly".
#[test]
fn a_decorated_async_helper_can_be_awaited_in_an_async_view_and_waited_for_in_a_sync_one() {
    async fn helper() -> &'static str {
        tokio::task::yield_now().await;
        "helped"
    }
    let mut app = App::new("test");
    for (rule, decorated) in [("wrapped", sync_form(helper.into_view())), ("async", async_form(helper.into_view()))] {
        let from_sync = decorated.clone();
        app.route(&format!("/{rule}/from-async"), move || decorated.call(request()));
        app.route(&format!("/{rule}/from-sync"), move || from_sync.call(request()).wait());
    }
    let client = app.test_client();
    for path in ["/wrapped/from-async", "/wrapped/from-sync", "/async/from-async", "/async/from-sync"] {
        let response = client.get(path).wait().unwrap();
        assert_eq!((response.text().as_str(), response.header("x-mark")), ("helped", Some("1")), "{path}");
    }
}

fn check_form(view: View) -> View {
    view.guarded_by_sync(|_| ())
}

fn guard_form(view: View) -> View {
    view.guarded_by(|_| ())
}

/// Five decorators, one of each form, cross exactly once in each of their 120 orders, because two of the forms are
/// sync.
#[rstest]
fn five_mixed_decorators_cross_once_in_every_order(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let forms: [Form; 5] = [sync_form, async_form, after_form, check_form, guard_form];
    for order in orders(&forms) {
        let decorated = order.iter().fold(view(colour), |view, form| form(view));
        let client = client_of(decorated);
        let response = client.get("/").wait().unwrap();
        assert_eq!((response.text().as_str(), response.headers().get_all("x-mark").iter().count()), ("view", 3));
        assert_eq!(client.application().handle().crossings(), 1);
    }
}

fn orders(forms: &[Form]) -> Vec<Vec<Form>> {
    let Some((first, rest)) = forms.split_first() else { return vec![Vec::new()] };
    let with_first = |order: Vec<Form>| {
        (0..=order.len()).map(move |at| {
            let mut longer = order.clone();
            longer.insert(at, *first);
            longer
        })
    };
    orders(rest).into_iter().flat_map(with_first).collect()
}
