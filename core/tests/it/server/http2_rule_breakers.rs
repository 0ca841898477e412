//! What breaks the rules of HTTP/2, section by section.

use super::http2_rules::{Due, Row, after_preface, reset};
use crate::support::frames::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GET, GOAWAY, HEADERS, PADDED, PING, POST, PREFACE, PRIORITY,
    PUSH_PROMISE, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame,
};

const PROTOCOL: Due = Due::Connection(&[1]);
const FLOW_CONTROL: Due = Due::Connection(&[3]);
const CLOSED: Due = Due::Stream(&[5, 1]);
const FRAME_SIZE: Due = Due::Connection(&[6]);
const COMPRESSION: Due = Due::Connection(&[9]);
const MALFORMED: Due = Due::Stream(&[1]);
const SERVED: Due = Due::Served(1);

const WHOLE: u8 = END_STREAM | END_HEADERS;

/// A head whose method, scheme, path and host are those of a GET, and these fields after them.
fn head(fields: &[u8]) -> Vec<u8> {
    whole(1, &[GET, fields].concat())
}

fn whole(stream: u32, block: &[u8]) -> Vec<u8> {
    frame(HEADERS, WHOLE, stream, block)
}

/// A POST whose body is to come.
fn open(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, POST)
}

/// A field with a new name, as HPACK writes it.
fn field(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    [vec![0], text(name), text(value)].concat()
}

fn setting(id: u16, value: u32) -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
}

fn window(stream: u32, more: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &more.to_be_bytes())
}

fn section(section: &'static str, breakers: Vec<(&'static str, Vec<Vec<u8>>, Due)>) -> Vec<Row> {
    breakers.into_iter().map(|(name, frames, due)| (section, name, after_preface(&frames), due)).collect()
}

pub(crate) fn rows() -> Vec<Row> {
    let connections = [preface(), frames(), field_blocks(), extensions(), concurrency()].concat();
    let streams = [idle_streams(), half_closed_streams(), closed_streams(), stream_numbers()].concat();
    let kinds = [data(), headers(), priority(), resets(), settings(), pushes(), pings(), goaways(), windows()].concat();
    let messages = [continuations(), messages(), fields(), pseudo_fields(), lengths(), hpack()].concat();
    [connections, streams, kinds, messages].concat()
}

fn preface() -> Vec<Row> {
    let settings = frame(SETTINGS, 0, 0, &[]);
    vec![
        ("3.4", "preface_that_is_none", [&b"PRI * HTTP/2.0\r\n\r\nNO\r\n\r\n"[..], &settings].concat(), Due::Closed),
        ("3.4", "preface_without_settings", [PREFACE, &frame(PING, 0, 0, &[0; 8])].concat(), PROTOCOL),
        ("3.4", "settings_after_the_preface", [PREFACE, &settings, &whole(1, GET)].concat(), SERVED),
    ]
}

fn frames() -> Vec<Row> {
    let reserved = whole(0x8000_0001, GET);
    let rows = vec![
        ("unknown_kind", vec![frame(22, 0, 0, &[0; 8]), whole(1, GET)], SERVED),
        ("unknown_flags", vec![frame(PING, 0x16, 0, &[0; 8]), whole(1, GET)], SERVED),
        ("reserved_bit", vec![reserved], SERVED),
    ];
    let too_long = vec![0; 16_385];
    let sizes = vec![
        ("data_of_16384", vec![open(1), frame(DATA, END_STREAM, 1, &too_long[1..])], SERVED),
        ("data_too_long", vec![open(1), frame(DATA, END_STREAM, 1, &too_long)], Due::Stream(&[6])),
        ("headers_too_long", vec![whole(1, &too_long)], FRAME_SIZE),
    ];
    [section("4.1", rows), section("4.2", sizes)].concat()
}

fn field_blocks() -> Vec<Row> {
    let begun = frame(HEADERS, END_STREAM, 1, GET);
    let rows = vec![
        ("block_that_is_none", vec![whole(1, &[0xff; 20])], COMPRESSION),
        ("priority_within_a_block", vec![begun.clone(), frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 9])], PROTOCOL),
        ("another_head_within_a_block", vec![begun.clone(), whole(3, GET)], PROTOCOL),
        ("ping_within_a_block", vec![begun.clone(), frame(PING, 0, 0, &[0; 8])], PROTOCOL),
        ("block_in_two_frames", vec![begun, frame(CONTINUATION, END_HEADERS, 1, &field("a", "b"))], SERVED),
    ];
    section("4.3", rows)
}

