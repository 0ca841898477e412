//! What one client can learn of another: nothing.

use costrel::testing::TestClient;
use costrel::{Colour, Error, IntoView, Request, Response, View};
use costrel_ext_kit::Decorate;
use costrel_ext_kit::key::remote_address;
use costrel_limiter::{Limit, Limiter};
use rstest::rstest;

use crate::support::{app, get, limiter, user, view};

/// A decorator that tells, as a cache would ask, whether what is beneath it has looked at anything of the client.
fn watched(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let watch = request.watch();
        let outcome = next.call(request.clone()).await;
        let looked = watch.end().is_any();
        let mut response = outcome.unwrap_or_else(|error| Response::new(error.message().to_owned().into()));
        response.headers_mut().insert("x-looked", looked.to_string().parse().unwrap());
        Ok(response)
    })
}

/// A name that a client sends is not the address of another, so it spends no budget but its own.
#[rstest]
fn a_key_of_the_clients_own_words_is_no_address(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let (limiter, _) = limiter();
    let mut app = app(&limiter);
    let name = |request: Request| request.header("x-name").unwrap_or("none").to_owned();
    let by_name = limiter.limit(Limit::new("2/minute").key_func(name));
    app.rule("/").decorate(limiter.limit("2/minute")).decorate(by_name).view(view(colour, "page"));
    let client = app.test_client();
    let status = |address: &str, name: &str| {
        let request = client.get("/").remote_addr(address.parse().unwrap()).header("x-name", name);
        request.wait().unwrap().status().as_u16()
    };
    assert_eq!([(); 2].map(|()| status("10.0.0.1:9", "10.0.0.2")), [200, 200]);
    assert_eq!(status("10.0.0.2:9", "Ada"), 200);
}

/// What a limit looks at changes no page, so a page stays one for all clients; one that shows what is left does not.
#[rstest]
fn a_limit_makes_no_page_private_but_what_is_left_does(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let limiter = Limiter::new(remote_address).request_filter(async |request: Request| request.header("x-a").is_some());
    let mut app = app(&limiter);
    let limit = || Limit::new("1/minute").exempt_when(async |request: Request| request.header("x-b").is_some());
    let (known, page) = (limiter.clone(), || "the same for all");
    let left = move || known.current_limit().map(|limit| limit.remaining.to_string());
    let [page, left] = match colour {
        Colour::Sync => [page.into_view(), (move || left().unwrap_or_default()).into_view()],
        Colour::Async => [
            (async || "the same for all").into_view(),
            (move || std::future::ready(left().unwrap_or_default())).into_view(),
        ],
    };
    app.rule("/page").decorate(watched).decorate(limiter.limit(limit())).view(page.named("page"));
    app.rule("/left").decorate(watched).decorate(limiter.limit(limit())).view(left.named("left"));
    let client = app.test_client();
    let looked = |path: &str| get(&client, path).header("x-looked").map(str::to_owned);
    assert_eq!(
        [looked("/page"), looked("/page"), looked("/left")],
        ["false", "false", "true"].map(|is| Some(is.into()))
    );
}

/// A hundred clients at once, on a server of either kind: each sees its own count, and none is refused for another.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_client_sees_the_count_of_another(
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(None, Some(4))] threads: Option<usize>,
) {
    const EACH: u64 = 20;
    let limiter = Limiter::new(user).headers_enabled(true);
    let mut app = app(&limiter);
    app.config.threads = threads;
    let known = limiter.clone();
    let left = move || known.current_limit().map(|limit| limit.remaining.to_string()).unwrap_or_default();
    let view = match colour {
        Colour::Sync => left.into_view(),
        Colour::Async => (move || std::future::ready(left())).into_view(),
    };
    app.rule("/").decorate(limiter.limit(format!("{EACH}/hour"))).view(view.named("left"));
    let client = app.test_client();
    let visits: Vec<_> = (0..100).map(|user| tokio::spawn(visit(client.clone(), user.to_string(), EACH))).collect();
    for visit in visits {
        visit.await.unwrap().unwrap();
    }
}

/// Uses up a user's limit, looking at what is left each time.
async fn visit(client: TestClient, user: String, each: u64) -> Result<(), Error> {
    for left in (0..each).rev().map(|left| left.to_string()) {
        let page = client.get("/").header("x-user", &user).await?;
        assert_eq!((page.text().as_str(), page.header("x-ratelimit-remaining")), (left.as_str(), Some(left.as_str())));
        tokio::task::yield_now().await;
    }
    assert_eq!(client.get("/").header("x-user", &user).await?.status(), 429);
    Ok(())
}
