//! Tests of the scanner: every way to cut a body into chunks gives the same parts, and costs no more than its length.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use rstest::rstest;

use super::*;

/// Returns the parts of `body`, which arrives in chunks of `size` bytes, and the number of bytes that were looked at.
fn scan(body: &[u8], size: usize) -> Result<(Vec<(String, String)>, usize), Error> {
    let mut scanner = Scanner::new("b");
    let mut chunks = body.chunks(size);
    let (mut parts, text) = (Vec::new(), |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned());
    loop {
        let event = match (scanner.next()?, chunks.next()) {
            (Some(event), rest) => {
                // The chunk was not needed yet.
                if let Some(chunk) = rest {
                    scanner.push(chunk);
                }
                event
            }
            (None, Some(chunk)) => {
                scanner.push(chunk);
                continue;
            }
            (None, None) => scanner.end()?,
        };
        match event {
            Event::Head(head) => parts.push((text(&head), String::new())),
            Event::Data(data) => parts.last_mut().unwrap().1.push_str(&text(&data)),
            Event::PartEnd => {}
            Event::End => return Ok((parts, scanner.looked_at)),
        }
    }
}

#[rstest]
#[case::one("--b\r\nA: 1\r\n\r\none\r\n--b--\r\n", &[("A: 1", "one")])]
#[case::two("--b\r\nA\r\n\r\n1\r\n--b\r\nB\r\n\r\n2\r\n--b--", &[("A", "1"), ("B", "2")])]
#[case::none("--b--", &[])]
#[case::preamble("before\r\n--bx\r\n--b\r\nA\r\n\r\n1\r\n--b--after", &[("A", "1")])]
#[case::padded("--b \t\r\nA\r\n\r\n1\r\n--b  \r\nB\r\n\r\n2\r\n--b-- ", &[("A", "1"), ("B", "2")])]
#[case::no_head("--b\r\n\r\n1\r\n--b--", &[("", "1")])]
#[case::no_content("--b\r\nA\r\n\r\n\r\n--b--", &[("A", "")])]
#[case::no_line_break_either("--b\r\nA\r\n\r\n--b--", &[("A", "")])]
#[case::line_breaks("--b\r\nA\r\n\r\n\r\n\r\n1\r\n\r\n--b--", &[("A", "\r\n\r\n1\r\n")])]
#[case::like_a_boundary("--b\r\nA\r\n\r\n--b--\r\r\n--bb\r\n--b-\r\n--b x\r\n--b--", &[("A", "")])]
#[case::nearly("--b\r\nA\r\n\r\n1--b--\r\r\n--bb\r\n--b-\r\n--b x\r\n--b--", &[("A", "1--b--\r\r\n--bb\r\n--b-\r\n--b x")])]
fn parts_are_the_same_in_chunks_of_any_size(#[case] body: &str, #[case] expected: &[(&str, &str)]) {
    for size in 1..=body.len() {
        let (parts, _) = scan(body.as_bytes(), size).unwrap();
        let parts: Vec<_> = parts.iter().map(|(head, data)| (head.as_str(), data.as_str())).collect();
        assert_eq!(parts, expected, "in chunks of {size}");
    }
}

#[rstest]
#[case("")]
#[case("x")]
#[case("--b")]
#[case("--b-")]
#[case("--b\r\n")]
#[case("--b\r\nA\r\n\r\n")]
#[case("--b\r\nA\r\n\r\nunclosed\r\n--b")]
fn a_body_that_breaks_off_is_400(#[case] body: &str) {
    assert_eq!(scan(body.as_bytes(), 1).unwrap_err().http_status().unwrap().as_u16(), 400);
}

#[rstest]
#[case::preamble("", "\r\n--b--")]
#[case::head("--b\r\n", "\r\n\r\n\r\n--b--")]
fn what_is_searched_for_its_end_is_bounded(
    #[case] before: &str,
    #[case] after: &str,
    #[values(1, 97, 1 << 20)] size: usize,
) {
    let body = |length: usize| format!("{before}{}{after}", "x".repeat(length)).into_bytes();
    scan(&body(LARGEST_HEAD - 2), size).unwrap();
    let endless = [before.as_bytes(), &vec![b'x'; 4 * LARGEST_HEAD]].concat();
    for body in [body(LARGEST_HEAD + 3), endless] {
        assert_eq!(scan(&body, size).unwrap_err().http_status().unwrap().as_u16(), 413);
    }
}

/// Each byte is looked at once, and again at most as often as the pattern is long, however small the chunks.
#[rstest]
#[case::preamble("", "\r\n--b--", LARGEST_HEAD - 2)]
#[case::head("--b\r\n", "\r\n\r\n\r\n--b--", LARGEST_HEAD - 2)]
#[case::content("--b\r\nA\r\n\r\n", "\r\n--b--", 100_000)]
fn the_work_is_linear(
    #[case] before: &str,
    #[case] after: &str,
    #[case] length: usize,
    #[values(1, 7, 1000)] size: usize,
) {
    for filling in ["x", "\r\n--b \r", "\r\n--", "\r\r\n"] {
        let body = format!("{before}{}{after}", filling.repeat(length / filling.len()));
        let (_, looked_at) = scan(body.as_bytes(), size).unwrap();
        assert!(looked_at <= 8 * body.len(), "{filling:?}: {looked_at} of {}", body.len());
    }
}
