use super::conformance::Due;

/// A request's name, its bytes, and the response that is due.
pub(crate) type Row = (&'static str, Vec<u8>, Due);

const BAD: Due = Due::Refused(&[400]);
const UNKNOWN: Due = Due::Refused(&[400, 405, 501]);
const CODING: Due = Due::Refused(&[400, 501]);
const TOO_MUCH: Due = Due::Refused(&[400, 414, 431]);
const FINE: Due = Due::Fine("");
const HELLO: Due = Due::Fine("hello");

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n";
const POST: &str = "POST / HTTP/1.1\r\nHost: x\r\n";
const NEXT: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

pub(crate) fn cases() -> Vec<Row> {
    let heads = [request_lines(), hosts(), fields(), upgrades(), answers()];
    let bodies = [bodies(), lengths(), codings(), chunks(), smuggled(), look_alikes()];
    [heads.concat(), bodies.concat(), junk(), too_much()].concat()
}

fn rows(before: &str, after: &str, rows: &[(&'static str, &str, Due)]) -> Vec<Row> {
    rows.iter().map(|(name, text, due)| (*name, format!("{before}{text}{after}").into_bytes(), *due)).collect()
}

fn request_lines() -> Vec<Row> {
    let lines = [
        ("line_two_spaces", "GET  / HTTP/1.1", BAD),
        ("line_version_9_9", "GET / HTTP/9.9", Due::Refused(&[400, 505])),
        ("line_ends_with_bare_cr", "GET / HTTP/1.1\rX: 1", BAD),
        ("line_without_target", "GET HTTP/1.1", BAD),
        ("line_with_fragment", "GET /path#frag HTTP/1.1", BAD),
        ("line_with_tabs", "GET\t/ HTTP/1.1", BAD),
        ("line_version_without_minor", "GET / HTTP/1", BAD),
        ("line_version_with_zeros", "GET / HTTP/01.01", BAD),
        ("line_version_with_space", "GET / HTTP/ 1.1", BAD),
        ("line_version_lower_case", "GET / http/1.1", BAD),
        ("line_space_in_target", "GET /pa th HTTP/1.1", BAD),
        ("line_asterisk_with_get", "GET * HTTP/1.1", BAD),
        ("line_asterisk_with_options", "OPTIONS * HTTP/1.1", FINE),
        ("line_connect", "CONNECT x:443 HTTP/1.1", UNKNOWN),
        ("line_method_lower_case", "get / HTTP/1.1", UNKNOWN),
        ("line_method_unknown", "FOOBAR / HTTP/1.1", UNKNOWN),
        ("line_empty_before_request", "\r\n\r\nGET / HTTP/1.1", BAD),
        ("path_with_nul", "GET /\0test HTTP/1.1", BAD),
        ("path_not_ascii", "GET /caf\u{e9} HTTP/1.1", BAD),
        ("path_with_backslash", "GET /path\\file HTTP/1.1", BAD),
        ("path_with_quoted_nul", "GET /path%00.html HTTP/1.1", BAD),
        ("path_with_quoted_newline", "GET /path%0d%0aX-Injected:%20true HTTP/1.1", BAD),
    ];
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(7_900));
    let overlong = [b"GET /\xc0\xaf HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()].concat();
    let mut all = rows("", "\r\nHost: x\r\n\r\n", &lines);
    all.push(("line_of_8000_bytes", long.into_bytes(), Due::Not(414)));
    all.push(("path_with_overlong_utf8", overlong, BAD));
    all.extend(rows(
        "",
        "",
        &[("line_bare_lf", "GET / HTTP/1.1\nHost: x\r\n\r\n", BAD), ("line_of_http_0_9", "GET /\r\n", Due::Unfinished)],
    ));
    all
}

fn hosts() -> Vec<Row> {
    rows(
        "GET / HTTP/1.1\r\n",
        "\r\n",
        &[
            ("host_missing", "", BAD),
            ("host_twice", "Host: x\r\nHost: other.example\r\n", BAD),
            ("host_twice_the_same", "Host: x\r\nHost: x\r\n", BAD),
            ("host_with_user", "Host: user@x\r\n", BAD),
            ("host_with_path", "Host: x/path\r\n", BAD),
            ("host_empty", "Host: \r\n", BAD),
            ("host_list", "Host: x, other.example\r\n", BAD),
        ],
    )
}

fn fields() -> Vec<Row> {
    let mut all = rows(
        GET,
        "\r\n\r\n",
        &[
            ("field_folded", "X-Test: value\r\n continued", BAD),
            ("field_space_before_colon", "X-Test : value", BAD),
            ("field_without_name", ": value", BAD),
            ("field_name_with_bracket", "Bad[Name: value", BAD),
            ("field_without_colon", "NoColonHere", BAD),
            ("field_with_controls", "X-Test: abc\x07\x08\x0bdef", BAD),
            ("field_name_not_ascii", "X-T\u{eb}st: value", BAD),
            ("field_with_nul", "X-Test: val\0ue", BAD),
            ("field_expects_something", "Expect: 200-ok", Due::Refused(&[417])),
        ],
    );
    all.extend(rows("", "\r\n\r\n", &[
        ("field_ends_with_bare_lf", "GET / HTTP/1.1\r\nHost: x\nX-Test: value", BAD),
        ("field_after_blank", "GET / HTTP/1.1\r\n \r\nHost: x", BAD),
        ("field_with_bare_cr", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nX-Test: val\rue\r\n\r\nhello", BAD),
        ("field_type_twice", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Type: text/plain\r\nContent-Type: text/html\r\n\r\nhello", BAD),
    ]));
    all
}

fn upgrades() -> Vec<Row> {
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: ";
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    let texts = [
        ("upgrade_of_post", format!("{POST}{upgrade}{key}13")),
        ("upgrade_without_connection", format!("{GET}Upgrade: websocket\r\n{key}13")),
        ("upgrade_to_something", format!("{GET}Connection: Upgrade\r\nUpgrade: made-up/1.0")),
        ("upgrade_version_99", format!("{GET}{upgrade}{key}99")),
        ("upgrade_of_http_1_0", format!("GET / HTTP/1.0\r\nHost: x\r\n{upgrade}{key}13")),
    ];
    texts.into_iter().map(|(name, text)| (name, format!("{text}\r\n\r\n").into_bytes(), Due::Not(101))).collect()
}

fn answers() -> Vec<Row> {
    rows(
        "",
        "\r\n\r\n",
        &[
            ("answer_ok", "GET / HTTP/1.1\r\nHost: x", Due::Fine("OK")),
            ("answer_and_close", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close", Due::Fine("OK")),
            ("answer_to_http_1_0", "GET / HTTP/1.0\r\nHost: x", Due::Fine("OK")),
            ("answer_to_head", "HEAD / HTTP/1.1\r\nHost: x", Due::Without("\r\n\r\nOK")),
            ("answer_405_with_allow", "DELETE / HTTP/1.1\r\nHost: x", Due::Says(405, "allow: ")),
            ("answer_with_date", "GET / HTTP/1.1\r\nHost: x", Due::Fine("date: ")),
            ("answer_204_without_length", "OPTIONS / HTTP/1.1\r\nHost: x", Due::Without("content-length")),
            ("answer_to_options", "OPTIONS / HTTP/1.1\r\nHost: x", Due::Fine("allow: ")),
            ("answer_with_type", "GET / HTTP/1.1\r\nHost: x", Due::Fine("content-type: ")),
        ],
    )
}

fn bodies() -> Vec<Row> {
    rows(
        POST,
        "",
        &[
            ("body_with_length", "Content-Length: 5\r\n\r\nhello", HELLO),
            ("body_of_length_0", "Content-Length: 0\r\n\r\n", FINE),
            ("body_missing", "\r\n", FINE),
            ("body_too_short", "Content-Length: 10\r\n\r\nhello", Due::Unfinished),
            ("body_chunked", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", HELLO),
            (
                "body_of_two_chunks",
                "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
                Due::Fine("hello world"),
            ),
            ("body_of_no_chunks", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", FINE),
            ("body_without_last_chunk", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", Due::Unfinished),
            ("body_with_extension", "Transfer-Encoding: chunked\r\n\r\n5;ext=value\r\nhello\r\n0\r\n\r\n", HELLO),
            (
                "body_with_trailer",
                "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Checksum: abc\r\n\r\n",
                HELLO,
            ),
            (
                "body_of_upper_case_size",
                "Transfer-Encoding: chunked\r\n\r\nA\r\nhelloworld\r\n0\r\n\r\n",
                Due::Fine("helloworld"),
            ),
            ("body_with_range", "Content-Length: 5\r\nRange: bytes=0-10\r\n\r\nhello", HELLO),
        ],
    )
}

fn lengths() -> Vec<Row> {
    let hello = rows(
        POST,
        "\r\n\r\nhello",
        &[
            ("length_no_number", "Content-Length: abc", BAD),
            ("length_plus", "Content-Length: +5", BAD),
            ("length_twice", "Content-Length: 5\r\nContent-Length: 10", BAD),
            ("length_with_zeros", "Content-Length: 005", BAD),
            ("length_negative", "Content-Length: -1", BAD),
            ("length_space_after", "Content-Length: 5 ", BAD),
            ("length_two_spaces_before", "Content-Length:  5", BAD),
            ("length_tab_before", "Content-Length:\t5", BAD),
            ("length_list", "Content-Length: 5, 10", BAD),
            ("length_octal", "Content-Length: 0o5", BAD),
            ("length_hexadecimal", "Content-Length: 0x5", BAD),
            ("length_space_inside", "Content-Length: 1 0", BAD),
            ("length_underscore", "Content-Length: 1_0", BAD),
            ("length_minus_zero", "Content-Length: -0", BAD),
            ("length_zero_zero", "Content-Length: 00", BAD),
            ("length_looks_octal", "Content-Length: 0200", BAD),
            ("length_over_64_bits", "Content-Length: 99999999999999999999", BAD),
            ("length_empty", "Content-Length: ", BAD),
        ],
    );
    let alone = rows(
        "POST / HTTP/",
        "\r\n\r\n",
        &[
            ("length_huge_and_no_body", "1.1\r\nHost: x\r\nContent-Length: 999999999", Due::Unfinished),
            (
                "length_on_http_1_0_with_expect",
                "1.0\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
                Due::Not(100),
            ),
        ],
    );
    [hello, alone].concat()
}

fn codings() -> Vec<Row> {
    let mut all = rows(
        POST,
        "\r\nContent-Length: 5\r\n\r\nhello",
        &[
            ("coding_xchunked", "Transfer-Encoding: xchunked", CODING),
            ("coding_space_after", "Transfer-Encoding: chunked ", CODING),
            ("coding_space_before_colon", "Transfer-Encoding : chunked", BAD),
            ("coding_twice_in_a_list", "Transfer-Encoding: chunked, chunked", BAD),
            ("coding_other_case", "Transfer-Encoding: Chunked", BAD),
            ("coding_empty", "Transfer-Encoding: ", BAD),
            ("coding_comma_first", "Transfer-Encoding: , chunked", BAD),
            ("coding_twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", BAD),
            ("coding_vertical_tab", "Transfer-Encoding: \x0bchunked", BAD),
            ("coding_form_feed", "Transfer-Encoding: \x0cchunked", BAD),
            ("coding_nul", "Transfer-Encoding: chunked\0", BAD),
            ("coding_identity", "Transfer-Encoding: identity", CODING),
            ("coding_folded", "Transfer-Encoding:\r\n chunked", BAD),
            ("coding_comma_last", "Transfer-Encoding: chunked,", BAD),
        ],
    );
    all.extend(rows(
        POST,
        "\r\n\r\n0\r\n\r\n",
        &[
            ("coding_unknown", "Transfer-Encoding: gzip", CODING),
            ("coding_chunked_not_last", "Transfer-Encoding: chunked, gzip", BAD),
        ],
    ));
    let on_1_0 = "POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello";
    all.push(("coding_on_http_1_0", on_1_0.into(), BAD));
    all
}

fn chunks() -> Vec<Row> {
    let lines = rows(
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        "0\r\n\r\n",
        &[
            ("chunk_bare_semicolon", "5;\r\nhello\r\n", BAD),
            ("chunk_extension_no_token", "5;bad[=x\r\nhello\r\n", BAD),
            ("chunk_underscore", "1_0\r\nhello world!!!!!\r\n", BAD),
            ("chunk_hex_prefix", "0x5\r\nhello\r\n", BAD),
            ("chunk_plus", "+5\r\nhello\r\n", BAD),
            ("chunk_space_after", "5 \r\nhello\r\n", BAD),
            ("chunk_space_before", " 5\r\nhello\r\n", BAD),
            ("chunk_without_line_end", "5\r\nhello", BAD),
            ("chunk_extension_bare_lf", "5;\nhello\r\n", BAD),
            ("chunk_spills", "5\r\nhello!!\r\n", BAD),
            ("chunk_bare_lf", "5\r\nhello\n", BAD),
            ("chunk_extension_nul", "5;\0ext\r\nhello\r\n", BAD),
            ("chunk_extension_bare_cr", "5;a\rX\r\nhello\r\n", BAD),
            ("chunk_negative", "-1\r\nhello\r\n", BAD),
            ("chunk_bare_cr", "5\rhello\r\n", BAD),
            ("chunk_size_over_64_bits", "FFFFFFFFFFFFFFFF0\r\nhello\r\n", BAD),
            ("chunk_trailer_bare_lf", "5\r\nhello\r\n0\r\n\n", BAD),
            ("chunk_zero_with_plus", "+0\r\n\r\nXGET / HTTP/1.1\r\nHost: x\r\n\r\n", BAD),
        ],
    );
    let long = format!("{POST}Transfer-Encoding: chunked\r\n\r\n5;ext={}\r\nhello\r\n0\r\n\r\n", "a".repeat(65_536));
    [lines, vec![("chunk_extension_of_64_kb", long.into_bytes(), Due::Refused(&[400, 431]))]].concat()
}

/// Requests that end in two places, by their length and by their chunks, with another request between.
fn smuggled() -> Vec<Row> {
    let chunks = |between: &str| format!("0\r\n\r\n{between}");
    let both = |name: &'static str, coding: &str, length: &str, body: &str, due| {
        let text = format!("{POST}Transfer-Encoding:{coding}\r\nContent-Length: {length}\r\n\r\n{body}");
        (name, text.into_bytes(), due)
    };
    let length_first = |name: &'static str, length: &str, body: &str| {
        let text = format!("{POST}Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        (name, text.into_bytes(), BAD)
    };
    let head = "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n";
    let long = (5 + NEXT.len()).to_string();
    let inner = "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n";
    let size = format!("{:x}", inner.len());
    let in_chunk = format!("{size}\r\n{inner}\r\n0\r\n\r\n");
    vec![
        length_first("both_lengths", "21", "D\r\nhello-bananas\r\n0\r\n\r\n"),
        length_first("both_length_4", "4", &chunks("")),
        both("both_length_30", " chunked", "30", &chunks(""), BAD),
        length_first("both_then_a_request", "5", &chunks(NEXT)),
        both("both_chunked_first_then_a_request", " chunked", "5", &chunks(NEXT), BAD),
        length_first("both_with_a_byte_more", "6", &chunks(&format!("X{NEXT}"))),
        length_first("both_around_a_request", &long, &chunks(NEXT)),
        length_first("both_around_a_request_plus", &format!("+{long}"), &chunks(NEXT)),
        length_first("both_around_a_request_no_number", &format!("{long}x"), &chunks(NEXT)),
        both("both_around_a_request_folded", "\r\n chunked", &long, &chunks(NEXT), BAD),
        length_first("both_around_a_head_request", &(5 + head.len()).to_string(), &chunks(head)),
        both("both_around_a_request_space", " chunked ", &long, &chunks(NEXT), BAD),
        both("both_around_a_request_comma", " , chunked", &long, &chunks(NEXT), BAD),
        both("both_around_a_request_case", " Chunked", &long, &chunks(NEXT), BAD),
        both("both_codings_around_a_request", " chunked\r\nTransfer-Encoding: identity", &long, &chunks(NEXT), BAD),
        both("both_with_a_request_in_a_chunk", " chunked", &(size.len() + 2).to_string(), &in_chunk, BAD),
        both("two_lengths_around_a_request", " chunked\r\nContent-Length: 4", &long, &format!("PING{NEXT}"), BAD),
        both("both_chunked_first_with_a_byte_more", " chunked", "30", &chunks(&format!("X{NEXT}")), BAD),
        ("both_folded_on_options", format!("OPTIONS / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n\r\nhello{NEXT}").into(), BAD),
    ]
}

/// Headers whose names other servers read as those that end a body.
fn look_alikes() -> Vec<Row> {
    rows(
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n",
        "\r\n\r\nhello world",
        &[
            ("name_length_with_underscore", "Content_Length: 99", BAD),
            ("name_length_with_space", "Content-Length : 5", BAD),
            ("name_length_with_tab", "Content\tLength: 99", BAD),
            ("name_coding_with_underscore", "Transfer_Encoding: chunked", BAD),
        ],
    )
}

fn junk() -> Vec<Row> {
    let noise =
        std::iter::successors(Some(42_u32), |seed| Some(seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223)));
    let noise = noise.map(|seed| seed.to_be_bytes()[0]).take(256).collect();
    let mut all = rows(
        "",
        "",
        &[
            ("junk_cut_in_field", "GET / HTTP/1.1\r\nHost: x\r\nX-Test: value", Due::Unfinished),
            ("junk_nothing", "", Due::Unfinished),
            ("junk_blank", " \r\n\r\n", Due::Unfinished),
            ("junk_preface_of_http_2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Due::Refused(&[400, 505])),
        ],
    );
    all.push(("junk_noise", noise, Due::Unfinished));
    all
}

fn too_much() -> Vec<Row> {
    let long = "A".repeat(100_000);
    let many: String = (0..10_000).map(|n| ["X-H-", &n.to_string(), ": value\r\n"].concat()).collect();
    vec![
        ("much_target", format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n").into(), TOO_MUCH),
        ("much_value", format!("{GET}X-Big: {long}\r\n\r\n").into(), TOO_MUCH),
        ("many_fields", format!("{GET}{many}\r\n").into(), TOO_MUCH),
        ("much_name", format!("{GET}{long}: val\r\n\r\n").into(), TOO_MUCH),
        ("much_method", format!("{long} / HTTP/1.1\r\nHost: x\r\n\r\n").into(), TOO_MUCH),
    ]
}
