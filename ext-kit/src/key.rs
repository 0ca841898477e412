//! Key functions, which say whose requests count as the same client's.
//!
//! They are async although they wait for nothing, because an async function runs on the event loop; a sync function
//! might block, so it would cross to a worker.

use std::net::{Ipv6Addr, SocketAddr};

use costrel::{Callable, Error, ErrorKind, Request};

use crate::callback::IntoCallback;
use crate::place;

/// Returns the address of the client at the other end of the connection.
///
/// Behind a proxy this is the proxy's address, which all clients share: use [`remote_address_behind`] there.
///
/// ```
/// use costrel::{App, request};
/// use costrel_ext_kit::key::remote_address;
///
/// let mut app = App::new("docs");
/// app.route("/", async || remote_address(request()).await);
/// assert_eq!(app.test_client().get("/").wait()?.text(), "127.0.0.1");
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Errors
/// If the address is not known, because then all clients would count as one: on another host than Costrel's server that
/// attaches no address to the request. The message says what to do.
pub async fn remote_address(request: Request) -> Result<String, Error> {
    peer(&request)
}

/// Returns a key function for the address of the client behind `proxies` trusted proxies, each of which appends the
/// address of its own client to `X-Forwarded-For`.
///
/// Entries further left in the header are ignored, because the client may have written them. A header with fewer
/// entries than proxies means that the request did not come through the proxies; then the key is the peer's address, and
/// an error if that is not known.
///
/// ```
/// use costrel::{App, request};
/// use costrel_ext_kit::key;
///
/// let key = key::remote_address_behind(1);
/// let mut app = App::new("docs");
/// app.route("/", move || key.call(request()));
/// let client = app.test_client();
/// let spoofed = client.get("/").header("x-forwarded-for", "6.6.6.6, 9.9.9.9");
/// assert_eq!(spoofed.wait()?.text(), "9.9.9.9");
/// assert_eq!(client.get("/").wait()?.text(), "127.0.0.1");
/// # Ok::<(), costrel::Error>(())
/// ```
pub fn remote_address_behind(proxies: usize) -> Callable<Request, String> {
    let key = move |request: Request| async move {
        // Lossy, because skipping a header line that is not UTF-8 would also skip the entries that the proxies added.
        let lines = request.header_values("x-forwarded-for");
        let lines: Vec<_> = lines.map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned()).collect();
        let hops: Vec<_> = lines.iter().flat_map(|line| line.split(',')).map(str::trim).collect();
        let trusted = hops.len().checked_sub(proxies).and_then(|at| hops.get(at)).map(|hop| without_port(hop));
        trusted.filter(|hop| !hop.is_empty()).map_or_else(|| peer(&request), Ok)
    };
    key.into_callback()
}

/// Returns a key function for the value of a header, such as an API key; empty if the header is missing.
///
/// ```
/// use costrel::{App, request};
/// use costrel_ext_kit::key;
///
/// let key = key::header("x-api-key");
/// let mut app = App::new("docs");
/// app.route("/", move || key.call(request()));
/// assert_eq!(app.test_client().get("/").header("x-api-key", "k1").wait()?.text(), "k1");
/// # Ok::<(), costrel::Error>(())
/// ```
pub fn header(name: &'static str) -> Callable<Request, String> {
    let key = move |request: Request| async move { request.header(name).unwrap_or_default().to_owned() };
    key.into_callback()
}

/// Returns the endpoint that the request matched; in a [`DecoratorLayer`](crate::tower::DecoratorLayer), which has none, the
/// path that the host has matched, as [`route`] does.
///
/// ```
/// use costrel::{App, request};
/// use costrel_ext_kit::key::endpoint;
///
/// let mut app = App::new("docs");
/// app.rule("/").endpoint("index").view(async || endpoint(request()).await);
/// assert_eq!(app.test_client().get("/").wait()?.text(), "index");
/// # Ok::<(), costrel::Error>(())
/// ```
pub async fn endpoint(request: Request) -> String {
    place::endpoint(&request)
}

