//! Serving over HTTPS.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use costrel::{App, Body, request};
use rstest::rstest;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::support::server::Server;
use crate::support::waiting::in_time;

/// Makes a certificate for `localhost` and its key, in a temporary folder.
fn certificate() -> (tempfile::TempDir, PathBuf, PathBuf, rcgen::Certificate) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (certfile, keyfile) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certfile, made.cert.pem()).unwrap();
    std::fs::write(&keyfile, made.signing_key.serialize_pem()).unwrap();
    (folder, certfile, keyfile, made.cert)
}

fn app() -> App {
    let mut app = App::new("test");
    app.route("/sync", || format!("{} {}", request().scheme(), request().is_secure()));
    app.route("/async", async || format!("{} {}", request().scheme(), request().is_secure()));
    app
}

#[rstest]
fn http_1_and_2_are_spoken_over_tls(
    #[values("http/1.1", "h2")] protocol: &str,
    #[values("/sync", "/async")] path: &str,
) {
    let (_folder, certfile, keyfile, certificate) = certificate();
    let mut app = app();
    (app.config.server.certfile, app.config.server.keyfile) = (Some(certfile), Some(keyfile));
    let server = Server::start(app);
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let text = event_loop.block_on(in_time(async {
        let stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol.as_bytes()));
        let io = hyper_util::rt::TokioIo::new(stream);
        let request = costrel::http::Request::get(format!("https://localhost{path}")).header("host", "localhost");
        let request = request.body(Body::empty()).unwrap();
        let response = if protocol == "h2" {
            let executor = hyper_util::rt::TokioExecutor::new();
            let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
            tokio::spawn(connection);
            sender.send_request(request).await.unwrap()
        } else {
            let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
            tokio::spawn(connection);
            sender.send_request(request).await.unwrap()
        };
        Body::new(response.into_body()).collect().await.unwrap()
    }));
    assert_eq!(text, "https true");
}

#[test]
fn a_client_without_tls_gets_nothing_and_the_server_goes_on() {
    let (_folder, certfile, keyfile, _) = certificate();
    let mut app = app();
    (app.config.server.certfile, app.config.server.keyfile) = (Some(certfile), Some(keyfile));
    let mut server = Server::start(app);
    let mut stream = server.begin("/sync");
    let mut answer = Vec::new();
    // The server may close the connection before it has read the whole request, so reading may fail.
    let _ = stream.read_to_end(&mut answer);
    assert!(!String::from_utf8_lossy(&answer).contains("200"));
    server.stop().unwrap();
}

#[rstest]
#[case::no_key(|app: &mut App| app.config.server.certfile = Some("cert.pem".into()), "HTTPS needs both")]
#[case::no_file(|app: &mut App| {
    (app.config.server.certfile, app.config.server.keyfile) = (Some("no.pem".into()), Some("no.pem".into()));
}, "cannot use no.pem for HTTPS")]
fn what_cannot_be_a_certificate_keeps_it_from_serving(#[case] set: fn(&mut App), #[case] message: &str) {
    let mut app = app();
    set(&mut app);
    let server = Server::start(app);
    let error = server.end().unwrap_err();
    assert!(error.message().contains(message), "{error}");
}
