use costrel::{App, Callable, Colour, Error, ErrorKind, request};
use costrel_ext_kit::{
    IntoCallback,
    key::{combined, header, remote_address_behind},
};
use rstest::rstest;

fn double_sync(n: i32) -> i32 {
    n * 2
}

async fn double_async(n: i32) -> i32 {
    n * 2
}

fn double_sync_fallible(n: i32) -> Result<i32, std::num::TryFromIntError> {
    i32::try_from(i64::from(n) * 2)
}

async fn double_async_fallible(n: i32) -> Result<i32, Error> {
    Ok(n * 2)
}

/// Every callback may be sync or async, fallible or not.
#[rstest]
#[case(double_sync.into_callback(), Colour::Sync)]
#[case(double_async.into_callback(), Colour::Async)]
#[case(double_sync_fallible.into_callback(), Colour::Sync)]
#[case(double_async_fallible.into_callback(), Colour::Async)]
fn a_callback_is_called_from_either_colour(#[case] callback: Callable<i32, i32>, #[case] colour: Colour) {
    assert_eq!(callback.colour(), colour);
    let (from_sync, from_async) = (callback.clone(), callback);
    let mut app = App::new("test");
    app.route("/sync", move || from_sync.call(21).wait().map(|n| n.to_string()));
    app.route("/async", move || {
        let value = from_async.call(21);
        async move { value.await.map(|n| n.to_string()) }
    });
    let client = app.test_client();
    assert_eq!(client.get("/sync").wait().unwrap().text(), "42");
    assert_eq!(client.get("/async").wait().unwrap().text(), "42");
}

#[rstest]
#[case((|| 7).into_callback())]
#[case((async || 7).into_callback())]
#[case((|| Ok::<_, Error>(7)).into_callback())]
#[case((async || Ok::<_, Error>(7)).into_callback())]
fn a_callback_may_take_nothing(#[case] callback: Callable<&'static str, i32>) {
    assert_eq!(callback.call("whatever it is given").wait().unwrap(), 7);
}

#[test]
fn an_error_of_a_callback_arrives() {
    let callback: Callable<i32, i32> = double_sync_fallible.into_callback();
    let error = callback.call(i32::MAX).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Other);
    assert!(error.downcast_ref::<std::num::TryFromIntError>().is_some());
}

#[rstest]
#[case::none(&[], 1, "127.0.0.1")]
#[case::one_hop(&["1.1.1.1"], 1, "1.1.1.1")]
#[case::spoofed(&["6.6.6.6, 1.1.1.1"], 1, "1.1.1.1")]
#[case::two_proxies(&["6.6.6.6, 1.1.1.1", "2.2.2.2"], 2, "1.1.1.1")]
#[case::too_few(&["1.1.1.1"], 2, "127.0.0.1")]
#[case::no_proxies(&["1.1.1.1"], 0, "127.0.0.1")]
fn the_address_behind_proxies_cannot_be_spoofed(
    #[case] lines: &[&str],
    #[case] proxies: usize,
    #[case] expected: &str,
) {
    let key = remote_address_behind(proxies);
    let mut app = App::new("test");
    app.route("/", move || key.call(request()));
    let mut sent = app.test_client().get("/");
    for line in lines {
        sent = sent.header("x-forwarded-for", line);
    }
    assert_eq!(sent.wait().unwrap().text(), expected);
}

#[test]
fn combined_keys_never_read_alike() {
    let key = combined(header("a"), header("b"));
    let mut app = App::new("test");
    app.route("/", move || key.call(request()));
    let client = app.test_client();
    let key_of = |a: &str, b: &str| client.get("/").header("a", a).header("b", b).wait().unwrap().text();
    assert_ne!(key_of("x y", "z"), key_of("x", "y z"));
    assert_eq!(key_of("x", "y"), key_of("x", "y"));
}

/// An entry that a client writes into the header, text or not, never replaces the entries that the proxies add.
#[rstest]
#[case(b"\xff, 9.9.9.9", "9.9.9.9")]
#[case(b"9.9.9.9:1234", "9.9.9.9")]
#[case(b"[2001:db8::1]:80", "2001:db8::1")]
#[case(b"6.6.6.6,", "127.0.0.1")]
#[case(b"", "127.0.0.1")]
fn the_address_behind_a_proxy_is_the_proxys_word(#[case] header: &[u8], #[case] expected: &str) {
    let key = costrel_ext_kit::key::remote_address_behind(1);
    let mut app = costrel::App::new("test");
    app.route("/", move || key.call(costrel::request()));
    let mut request = http::Request::get("/").body(costrel::Body::empty()).unwrap();
    request.headers_mut().insert("x-forwarded-for", http::HeaderValue::from_bytes(header).unwrap());
    request.extensions_mut().insert(std::net::SocketAddr::from(([127, 0, 0, 1], 9)));
    let event_loop = tokio::runtime::Runtime::new().unwrap();
    let response = event_loop.block_on(app.build().unwrap().call(request));
    assert_eq!(response.body().as_bytes().unwrap().as_ref(), expected.as_bytes());
}
