//! HTTP/1.1 by the kinds of request of a public suite, `Http11Probe`: each gets the response that the suite scores.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use costrel::{App, Error, request};

use super::conformance_requests::{Row, cases};
use crate::support::server::Server;

/// What the suite scores as right.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Due {
    /// One of these statuses, or a connection that is closed without a response.
    Refused(&'static [u16]),
    /// A 2xx, and with it this text in the response.
    Fine(&'static str),
    /// This status, and with it this text in the response.
    Says(u16, &'static str),
    /// A 2xx, and in the response not this text.
    Without(&'static str),
    /// Any response but this one, or none.
    Not(u16),
    /// No response that says the request was whole: a 400, a closed connection, or the wait for more.
    Unfinished,
}

/// Returns the server that the cases share. It has the routes that the suite asks for.
fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let mut app = App::new("test");
        app.config.server.header_read_timeout = Duration::from_secs(1);
        app.config.server.keep_alive_timeout = Duration::from_secs(1);
        app.config.server.body_timeout = Some(Duration::from_secs(1));
        app.config.provide_automatic_options = false;
        app.rule("/").methods(["GET"]).endpoint("index").view(async || "OK");
        app.rule("/").methods(["POST"]).endpoint("echo").view(async || request().get_data().await);
        app.rule("/").methods(["OPTIONS"]).endpoint("options").view(async || ("", 204, [("allow", "GET, POST")]));
        app.rule("/echo").methods(["GET", "POST"]).view(async || {
            request().get_data().await?;
            Ok::<_, Error>(format!("{:?}", request().headers()))
        });
        Server::start(app)
    })
}

/// Sends `bytes`, and reads until the server closes the connection; returns the statuses of the responses, and their text.
fn talk(bytes: &[u8]) -> (Vec<u16>, String) {
    let mut stream: TcpStream = server().connect();
    // The server may refuse the request before all of it has been sent.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer).into_owned();
    let heads = text.split("HTTP/1.").skip(1).filter_map(|head| head.get(2..5)?.parse().ok());
    (heads.collect(), text)
}

impl Due {
    fn is_met(self, statuses: &[u16], text: &str) -> bool {
        let last = statuses.last();
        match self {
            Self::Refused(known) => statuses.len() <= 1 && last.is_none_or(|status| known.contains(status)),
            Self::Fine(part) => last.is_some_and(|status| matches!(status, 200..300)) && text.contains(part),
            Self::Says(status, part) => last == Some(&status) && text.contains(part),
            Self::Without(part) => last.is_some_and(|status| matches!(status, 200..300)) && !text.contains(part),
            Self::Not(status) => !statuses.contains(&status),
            // The tests' server does not wait long, and says that the body took too long.
            Self::Unfinished => statuses.len() <= 1 && last.is_none_or(|status| matches!(status, 400 | 408)),
        }
    }
}

/// The rows that Costrel answers otherwise, each with its reason.
const MISSES: [(&str, &str); 6] = [
    ("line_empty_before_request", "RFC 9112, 2.2: a server ignores an empty line before a request"),
    ("length_space_after", "RFC 9110, 5.5: spaces around a value are no part of it"),
    ("length_two_spaces_before", "RFC 9110, 5.5: spaces around a value are no part of it"),
    ("length_tab_before", "RFC 9110, 5.5: a tab is such a space"),
    ("path_with_quoted_newline", "Flask's rules take any quoted byte in a path but a NUL"),
    ("length_huge_and_no_body", "RFC 9110, 15.5.14: a body over the limit is a 413, at once"),
];

#[test]
fn requests_are_answered_as_the_suite_scores_them() {
    let rows: Vec<Row> = cases();
    let answered = |(name, bytes, due): &Row| {
        let (statuses, text) = talk(bytes);
        (!due.is_met(&statuses, &text)).then(|| format!("{name}: {due:?}, not {statuses:?} {text:.80}"))
    };
    // Side by side, because connections that the server keeps open are read until it closes them.
    let missed: Vec<_> = thread::scope(|scope| {
        let parts: Vec<_> = rows
            .chunks(2)
            .map(|part| scope.spawn(move || part.iter().filter_map(answered).collect::<Vec<_>>()))
            .collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    let is_known = |line: &&String| MISSES.iter().any(|(name, _)| line.starts_with(&format!("{name}:")));
    let unknown: Vec<_> = missed.iter().filter(|line| !is_known(line)).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
    assert_eq!((rows.len(), missed.len()), (161, MISSES.len()), "{missed:#?}");
    assert!(server().get("/").ends_with("OK"), "the server goes on");
}

/// The README and the guide name the count, which is the one of this table.
#[test]
fn the_readme_names_the_count() {
    let said = format!("{} of {}", 161 - MISSES.len(), 161);
    for paper in [include_str!("../../../../README.md"), include_str!("../../../guide/serving.md")] {
        assert!(paper.contains(&said), "{said}");
    }
}
