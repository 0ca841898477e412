//! Requests as the old app gets them.

use std::io::{Read, Write};
use std::sync::mpsc::channel;
use std::thread;

use costrel::{App, Blueprint, Response, request};
use costrel_legacy::legacy;
use rstest::rstest;

use crate::support::{
    Place, RawOld, Server, front, front_of, get, read_all, read_head, read_until, receive, response, streaming,
    streaming_front_of,
};

/// The lines of a head, but for the one of `Via`, whose name is another each time.
fn lines(head: &str) -> Vec<String> {
    let mut lines: Vec<_> = head.trim_end().lines().map(str::to_lowercase).collect();
    lines.retain(|line| !line.starts_with("via: 1.1 costrel-"));
    lines[1..].sort();
    lines
}

#[rstest]
fn the_old_app_gets_the_target_as_it_was_sent_and_headers_of_the_front(
    #[values(Place::Fallback, Place::BehindSync, Place::BehindAsync)] place: Place,
) {
    let (old, heads) = RawOld::answering(response("old"));
    let server = Server::start(front(place, &legacy(&old.url)));
    let answer = server.exchange(
        "GET /a%2Fb/%C3%A4?q=1%20+2&q HTTP/1.1\r\nHost: front.example:8080\r\nX-Own: 1\r\nX-Own: 2\r\n\
         X-Forwarded-For: 10.6.6.6\r\nForwarded: for=10.6.6.6\r\nX-Real-IP: 10.6.6.6\r\nX-Forwarded-Prefix: /evil\r\n\
         X_Forwarded_For: 10.6.6.6\r\nx_real-ip: 10.6.6.6\r\nX_Own: 3\r\n\
         Connection: close, X-Hop\r\nX-Hop: mine\r\nKeep-Alive: 5\r\nProxy-Authorization: secret\r\nTE: trailers, gzip\r\n\
         Upgrade: h2c\r\nCookie: a=b\r\n\r\n",
    );
    assert!(answer.ends_with("\r\n\r\nold"), "{answer}");
    let expected = [
        "get /a%2fb/%c3%a4?q=1%20+2&q http/1.1",
        "connection: te",
        "cookie: a=b",
        "host: front.example:8080",
        "te: trailers",
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-host: front.example:8080",
        "x-forwarded-proto: http",
        "x-own: 1",
        "x-own: 2",
        "x_own: 3",
    ];
    assert_eq!(lines(&receive(&heads)), expected);
}

#[test]
fn host_and_forwarded_headers_are_as_configured() {
    let (old, heads) = RawOld::answering(response("old"));
    let mut app = App::new("front");
    app.config.application_root = "/shop".into();
    app.config.server.proxy_fix.x_for = 1;
    app.config.server.proxy_fix.x_proto = 1;
    app.rule("/a").view(legacy(&old.url));
    app.rule("/b").endpoint("b").view(legacy(&old.url).host("old.internal").forwarded(false));
    let server = Server::start(app);
    let send = |path: &str| {
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: front\r\nConnection: close\r\nX-Forwarded-For: ::1\r\nX-Forwarded-Proto: https\r\n\r\n"
        );
        server.exchange(&head);
        receive(&heads)
    };
    let said = send("/a");
    for line in [
        "host: front",
        "x-forwarded-for: ::1",
        "x-forwarded-proto: https",
        "x-forwarded-host: front",
        "x-forwarded-prefix: /shop",
    ] {
        assert!(lines(&said).contains(&line.to_owned()), "{line} in {said}");
    }
    let passed = lines(&send("/b"));
    assert_eq!(passed[1..], ["host: old.internal", "x-forwarded-for: ::1", "x-forwarded-proto: https"]);
}

/// The first part of an upload arrives before the client sends the second, with and without a length.
#[rstest]
#[case::of_a_length("Content-Length: 6", "one", "two", "onetwo")]
#[case::in_chunks("Transfer-Encoding: chunked", "3\r\none\r\n", "3\r\ntwo\r\n0\r\n\r\n", "two\r\n0\r\n\r\n")]
fn an_upload_streams(
    #[case] framing: &str,
    #[case] first: &str,
    #[case] second: &str,
    #[case] end: &'static str,
    #[values(Place::Fallback, Place::BehindAsync)] place: Place,
) {
    let (send, arrived) = channel();
    let old = RawOld::start(move |mut stream| {
        let head = read_head(&mut stream).unwrap();
        let first = read_until(&mut stream, "one").unwrap();
        send.send((head, first.clone())).unwrap();
        let rest = read_until(&mut stream, end.strip_prefix("one").unwrap_or(end)).unwrap();
        stream.write_all(response(&(first + &rest).replace("\r\n", "|")).as_bytes()).unwrap();
    });
    let server = streaming(front(place, &legacy(&old.url)));
    let mut client = server.connect();
    write!(client, "PUT /up HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{framing}\r\n\r\n{first}").unwrap();
    let (head, _) = receive(&arrived);
    assert!(head.to_lowercase().contains(&framing.to_lowercase()), "{head}");
    client.write_all(second.as_bytes()).unwrap();
    let answer = read_all(&mut client);
    assert!(answer.replace('|', "").contains("two"), "{answer}");
}

/// The client is told to go on when the old app takes the body, and not before.
#[test]
fn a_client_that_waits_for_100_continue_gets_it() {
    let (old, heads) = RawOld::answering(response("stored"));
    let server = streaming_front_of(&old.url);
    let mut client = server.connect();
    let head = "POST /up HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n";
    client.write_all(head.as_bytes()).unwrap();
    assert_eq!(read_head(&mut client).unwrap(), "HTTP/1.1 100 Continue\r\n\r\n");
    assert!(!receive(&heads).to_lowercase().contains("expect"));
    client.write_all(b"data").unwrap();
    assert!(read_all(&mut client).ends_with("stored"));
}