fn extensions() -> Vec<Row> {
    let within = vec![frame(HEADERS, END_STREAM, 1, GET), frame(22, 0, 0, &[0; 8])];
    section("5.5", vec![("unknown_kind_within_a_block", within, PROTOCOL)])
}

fn concurrency() -> Vec<Row> {
    let streams = (0..=200).map(|n| open(2 * n + 1)).collect();
    section("5.1.2", vec![("more_streams_than_allowed", streams, Due::Stream(&[1, 7]))])
}

fn idle_streams() -> Vec<Row> {
    let rows = vec![
        ("data_on_idle", vec![frame(DATA, END_STREAM, 1, b"a")], Due::Stream(&[1, 5])),
        ("reset_of_idle", vec![reset(1)], PROTOCOL),
        ("window_of_idle", vec![window(1, 100)], PROTOCOL),
        ("continuation_on_idle", vec![frame(CONTINUATION, END_HEADERS, 1, GET)], PROTOCOL),
    ];
    section("5.1", rows)
}

fn half_closed_streams() -> Vec<Row> {
    let rows = vec![
        ("data_after_the_end", vec![whole(1, POST), frame(DATA, END_STREAM, 1, b"a")], CLOSED),
        ("head_after_the_end", vec![whole(1, POST), whole(1, POST)], CLOSED),
        ("continuation_after_the_end", vec![whole(1, POST), frame(CONTINUATION, END_HEADERS, 1, b"")], CLOSED),
    ];
    section("5.1", rows)
}

fn closed_streams() -> Vec<Row> {
    let closed = || vec![open(1), reset(1)];
    let then = |last: Vec<u8>| [closed(), vec![last]].concat();
    let rows = vec![
        ("data_after_a_reset", then(frame(DATA, END_STREAM, 1, b"a")), CLOSED),
        ("head_after_a_reset", then(whole(1, GET)), CLOSED),
        ("continuation_after_a_reset", then(frame(CONTINUATION, END_HEADERS, 1, b"")), CLOSED),
        ("window_after_a_reset", [then(window(1, 9)), vec![whole(3, GET)]].concat(), Due::Served(3)),
        ("reset_after_a_reset", [then(reset(1)), vec![whole(3, GET)]].concat(), Due::Served(3)),
    ];
    section("5.1", rows)
}

fn stream_numbers() -> Vec<Row> {
    let rows = vec![
        ("even_number", vec![whole(2, GET)], PROTOCOL),
        ("number_below_the_last", vec![whole(5, GET), whole(3, GET)], PROTOCOL),
    ];
    section("5.1.1", rows)
}

fn data() -> Vec<Row> {
    let rows = vec![
        ("data_on_stream_0", vec![frame(DATA, 0, 0, b"a")], PROTOCOL),
        ("data_padded_too_long", vec![open(1), frame(DATA, END_STREAM | PADDED, 1, &[6, 0, 0, 0, 0])], PROTOCOL),
        ("data_padded", vec![open(1), frame(DATA, END_STREAM | PADDED, 1, b"\x02ab\0\0")], SERVED),
    ];
    section("6.1", rows)
}

fn headers() -> Vec<Row> {
    let padded = [&[200], GET].concat();
    let rows = vec![
        ("headers_on_stream_0", vec![whole(0, GET)], PROTOCOL),
        ("headers_padded_too_long", vec![frame(HEADERS, WHOLE | PADDED, 1, &padded)], PROTOCOL),
        ("headers_padded", vec![frame(HEADERS, WHOLE | PADDED, 1, &[&[1], GET, &[0]].concat())], SERVED),
    ];
    section("6.2", rows)
}

fn priority() -> Vec<Row> {
    let rows = vec![
        ("priority_on_stream_0", vec![frame(PRIORITY, 0, 0, &[0, 0, 0, 3, 9])], PROTOCOL),
        ("priority_of_4_bytes", vec![open(1), frame(PRIORITY, 0, 1, &[0; 4])], Due::Stream(&[6])),
    ];
    section("6.3", rows)
}

fn resets() -> Vec<Row> {
    let rows = vec![
        ("reset_on_stream_0", vec![reset(0)], PROTOCOL),
        ("reset_of_3_bytes", vec![open(1), frame(RST_STREAM, 0, 1, &[0; 3])], FRAME_SIZE),
        ("reset_with_unknown_code", vec![open(1), frame(RST_STREAM, 0, 1, &[255; 4]), whole(3, GET)], Due::Served(3)),
    ];
    section("6.4", rows)
}

