type Case = (&'static str, Vec<u8>);
type Row = (&'static str, &'static [u8]);

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n";
const POST: &[u8] = b"POST / HTTP/1.1\r\nHost: x\r\n";
const CHUNKED: &[u8] = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const H2_GET: &[u8] = &[0x82, 0x86, 0x84, 0x41, 1, b'x'];

pub(crate) fn malformed() -> Vec<Case> {
    let http1 = [request_lines(), headers(), oversize(), lengths(), codings(), chunks(), cut_short()].concat();
    [http1, other_protocols(), binary(), h2_frames(), h2_requests(), h2_sequences()].concat()
}

fn wrap(before: &[u8], rows: &[Row], after: &[u8]) -> Vec<Case> {
    rows.iter().map(|(name, bytes)| (*name, [before, bytes, after].concat())).collect()
}

// A request line is a token, a URI and exactly HTTP/1.0 or HTTP/1.1: all else is refused before routing.
fn request_lines() -> Vec<Case> {
    let rows: &[Row] = &[
        ("lower_case_junk", b"asdf qwer"),
        ("version_missing", b"GET /"),
        ("version_9_9", b"GET / HTTP/9.9"),
        ("version_1_2", b"GET / HTTP/1.2"),
        ("version_lower_case", b"GET / http/1.1"),
        ("version_extra_digit", b"GET / HTTP/1.10"),
        ("version_trailing_space", b"GET / HTTP/1.1 "),
        ("version_then_bare_cr", b"GET / HTTP/1.1\rX-A: 1"),
        ("target_missing", b"GET HTTP/1.1"),
        ("target_empty", b"GET  HTTP/1.1"),
        ("target_space_inside", b"GET /a b HTTP/1.1"),
        ("target_tab_inside", b"GET /\ta HTTP/1.1"),
        ("target_nul", b"GET /\0 HTTP/1.1"),
        ("target_delete_byte", b"GET /\x7f HTTP/1.1"),
        ("target_bare_cr", b"GET /\rX HTTP/1.1"),
        ("target_invalid_utf8", b"GET /?\xff\xfe HTTP/1.1"),
        ("target_scheme_only", b"GET http:// HTTP/1.1"),
        ("target_open_bracket", b"GET http://[::1/ HTTP/1.1"),
        ("method_at_sign", b"G@T / HTTP/1.1"),
        ("method_nul", b"G\0T / HTTP/1.1"),
        ("method_non_ascii", b"G\xc3\x89T / HTTP/1.1"),
        ("method_byte_order_mark", b"\xef\xbb\xbfGET / HTTP/1.1"),
        ("method_leading_space", b" GET / HTTP/1.1"),
        ("method_leading_bare_cr", b"\rGET / HTTP/1.1"),
        ("method_tab_separator", b"GET\t/\tHTTP/1.1"),
        ("method_missing", b"/ HTTP/1.1"),
    ];
    wrap(b"", rows, b"\r\nHost: x\r\n\r\n")
}

// A field line is a token, a colon and visible text. A wrong WebSocket key is left to the route.
fn headers() -> Vec<Case> {
    let rows: &[Row] = &[
        ("header_space_before_colon", b"X-A : 1"),
        ("header_empty_name", b": 1"),
        ("header_folded_with_space", b"X-A: 1\r\n more"),
        ("header_no_colon", b"Garbage"),
        ("header_nul_in_value", b"X-A: a\0b"),
        ("header_control_in_value", b"X-A: a\x01b"),
        ("header_bare_cr_in_value", b"X-A: a\rX-B: b"),
        ("header_control_in_name", b"X\x01A: 1"),
        ("header_nul_in_name", b"X\0A: 1"),
        ("header_newline_in_name", b"X-\r\nA: 1"),
        ("header_non_ascii_name", b"X-\xc3\x89: 1"),
        ("header_quoted_name", b"\"X-A\": 1"),
        ("websocket_key_nul", b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhl\0"),
        ("websocket_key_folded", b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key:\r\n dGhl"),
        ("websocket_version_no_colon", b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version 13"),
    ];
    wrap(GET, rows, b"\r\n\r\n")
}

// Far over every limit, since a buffer of 64 KiB may grow to twice that before hyper checks it.
fn oversize() -> Vec<Case> {
    let long = vec![b'a'; 200_000];
    let line_end: &[u8] = b" HTTP/1.1\r\nHost: x\r\n\r\n";
    let field = b"X-A: 1\r\n";
    vec![
        ("oversize_junk", long.clone()),
        ("oversize_method", [&long, &b" /"[..], line_end].concat()),
        ("oversize_target", [b"GET /", &long[..], line_end].concat()),
        ("oversize_header_value", [GET, b"X-A: ", &long, b"\r\n\r\n"].concat()),
        ("oversize_header_name", [GET, &long, b": 1\r\n\r\n"].concat()),
        ("oversize_101_headers", [GET, &field.repeat(100), b"\r\n"].concat()),
        ("oversize_chunk_extension", [CHUNKED, b"5;", &long, b"\r\nhello\r\n0\r\n\r\n"].concat()),
        ("oversize_trailer", [CHUNKED, b"0\r\nX-A: ", &long, b"\r\n\r\n"].concat()),
        ("oversize_101_trailers", [CHUNKED, b"0\r\n", &field.repeat(101), b"\r\n"].concat()),
    ]
}

// A length that is not one plain decimal number leaves the end of the body ambiguous.
fn lengths() -> Vec<Case> {
    let rows: &[Row] = &[
        ("length_negative", b"Content-Length: -5"),
        ("length_plus_sign", b"Content-Length: +5"),
        ("length_hex", b"Content-Length: 0x5"),
        ("length_inner_space", b"Content-Length: 5 5"),
        ("length_empty", b"Content-Length:"),
        ("length_vertical_tab", b"Content-Length: \x0b5"),
        ("length_folded", b"Content-Length:\r\n 5"),
        ("length_space_before_colon", b"Content-Length : 5"),
        ("length_list_same", b"Content-Length: 5, 5"),
        ("length_list_different", b"Content-Length: 5, 6"),
        ("length_list_the_same_twice", b"Content-Length: 5\r\nContent-Length: 5"),
        ("length_two_different", b"Content-Length: 5\r\nContent-Length: 6"),
        ("length_u64_max", b"Content-Length: 18446744073709551615"),
        ("length_over_u64", b"Content-Length: 18446744073709551616"),
        ("length_bad_then_chunked", b"Content-Length: -1\r\nTransfer-Encoding: chunked"),
        ("length_and_chunked_plain_body", b"Content-Length: 5\r\nTransfer-Encoding: chunked"),
    ];
    wrap(POST, rows, b"\r\n\r\nhello")
}

// A request whose last coding is not exactly `chunked` has no knowable end; HTTP/1.0 has no codings at all.
fn codings() -> Vec<Case> {
    let rows: &[Row] = &[
        ("coding_xchunked", b"1.1\r\nTransfer-Encoding: xchunked"),
        ("coding_identity", b"1.1\r\nTransfer-Encoding: identity"),
        ("coding_empty", b"1.1\r\nTransfer-Encoding:"),
        ("coding_chunked_then_gzip", b"1.1\r\nTransfer-Encoding: chunked, gzip"),
        ("coding_chunked_then_identity", b"1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity"),
        ("coding_identity_chunked", b"1.1\r\nTransfer-Encoding: identity, chunked"),
        ("coding_chunked_twice", b"1.1\r\nTransfer-Encoding: chunked, chunked"),
        ("coding_and_length", b"1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked"),
        ("coding_trailing_comma", b"1.1\r\nTransfer-Encoding: chunked,"),
        ("coding_parameter", b"1.1\r\nTransfer-Encoding: chunked;q=1"),
        ("coding_inner_tab", b"1.1\r\nTransfer-Encoding: chunked\tx"),
        ("coding_vertical_tab", b"1.1\r\nTransfer-Encoding: \x0bchunked"),
        ("coding_nul", b"1.1\r\nTransfer-Encoding: chunked\0"),
        ("coding_space_before_colon", b"1.1\r\nTransfer-Encoding : chunked"),
        ("coding_on_http_1_0", b"1.0\r\nTransfer-Encoding: chunked"),
        ("coding_and_length_on_http_1_0", b"1.0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked"),
    ];
    wrap(b"POST / HTTP/", rows, b"\r\nHost: x\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
}

// The head is valid here, so reading the body has to fail.
fn chunks() -> Vec<Case> {
    let rows: &[Row] = &[
        ("chunk_size_not_hex", b"zz\r\nhello\r\n0\r\n\r\n"),
        ("chunk_size_negative", b"-5\r\nhello\r\n0\r\n\r\n"),
        ("chunk_size_two_numbers", b"5 5\r\nhello\r\n0\r\n\r\n"),
        ("chunk_size_overflow", b"ffffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
        ("chunk_size_u64_max", b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
        ("chunk_size_bare_lf", b"5\nhello\r\n0\r\n\r\n"),
        ("chunk_extension_bare_lf", b"5;a\nb\r\nhello\r\n0\r\n\r\n"),
        ("chunk_data_no_crlf", b"5\r\nhello0\r\n\r\n"),
        ("chunk_data_bare_lf", b"5\r\nhello\n0\r\n\r\n"),
        ("chunk_data_too_long", b"3\r\nhello\r\n0\r\n\r\n"),
        ("chunk_data_too_short", b"8\r\nhello\r\n0\r\n\r\n"),
        ("chunk_end_cr_without_lf", b"5\r\nhello\r\n0\r\n\rX"),
        ("chunk_trailer_no_colon", b"0\r\nbad trailer\r\n\r\n"),
        ("cut_before_first_chunk", b""),
        ("cut_in_chunk_size", b"5"),
        ("cut_in_chunk_data", b"5\r\nhel"),
        ("cut_after_whole_chunk", b"5\r\nhello\r\n"),
        ("cut_after_last_size", b"5\r\nhello\r\n0\r\n"),
        ("cut_in_trailer", b"0\r\nX-A: 1"),
    ];
    wrap(CHUNKED, rows, b"")
}

// The client closes the connection at each stage of a request that was valid so far.
fn cut_short() -> Vec<Case> {
    let rows: &[Row] = &[
        ("bare_lf_line_ends", b"GET / HTTP/1.1\nHost: x\nConnection: close\n\n"),
        ("no_host", b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"),
        ("cut_before_anything", b""),
        ("cut_after_empty_lines", b"\r\n\r\n"),
        ("cut_in_method", b"GE"),
        ("cut_in_target", b"GET /some"),
        ("cut_in_version", b"GET / HTTP/1."),
        ("cut_after_request_line", b"GET / HTTP/1.1\r\n"),
        ("cut_in_header_name", b"GET / HTTP/1.1\r\nHo"),
        ("cut_in_header_value", b"GET / HTTP/1.1\r\nHost: x"),
        ("cut_in_blank_line", b"GET / HTTP/1.1\r\nHost: x\r\n\r"),
        ("cut_before_body", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"),
        ("cut_in_body", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel"),
    ];
    wrap(b"", rows, b"")
}

// The first bytes of other protocols; a preface that is not exact is read as HTTP/1, which has no version 2.0.
fn other_protocols() -> Vec<Case> {
    let rows: &[Row] = &[
        ("other_ssh_banner", b"SSH-2.0-OpenSSH_9.6\r\n"),
        ("other_smtp", b"EHLO mail.example.com\r\n"),
        ("other_redis_ping", b"*1\r\n$4\r\nPING\r\n"),
        ("other_socks5", b"\x05\x01\x00"),
        ("other_proxy_v1", b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("other_http_response", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("other_websocket_frame", b"\x81\x85\x01\x02\x03\x04hello"),
        ("preface_cut_in_version", b"PRI * HT"),
        ("preface_cut_before_sm", b"PRI * HTTP/2.0\r\n\r\n"),
        ("preface_cut_in_last_line", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r"),
        ("preface_wrong_sm", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"),
        ("preface_after_empty_line", b"\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ];
    wrap(b"", rows, b"")
}

// No case starts with a byte that a method may start with.
fn binary() -> Vec<Case> {
    vec![
        ("binary_tls_client_hello", [b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03", &noise(1, 194)[..]].concat()),
        ("binary_every_byte", (0..=u8::MAX).collect()),
        ("binary_ones", vec![0xff; 1024]),
        ("binary_noise", [b"\x80", &noise(2, 4096)[..]].concat()),
    ]
}

fn noise(mut seed: u32, len: usize) -> Vec<u8> {
    let next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(len).collect()
}

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let [.., a, b, c] = payload.len().to_be_bytes();
    [&[a, b, c, kind, flags, 0, 0, 0, stream], payload].concat()
}

fn h2(frames: &[Vec<u8>]) -> Vec<u8> {
    [PREFACE, &frame(4, 0, 0, b""), &frames.concat()].concat()
}

// No frame here opens a well-formed request, so the server can only answer with GOAWAY or RST_STREAM.
fn h2_frames() -> Vec<Case> {
    vec![
        ("h2_settings_on_stream_1", h2(&[frame(4, 0, 1, b"")])),
        ("h2_settings_huge_window", h2(&[frame(4, 0, 0, &[0, 4, 0x80, 0, 0, 0])])),
        ("h2_ping_short", h2(&[frame(6, 0, 0, &[0; 7])])),
        ("h2_window_update_overflow", h2(&[frame(8, 0, 0, &[0x7f, 0xff, 0xff, 0xff])])),
        ("h2_reset_idle_stream", h2(&[frame(3, 0, 1, &[0; 4])])),
        ("h2_data_on_stream_0", h2(&[frame(0, 1, 0, b"hello")])),
        ("h2_data_on_idle_stream", h2(&[frame(0, 1, 1, b"hello")])),
        ("h2_continuation_without_headers", h2(&[frame(9, 4, 1, H2_GET)])),
        ("h2_push_promise_from_client", h2(&[frame(5, 4, 1, &[0, 0, 0, 2, 0x82])])),
        ("h2_headers_on_stream_0", h2(&[frame(1, 5, 0, H2_GET)])),
        ("h2_headers_on_even_stream", h2(&[frame(1, 5, 2, H2_GET)])),
        ("h2_headers_too_much_padding", h2(&[frame(1, 0x0d, 1, &[0xff, 0x82, 0x86, 0x84])])),
        ("h2_headers_never_ended", h2(&[frame(1, 1, 1, H2_GET)])),
    ]
}

// A HEADERS frame whose block breaks HPACK or the rules for a request.
fn h2_requests() -> Vec<Case> {
    let blocks: &[Row] = &[
        ("h2_hpack_index_zero", &[0x82, 0x86, 0x84, 0x80]),
        ("h2_hpack_string_cut", &[0x82, 0x86, 0x84, 0x41, 0x20, b'x']),
        ("h2_hpack_bad_huffman", &[0x82, 0x86, 0x44, 0x84, 0xff, 0xff, 0xff, 0xff]),
        ("h2_header_upper_case", b"\x82\x86\x84\x00\x03X-A\x011"),
        ("h2_header_nul_in_value", b"\x82\x86\x84\x00\x03x-a\x01\0"),
        ("h2_header_connection", b"\x82\x86\x84\x00\x0aconnection\x05close"),
        ("h2_length_without_body", b"\x83\x86\x84\x00\x0econtent-length\x015"),
        ("h2_no_method", &[0x86, 0x84, 0x41, 1, b'x']),
        ("h2_no_path", &[0x82, 0x86, 0x41, 1, b'x']),
    ];
    blocks.iter().map(|(name, block)| (*name, h2(&[frame(1, 5, 1, block)]))).collect()
}

// Frame sequences and raw bytes after a good preface.
fn h2_sequences() -> Vec<Case> {
    let open = frame(1, 1, 1, H2_GET);
    let oversize = [&[0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1][..], &[0; 100]].concat();
    vec![
        ("h2_preface_only", PREFACE.to_vec()),
        ("h2_preface_then_http1", [PREFACE, GET, b"\r\n"].concat()),
        ("h2_preface_then_noise", [PREFACE, &[0x80], &noise(3, 512)].concat()),
        ("h2_frame_oversize", h2(&[oversize])),
        ("h2_frame_header_cut", h2(&[vec![0, 0, 6, 1]])),
        ("h2_frame_payload_cut", h2(&[vec![0, 0, 100, 1, 5, 0, 0, 0, 1, 0x82, 0x86, 0x84]])),
        ("h2_ping_inside_headers", h2(&[open.clone(), frame(6, 0, 0, &[0; 8]), frame(9, 4, 1, b"")])),
        ("h2_continuation_other_stream", h2(&[open, frame(9, 4, 3, b"")])),
    ]
}

// Odd requests that hyper accepts. Each asks to close the connection, so the client sees the end of the response
// without closing its own side first.
pub(crate) fn tolerated() -> Vec<Case> {
    let gets: &[Row] = &[
        ("ok_leading_crlf", b"\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        ("ok_http_1_0", b"GET / HTTP/1.0\r\n\r\n"),
        ("ok_spaces_around_value", b"GET / HTTP/1.1\r\nHost: \t  x \t \r\nConnection:close\r\n\r\n"),
        ("ok_obs_text_value", b"GET / HTTP/1.1\r\nHost: x\r\nX-A: \xe9\xff\r\nConnection: close\r\n\r\n"),
        ("ok_absolute_target", b"GET http://x/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
    ];
    let posts: &[Row] = &[
        ("ok_coding_mixed_case_and_tabs", b"Transfer-Encoding:\tChUnKeD\t\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        ("ok_chunk_extras", b"Transfer-Encoding: chunked\r\n\r\n05 ;a=1\r\nhello\r\n0\r\nX-A: 1\r\n\r\n"),
    ];
    let headers = [GET, b"Connection: close\r\n", &b"X-A: 1\r\n".repeat(98), b"\r\n"].concat();
    let mut all = wrap(b"", gets, b"");
    all.extend(wrap(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", posts, b""));
    all.push(("ok_100_headers", headers));
    all
}
