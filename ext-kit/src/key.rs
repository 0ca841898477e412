//! Key functions: whose request is this?

use costrel::Request;

/// The address of the client at the other end of the connection, empty if there is none.
///
/// It is async although it waits for nothing: so it runs on the event loop, where a sync one, which might
/// block, would cross to a worker.
///
/// Behind a proxy this is the proxy's address: every client is then the same.
///
/// ```
/// # use costrel::{App, request};
/// # use costrel_ext_kit::remote_address;
/// # let mut app = App::new("docs");
/// app.route("/", async || remote_address(request()).await);
/// assert_eq!(app.test_client().get("/").wait()?.text(), "127.0.0.1");
/// # Ok::<(), costrel::Error>(())
/// ```
pub async fn remote_address(request: Request) -> String {
    request.remote_addr().map(|address| address.ip().to_string()).unwrap_or_default()
}