/// Returns where a request goes, for a key that no other page may share: scheme, host, the path with that of every mount
/// point, and the [`route`]. The query is not in it.
///
/// It reads nothing that differs from client to client.
///
/// ```
/// use costrel::{App, request};
/// use costrel_ext_kit::key;
///
/// let mut app = App::new("docs");
/// app.config.application_root = "/shop".into();
/// app.rule("/users/<int:id>").endpoint("user").view(|_id: i64| key::place(&request()));
/// let place = app.test_client().get("/users/7").wait()?.text();
/// assert_eq!(place, "4:http 9:localhost 13:/shop/users/7 4:user ");
/// # Ok::<(), costrel::Error>(())
/// ```
pub fn place(request: &Request) -> String {
    place::place(request)
}

/// Returns the route of a request, for a key that the pages of one route share: the endpoint. In a
/// [`DecoratorLayer`](crate::tower::DecoratorLayer), whose app has one endpoint for all routes, it is what
/// [`DecoratorLayer::route`](crate::tower::DecoratorLayer::route) tells, or else the path that axum has matched, such as
/// `/users/{id}`, with the feature `axum`; on other hosts the whole path.
///
/// ```
/// use costrel::{App, request};
/// use costrel_ext_kit::key;
///
/// let mut app = App::new("docs");
/// app.rule("/users/<int:id>").endpoint("user").view(|_id: i64| key::route(&request()));
/// assert_eq!(app.test_client().get("/users/7").wait()?.text(), "user");
/// # Ok::<(), costrel::Error>(())
/// ```
pub fn route(request: &Request) -> String {
    place::route(request)
}

/// Returns a key function that takes the addresses of one IPv6 network of this many bits for one client, such as 64: a client
/// of IPv6 has a whole network, and could send each request from another address of it. Other keys stay as they are.
///
/// ```
/// use costrel::{App, Request, request};
/// use costrel_ext_kit::key;
///
/// let key = key::ipv6_network(64, async |request: Request| request.header("x-address").unwrap_or_default().to_owned());
/// let mut app = App::new("docs");
/// app.route("/", move || key.call(request()));
/// let client = app.test_client();
/// let key_of = |address: &str| client.get("/").header("x-address", address).wait().map(|page| page.text());
/// assert_eq!(key_of("2001:db8:1:2:3:4:5:6")?, "2001:db8:1:2::");
/// assert_eq!(key_of("192.0.2.7")?, "192.0.2.7");
/// assert_eq!(key_of("::ffff:192.0.2.7")?, "192.0.2.7");
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// The usual call is `key::ipv6_network(64, key::remote_address)`.
pub fn ipv6_network<M>(bits: u8, key: impl IntoCallback<M, Request, String>) -> Callable<Request, String> {
    let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
    key.into_callback().map(move |key| match key.parse::<Ipv6Addr>() {
        Ok(address) => match address.to_ipv4_mapped() {
            Some(address) => address.to_string(),
            None => Ipv6Addr::from_bits(address.to_bits() & mask).to_string(),
        },
        Err(_) => key,
    })
}

/// Combines two key functions of any colour: requests share the combined key only if they share both. Combine again
/// for three or more.
///
/// ```
/// use costrel::{App, request};
/// use costrel_ext_kit::key;
///
/// let key = key::combined(key::endpoint, key::header("x-user"));
/// let mut app = App::new("docs");
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
            // The length prefix keeps different pairs of keys from giving the same text.
            Ok::<_, Error>(format!("{}:{first} {second}", first.len()))
        }
    };
    both.into_callback()
}

/// Strips the port that some proxies add to an address, because the port differs for every connection.
fn without_port(hop: &str) -> String {
    hop.parse::<SocketAddr>().map_or_else(|_| hop.to_owned(), |address| address.ip().to_string())
}

fn peer(request: &Request) -> Result<String, Error> {
    request.remote_addr().map(|address| place::address(address.ip())).ok_or_else(|| {
        Error::new(
            ErrorKind::Setup,
            "the address of the client is not known, so all clients would share one key: on axum, serve with \
             `into_make_service_with_connect_info::<SocketAddr>()` and turn on the feature `axum` of costrel-ext-kit; on \
             another host, attach a `SocketAddr` to the request's extensions; or choose another key function",
        )
    })
}