fn settings() -> Vec<Row> {
    let rows = vec![
        ("settings_answer_with_payload", vec![frame(SETTINGS, ACK, 0, &[0; 6])], FRAME_SIZE),
        ("settings_on_a_stream", vec![frame(SETTINGS, 0, 1, &[])], PROTOCOL),
        ("settings_of_5_bytes", vec![frame(SETTINGS, 0, 0, &[0; 5])], FRAME_SIZE),
    ];
    let values = vec![
        ("push_of_2", vec![setting(2, 2)], PROTOCOL),
        ("window_over_the_maximum", vec![setting(4, 0x8000_0000)], FLOW_CONTROL),
        ("frames_below_the_minimum", vec![setting(5, 16_383)], PROTOCOL),
        ("frames_over_the_maximum", vec![setting(5, 0x0100_0000)], PROTOCOL),
        ("unknown_setting", vec![setting(0xff, 1), whole(1, GET)], SERVED),
    ];
    [section("6.5", rows), section("6.5.2", values)].concat()
}

fn pushes() -> Vec<Row> {
    let push = frame(PUSH_PROMISE, END_HEADERS, 1, &[&[0, 0, 0, 2], GET].concat());
    section("8.4", vec![("push_by_a_client", vec![open(1), push], PROTOCOL)])
}

fn pings() -> Vec<Row> {
    let rows = vec![
        ("ping_on_a_stream", vec![frame(PING, 0, 1, &[0; 8])], PROTOCOL),
        ("ping_of_7_bytes", vec![frame(PING, 0, 0, &[0; 7])], FRAME_SIZE),
        ("ping_answer_without_a_ping", vec![frame(PING, ACK, 0, &[0; 8]), whole(1, GET)], SERVED),
    ];
    section("6.7", rows)
}

fn goaways() -> Vec<Row> {
    section("6.8", vec![("goaway_on_a_stream", vec![frame(GOAWAY, 0, 1, &[0; 8])], PROTOCOL)])
}

fn windows() -> Vec<Row> {
    const MOST: u32 = 0x7fff_ffff;
    let rows = vec![
        ("window_of_nothing", vec![window(0, 0)], PROTOCOL),
        ("window_of_nothing_on_a_stream", vec![open(1), window(1, 0)], MALFORMED),
        ("window_of_3_bytes", vec![frame(WINDOW_UPDATE, 0, 0, &[0; 3])], FRAME_SIZE),
    ];
    let overflows = vec![
        ("window_too_large", vec![window(0, MOST), window(0, MOST)], FLOW_CONTROL),
        ("window_too_large_on_a_stream", vec![open(1), window(1, MOST), window(1, MOST)], Due::Stream(&[3])),
        ("window_too_large_by_a_setting", vec![open(1), window(1, MOST - 65_535), setting(4, 65_536)], FLOW_CONTROL),
    ];
    [section("6.9", rows), section("6.9.1", overflows)].concat()
}

fn continuations() -> Vec<Row> {
    let begun = |flags| frame(HEADERS, END_STREAM | flags, 1, GET);
    let rest = |flags, stream| frame(CONTINUATION, flags, stream, &field("a", "b"));
    let rows = vec![
        ("continuation_on_stream_0", vec![begun(0), rest(END_HEADERS, 0)], PROTOCOL),
        ("continuation_on_another_stream", vec![begun(0), rest(END_HEADERS, 3)], PROTOCOL),
        ("continuation_of_a_whole_block", vec![frame(HEADERS, END_HEADERS, 1, POST), rest(END_HEADERS, 1)], PROTOCOL),
        ("continuation_after_the_last", vec![begun(0), rest(END_HEADERS, 1), rest(END_HEADERS, 1)], CLOSED),
        ("continuation_after_data", vec![open(1), frame(DATA, 0, 1, b"a"), rest(END_HEADERS, 1)], PROTOCOL),
    ];
    section("6.10", rows)
}

fn messages() -> Vec<Row> {
    let trailers = field("a", "b");
    let rows = vec![
        ("trailers_without_an_end", vec![open(1), frame(HEADERS, END_HEADERS, 1, &trailers)], MALFORMED),
        ("trailers_with_a_pseudo_field", vec![open(1), whole(1, b"\x82")], MALFORMED),
        ("trailers", vec![open(1), whole(1, &trailers)], SERVED),
    ];
    section("8.1", rows)
}