#[test]
fn without_the_old_app_a_client_that_waits_sends_no_body() {
    let server = streaming_front_of("http://127.0.0.1:1");
    let mut client = server.connect();
    let head = "POST /up HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n";
    client.write_all(head.as_bytes()).unwrap();
    assert!(read_all(&mut client).starts_with("HTTP/1.1 502"));
}

#[test]
fn trailers_pass_both_ways() {
    let old = RawOld::start(|mut stream| {
        let head = read_head(&mut stream).unwrap();
        let body = read_until(&mut stream, "0\r\nx-sum: 3\r\n\r\n").unwrap();
        let answer =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-end\r\n\r\n2\r\nok\r\n0\r\nx-end: yes\r\n\r\n";
        assert!(head.to_lowercase().contains("trailer: x-sum") && body.contains("abc"), "{head}{body}");
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let answer = streaming_front_of(&old.url).exchange(
        "POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: close, te\r\nTrailer: x-sum\r\n\
         Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 3\r\n\r\n",
    );
    assert!(answer.ends_with("2\r\nok\r\n0\r\nx-end: yes\r\n\r\n"), "{answer}");
}

/// What a hook of the front has read of the body, the old app gets nevertheless.
#[rstest]
fn a_body_that_a_hook_has_read_arrives(#[values(true, false)] is_sync: bool) {
    let old = RawOld::start(|mut stream| {
        let head = read_head(&mut stream).unwrap();
        let mut body = vec![0; 4];
        assert!(head.to_lowercase().contains("content-length: 4"), "{head}");
        stream.read_exact(&mut body).unwrap();
        stream.write_all(response(&String::from_utf8(body).unwrap()).as_bytes()).unwrap();
    });
    let mut app = front(Place::Fallback, &legacy(&old.url));
    if is_sync {
        app.before_request(|| costrel::request().get_data().wait().map(drop));
    } else {
        app.before_request(async || costrel::request().get_data().await.map(drop));
    }
    let answer =
        Server::start(app).exchange("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\ndata");
    assert!(answer.ends_with("\r\n\r\ndata"), "{answer}");
}

#[test]
fn an_old_app_on_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        stream.write_all(response("by the socket").as_bytes()).unwrap();
    });
    let server = front_of(&format!("unix:{}", path.display()));
    assert!(server.exchange(&get("/")).ends_with("by the socket"));
}

#[rstest]
#[case("127.0.0.1:8000", "write \"http://127.0.0.1:8000\"")]
#[case("http://a/path", "is no address")]
#[case("http://user@a", "is no address")]
#[case("https://a", "plain HTTP")]
#[case("unix:old.sock", "is no address")]
#[case("", "is no address")]
fn a_wrong_address_is_a_set_up_error(#[case] address: &str, #[case] said: &str) {
    let mut app = App::new("front");
    app.fallback(legacy(address));
    let error = app.build().unwrap_err();
    assert!(error.message().contains(said) && error.to_string().contains("requests.rs"), "{error}");
    assert!(App::new("front").init(&legacy(address)).unwrap_err().message().contains(said));
}

#[rstest]
fn a_blueprint_hands_its_paths_on_with_its_hooks(#[values(true, false)] is_sync: bool) {
    let (old, heads) = RawOld::answering(response("old"));
    let mut shop = Blueprint::new("shop").url_prefix("/shop");
    shop.rule("/<path:rest>").endpoint("old").view(legacy(&old.url));
    let named = |mut response: Response| {
        response.headers_mut().insert("x-blueprint", "shop".parse().unwrap());
        response
    };
    if is_sync {
        shop.after_request(named);
    } else {
        shop.after_request(move |response: Response| async move { named(response) });
    }
    let mut app = App::new("front");
    app.register_blueprint(shop);
    let answer = Server::start(app).get("/shop/a%20b?c").to_lowercase();
    assert!(answer.contains("x-blueprint: shop") && answer.ends_with("old"), "{answer}");
    assert!(receive(&heads).starts_with("GET /shop/a%20b?c HTTP/1.1\r\n"));
}

/// Each client gets the answer to its own request, over connections that all of them share.
#[test]
fn many_clients_at_once_never_get_each_others_answers() {
    let mut old = App::new("old");
    old.rule("/echo/<name>").methods(["POST"]).endpoint("echo").view(async |name: String| {
        let body = request().get_data().await?;
        Ok::<_, costrel::Error>(format!("{name} sent {}", String::from_utf8_lossy(&body)))
    });
    let old = Server::start(old);
    let server = front_of(&old.url());
    std::thread::scope(|scope| {
        for client in 0..16 {
            let server = &server;
            scope.spawn(move || {
                for n in 0..10 {
                    let body = format!("body {client} {n}");
                    let head = format!("POST /echo/{client}-{n} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
                    assert!(server.exchange(&(head + &body)).ends_with(&format!("\r\n\r\n{client}-{n} sent {body}")));
                }
            });
        }
    });
}

/// A connection is opened for a request that has none. A server with few threads would wait on one that stays unused.
#[test]
fn no_connection_stays_unused() {
    let (tell, uses) = channel();
    let old = RawOld::start(move |mut stream| {
        let mut requests = 0;
        while read_head(&mut stream).is_some() {
            requests += 1;
            let _ = stream.write_all(response("old").as_bytes());
        }
        let _ = tell.send(requests);
    });
    let server = front_of(&old.url);
    for _ in 0..20 {
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert!(server.get("/x").ends_with("old")));
            }
        });
    }
    drop(server);
    let mut left = 160;
    while left > 0 {
        let requests: usize = receive(&uses);
        assert!(requests > 0, "a connection was opened for no request");
        left -= requests;
    }
}
