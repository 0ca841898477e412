//! Key functions: whose request is this?
//!
//! They are async although they wait for nothing: so they run on the event loop, where a sync one, which
//! might block, would cross to a worker.

use std::net::SocketAddr;

use costrel::{Callable, Request};

use crate::callback::IntoCallback;

/// The address of the client at the other end of the connection, empty if there is none.
///
/// Behind a proxy this is the proxy's address, so every client is the same one: use [`remote_address_behind`].
///
/// ```
/// # use costrel::{App, request};
/// # use costrel_ext_kit::key::remote_address;
/// # let mut app = App::new("docs");
/// app.route("/", async || remote_address(request()).await);
/// assert_eq!(app.test_client().get("/").wait()?.text(), "127.0.0.1");
/// # Ok::<(), costrel::Error>(())
/// ```
pub async fn remote_address(request: Request) -> String {
    peer(&request)
}

/// The address of the client behind this many proxies of one's own, each of which adds the address it was
/// called from to `X-Forwarded-For`.
///
/// What stands further left in the header anybody may have written, so it is not looked at. With fewer
/// entries than proxies the request did not come through them, and the peer's address counts.
///
/// ```
/// # use costrel::{App, request};
/// # use costrel_ext_kit::key;
/// let key = key::remote_address_behind(1);
/// # let mut app = App::new("docs");
/// app.route("/", move || key.call(request()));
/// let client = app.test_client();
/// let spoofed = client.get("/").header("x-forwarded-for", "6.6.6.6, 9.9.9.9");
/// assert_eq!(spoofed.wait()?.text(), "9.9.9.9");
/// assert_eq!(client.get("/").wait()?.text(), "127.0.0.1");
/// # Ok::<(), costrel::Error>(())
/// ```
pub fn remote_address_behind(proxies: usize) -> Callable<Request, String> {
    let key = move |request: Request| async move {
        // Read as text whatever is in it: a line that was left out would leave the proxies' own entries out too.
        let lines = request.headers().get_all("x-forwarded-for").into_iter();
        let lines: Vec<_> = lines.map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned()).collect();
        let hops: Vec<_> = lines.iter().flat_map(|line| line.split(',')).map(str::trim).collect();
        let trusted = hops.len().checked_sub(proxies).and_then(|at| hops.get(at)).map(|hop| without_port(hop));
        trusted.filter(|hop| !hop.is_empty()).unwrap_or_else(|| peer(&request))
    };
    key.into_callback()
}

/// The value of a header, such as an API key's; empty if it is not there.
///
/// ```
/// # use costrel::{App, request};
/// # use costrel_ext_kit::key;
/// let key = key::header("x-api-key");
/// # let mut app = App::new("docs");
/// app.route("/", move || key.call(request()));
/// assert_eq!(app.test_client().get("/").header("x-api-key", "k1").wait()?.text(), "k1");
/// # Ok::<(), costrel::Error>(())
/// ```
pub fn header(name: &'static str) -> Callable<Request, String> {
    let key = move |request: Request| async move { request.header(name).unwrap_or_default().to_owned() };
    key.into_callback()
}

/// The endpoint the request matched.
///
/// ```
/// # use costrel::{App, request};
/// # use costrel_ext_kit::key::endpoint;
/// # let mut app = App::new("docs");
/// app.rule("/").endpoint("index").view(async || endpoint(request()).await);
/// assert_eq!(app.test_client().get("/").wait()?.text(), "index");
/// # Ok::<(), costrel::Error>(())
/// ```
pub async fn endpoint(request: Request) -> String {
    request.endpoint().unwrap_or_default().to_owned()
}

/// Two keys as one: requests are the same only if both are. Keys of any colour, and of three and more by
/// combining again.
///
/// ```
/// # use costrel::{App, request};
/// # use costrel_ext_kit::key;
/// let key = key::combined(key::endpoint, key::header("x-user"));
/// # let mut app = App::new("docs");
/// app.rule("/").endpoint("index").view(move || key.call(request()));
/// assert_eq!(app.test_client().get("/").header("x-user", "ada").wait()?.text(), "5:index ada");
/// # Ok::<(), costrel::Error>(())
/// ```
pub fn combined<M, N>(
    first: impl IntoCallback<M, Request, String>,
    second: impl IntoCallback<N, Request, String>,
) -> Callable<Request, String> {
    let (first, second) = (first.into_callback(), second.into_callback());
    let both = move |request: Request| {
        let (first, second) = (first.call(request.clone()), second.call(request));
        async move {
            let (first, second) = (first.await?, second.await?);
            // With its length in front, no pair of keys can read like another.
            Ok::<_, costrel::Error>(format!("{}:{first} {second}", first.len()))
        }
    };
    both.into_callback()
}

/// An address without the port that some proxies add, which is another for every connection.
fn without_port(hop: &str) -> String {
    hop.parse::<SocketAddr>().map_or_else(|_| hop.to_owned(), |address| address.ip().to_string())
}

fn peer(request: &Request) -> String {
    request.remote_addr().map(|address| address.ip().to_string()).unwrap_or_default()
}