fn fields() -> Vec<Row> {
    let names = vec![
        ("name_in_capitals", vec![head(&field("X-Name", "a"))], MALFORMED),
        ("name_with_a_space", vec![head(&field("a b", "a"))], MALFORMED),
        ("name_with_a_colon", vec![head(&field("a:b", "a"))], MALFORMED),
        ("empty_name", vec![head(&field("", "a"))], MALFORMED),
        ("value_with_a_line_end", vec![head(&field("a", "b\r\nc: d"))], MALFORMED),
        ("value_with_a_nul", vec![head(&field("a", "b\0"))], MALFORMED),
    ];
    let of_connections = vec![
        ("connection", vec![head(&field("connection", "keep-alive"))], MALFORMED),
        ("proxy_connection", vec![head(&field("proxy-connection", "close"))], MALFORMED),
        ("keep_alive", vec![head(&field("keep-alive", "1"))], MALFORMED),
        ("transfer_encoding", vec![head(&field("transfer-encoding", "chunked"))], MALFORMED),
        ("upgrade", vec![head(&field("upgrade", "h2c"))], MALFORMED),
        ("te_other_than_trailers", vec![head(&field("te", "gzip"))], MALFORMED),
        ("te_of_trailers", vec![head(&field("te", "trailers"))], SERVED),
    ];
    [section("8.2.1", names), section("8.2.2", of_connections)].concat()
}

fn pseudo_fields() -> Vec<Row> {
    let block = |parts: &[&[u8]]| vec![whole(1, &parts.concat())];
    let (empty_path, late) = (field(":path", ""), [&field("a", "b")[..], b"\x84"].concat());
    let rows = vec![
        ("unknown_pseudo_field", vec![head(&field(":test", "a"))], MALFORMED),
        ("status_in_a_request", vec![head(b"\x88")], MALFORMED),
        ("pseudo_field_after_others", block(&[b"\x82\x86", &late]), MALFORMED),
        ("empty_path", block(&[b"\x82\x86", &empty_path]), MALFORMED),
        ("no_method", block(&[b"\x86\x84"]), MALFORMED),
        ("no_scheme", block(&[b"\x82\x84\x41\x09localhost"]), MALFORMED),
        ("no_path", block(&[b"\x82\x86\x41\x09localhost"]), MALFORMED),
        ("two_methods", vec![head(b"\x82")], MALFORMED),
        ("two_schemes", vec![head(b"\x86")], MALFORMED),
        ("two_paths", vec![head(b"\x84")], MALFORMED),
        ("two_authorities", vec![head(b"\x41\x01a")], MALFORMED),
    ];
    section("8.3", rows)
}

fn lengths() -> Vec<Row> {
    let announced = frame(HEADERS, END_HEADERS, 1, &[POST, &field("content-length", "5")].concat());
    let part = |flags, part: &[u8]| frame(DATA, flags, 1, part);
    let rows = vec![
        ("body_below_its_length", vec![announced.clone(), part(END_STREAM, b"abcd")], MALFORMED),
        ("body_over_its_length", vec![announced.clone(), part(END_STREAM, b"abcdef")], MALFORMED),
        ("parts_below_their_length", vec![announced.clone(), part(0, b"ab"), part(END_STREAM, b"cd")], MALFORMED),
        ("parts_over_their_length", vec![announced.clone(), part(0, b"abc"), part(END_STREAM, b"def")], MALFORMED),
        ("parts_of_their_length", vec![announced, part(0, b"abc"), part(END_STREAM, b"de")], SERVED),
        ("length_without_a_body", vec![head(&field("content-length", "5"))], MALFORMED),
    ];
    section("8.1.1", rows)
}

fn hpack() -> Vec<Row> {
    let rows = vec![
        ("index_out_of_range", vec![head(b"\xff\xff\x01")], COMPRESSION),
        ("index_0", vec![head(b"\x80")], COMPRESSION),
        ("name_index_out_of_range", vec![head(b"\x7f\xff\x01\x01a")], COMPRESSION),
        ("table_size_after_fields", vec![head(b"\x20")], COMPRESSION),
        ("table_size_over_the_setting", vec![whole(1, &[b"\x3f\xe1\xff\x03", GET].concat())], COMPRESSION),
        ("huffman_padding_of_8_bits", vec![head(b"\x00\x01a\x84\x49\x50\x9f\xff")], COMPRESSION),
        ("huffman_padding_of_zeros", vec![head(b"\x00\x01a\x83\x49\x50\x90")], COMPRESSION),
        ("huffman_end_of_string", vec![head(b"\x00\x84\xff\xff\xff\xfc\x01a")], COMPRESSION),
        ("text_that_ends_too_early", vec![head(b"\x00\x7ea")], COMPRESSION),
    ];
    section("RFC 7541", rows)
}
