//! The rules of RFC 9113 and RFC 7541 (HPACK) that name the error with which a server answers who breaks them: one row each.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::OnceLock;
use std::thread;

use costrel::{App, request};

use super::http2_rule_breakers::rows;
use crate::support::frames::{END_STREAM, Frame, GOAWAY, HEADERS, PREFACE, RST_STREAM, SETTINGS, frame};
use crate::support::server::Server;

/// The status 200, as HPACK writes it.
const STATUS_200: u8 = 0x88;

/// What the rule says that the server does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Due {
    /// The end of the connection, with one of these codes.
    Connection(&'static [u32]),
    /// The end of the stream with one of these codes, or of the connection, which RFC 9113, 5.4.2 allows.
    Stream(&'static [u32]),
    /// The end of the connection, with or without a word.
    Closed,
    /// No error: the request on this stream gets its response.
    Served(u32),
}

/// A rule: its section, the name of what breaks it, the frames that do, and what is due.
pub(crate) type Row = (&'static str, &'static str, Vec<u8>, Due);

impl Due {
    /// Whether the frame is what is due.
    fn is_met_by(self, frame: &Frame) -> bool {
        let has = |codes: &[u32]| frame.error_code().is_some_and(|code| codes.contains(&code));
        match self {
            Self::Connection(codes) => frame.kind == GOAWAY && has(codes),
            Self::Stream(codes) => has(codes),
            Self::Closed => frame.kind == GOAWAY,
            Self::Served(stream) => frame.kind == HEADERS && frame.stream == stream && frame.payload[0] == STATUS_200,
        }
    }
}

/// Returns the server that the rows share.
fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let mut app = App::new("test");
        app.rule("/").methods(["GET", "POST"]).view(async || request().get_data().await);
        Server::start(app)
    })
}

/// Sends what breaks a rule, and reads until what is due arrives. Returns the last frames if it does not.
fn missed((section, name, frames, due): &Row) -> Option<String> {
    let mut client = server().connect();
    // The server may end the connection before all of it has been sent.
    let _ = client.write_all(frames);
    let mut seen = Vec::new();
    while let Some(frame) = Frame::read(&mut client) {
        if due.is_met_by(&frame) {
            return None;
        }
        if frame.kind != SETTINGS {
            seen.push((frame.kind, frame.flags & END_STREAM, frame.stream, frame.error_code()));
        }
    }
    let is_met = matches!(due, Due::Closed) && has_ended(&mut client);
    (!is_met).then(|| format!("{section} {name}: {due:?}, not {seen:?}"))
}

/// Whether the server has ended a connection of which no frame can be read any more.
fn has_ended(client: &mut TcpStream) -> bool {
    let waits = |error: &io::Error| matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
    client.read(&mut [0]).map_or_else(|error| !waits(&error), |length| length == 0)
}

/// A reason: the library for HTTP/2 ends the connection with `PROTOCOL_ERROR`, the code for any breach.
const GENERAL_CODE: &str = "the general code";

/// The rows that the server answers otherwise, each with its reason.
const MISSES: [(&str, &str); 19] = [
    ("preface_without_settings", "the library takes any frame first"),
    ("trailers_with_a_pseudo_field", "the library leaves the field out, so that no code sees it"),
    ("block_that_is_none", GENERAL_CODE),
    ("priority_of_4_bytes", GENERAL_CODE),
    ("reset_of_3_bytes", GENERAL_CODE),
    ("settings_answer_with_payload", GENERAL_CODE),
    ("settings_of_5_bytes", GENERAL_CODE),
    ("window_over_the_maximum", GENERAL_CODE),
    ("ping_of_7_bytes", GENERAL_CODE),
    ("window_of_3_bytes", GENERAL_CODE),
    ("index_out_of_range", GENERAL_CODE),
    ("index_0", GENERAL_CODE),
    ("name_index_out_of_range", GENERAL_CODE),
    ("table_size_after_fields", GENERAL_CODE),
    ("table_size_over_the_setting", GENERAL_CODE),
    ("huffman_padding_of_8_bits", GENERAL_CODE),
    ("huffman_padding_of_zeros", GENERAL_CODE),
    ("huffman_end_of_string", GENERAL_CODE),
    ("text_that_ends_too_early", GENERAL_CODE),
];

/// Whether a row that was missed is in the list, for the reason that the list has.
fn is_known(line: &str) -> bool {
    let known = MISSES.iter().find(|(name, _)| line.contains(&format!(" {name}: ")));
    known.is_some_and(|(_, reason)| *reason != GENERAL_CODE || line.ends_with("not [(7, 0, 0, Some(1))]"))
}

#[test]
fn who_breaks_a_rule_gets_its_error() {
    let rows = rows();
    let missed: Vec<_> = thread::scope(|scope| {
        let each = |part| scope.spawn(move || <[Row]>::iter(part).filter_map(missed).collect::<Vec<_>>());
        let parts: Vec<_> = rows.chunks(4).map(each).collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    let unknown: Vec<_> = missed.iter().filter(|line| !is_known(line)).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
    assert_eq!(missed.len(), MISSES.len(), "each miss is one: {missed:#?}");
    assert!(server().get("/").starts_with("HTTP/1.1 200"), "the server goes on");
}

/// The README and the guide name the count, which is the one of this table.
#[test]
fn the_readme_names_the_count() {
    let all = rows().len();
    let said = format!("{} of {all} rules of HTTP/2", all - MISSES.len());
    for paper in [include_str!("../../../../README.md"), include_str!("../../../guide/serving.md")] {
        assert!(paper.contains(&said), "{said}");
    }
}

/// Begins a connection with these frames.
pub(crate) fn after_preface(frames: &[Vec<u8>]) -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[]), &frames.concat()].concat()
}

/// A frame that resets a stream.
pub(crate) fn reset(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())
}
