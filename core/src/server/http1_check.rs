//! A strict reading of HTTP/1.1 as it arrives: what hyper lets through, and other servers on the way may read differently.

use memchr::memchr;

/// The check of one connection's bytes. It follows heads and bodies line by line, and reads nothing of a body but the
/// lines of its chunks.
#[derive(Debug)]
pub(super) struct Http1Check {
    expects: Part,
    framing: Framing,
    /// The beginning of a line whose end has not arrived.
    begun: Vec<u8>,
    /// Whether the client has asked for another protocol, which a response may agree to.
    may_upgrade: bool,
    /// The number of requests that have arrived whole.
    whole_requests: usize,
    followed: usize,
}

/// The part of a connection that comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    RequestLine,
    Fields,
    /// So many bytes of a body.
    Body(u64),
    ChunkSize,
    /// So many bytes of a chunk, with the end of its line.
    Chunk(u64),
    Trailers,
    /// Another protocol.
    Unchecked,
    /// The bytes that follow a fault.
    Refused,
}

/// The facts that the head so far gives about its request.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each notes one header that was there")]
struct Framing {
    length: Option<u64>,
    is_chunked: bool,
    has_content_type: bool,
    is_upgrade: bool,
}

/// The findings of the check in the bytes that arrived.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    /// A fault in a head. The end of its line was overwritten, so that the parser refuses the head with a 400.
    BadHead(&'static str),
    /// A fault in a body, of which so many of the bytes may be read.
    BadBody(usize, &'static str),
}

impl Default for Http1Check {
    fn default() -> Self {
        let (framing, begun, whole_requests, followed) = Default::default();
        Self { expects: Part::RequestLine, framing, begun, may_upgrade: false, whole_requests, followed }
    }
}

impl Http1Check {
    /// Looks at bytes that have arrived.
    pub(super) fn received(&mut self, bytes: &mut [u8]) -> Found {
        let mut at = 0;
        while at < bytes.len() {
            match self.expects {
                Part::Unchecked | Part::Refused => return Found::Nothing,
                Part::Body(left) => {
                    at += self.skip(left, bytes.len() - at, Part::Body, Part::RequestLine);
                    if self.expects == Part::RequestLine {
                        self.request_ended();
                    }
                }
                Part::Chunk(left) => at += self.skip(left, bytes.len() - at, Part::Chunk, Part::ChunkSize),
                _ => {
                    if self.expects == Part::RequestLine {
                        self.followed = self.whole_requests;
                    }
                    let Some(length) = memchr(b'\n', &bytes[at..]) else {
                        self.begun.extend_from_slice(&bytes[at..]);
                        return Found::Nothing;
                    };
                    let end = at + length;
                    if let Err(fault) = self.line(&bytes[at..end]) {
                        return self.refuse(fault, &mut bytes[end], at);
                    }
                    at = end + 1;
                }
            }
        }
        Found::Nothing
    }

    /// Notes bytes that are written: a response that agrees to another protocol ends the check. Only the head of the response
    /// counts, after others that announce it, because its body may say anything.
    pub(super) fn sent(&mut self, bytes: &[u8]) {
        if !self.may_upgrade {
            return;
        }
        if bytes.starts_with(b"HTTP/1.1 101") {
            self.expects = Part::Unchecked;
        }
        self.may_upgrade = bytes.starts_with(b"HTTP/1.1 1");
    }

    /// The number of the last request, counted from 1, behind which more bytes have arrived.
    pub(super) fn followed(&self) -> usize {
        self.followed
    }

    /// Whether more bytes of a request may arrive: the rest of its body, or what follows a fault.
    pub(super) fn is_inside_request(&self) -> bool {
        !matches!(self.expects, Part::RequestLine | Part::Unchecked) || !self.begun.is_empty()
    }

    fn skip(&mut self, left: u64, arrived: usize, part: fn(u64) -> Part, next: Part) -> usize {
        let skipped = usize::try_from(left).map_or(arrived, |left| left.min(arrived));
        let left = left - skipped as u64;
        self.expects = if left == 0 { next } else { part(left) };
        skipped
    }

    fn line(&mut self, rest: &[u8]) -> Result<(), &'static str> {
        if self.begun.is_empty() {
            return self.whole_line(rest);
        }
        let mut line = std::mem::take(&mut self.begun);
        line.extend_from_slice(rest);
        self.whole_line(&line)
    }

    fn whole_line(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let line = line.strip_suffix(b"\r").ok_or("a line ends without a carriage return")?;
        match self.expects {
            // Empty lines before a request are ignored; RFC 9112, 2.2.
            Part::RequestLine if line.is_empty() => {}
            Part::RequestLine if line == b"PRI * HTTP/2.0" => self.expects = Part::Unchecked,
            Part::RequestLine => {
                check_target(line)?;
                (self.framing, self.expects) = (Framing::default(), Part::Fields);
            }
            Part::Fields if line.is_empty() => self.head_ended(),
            Part::Fields => self.framing.field(line)?,
            Part::ChunkSize => match chunk_size(line)? {
                0 => self.expects = Part::Trailers,
                size => self.expects = Part::Chunk(size.checked_add(2).ok_or("a chunk is too long")?),
            },
            Part::Trailers if line.is_empty() => self.request_ended(),
            _ => {}
        }
        Ok(())
    }

    fn request_ended(&mut self) {
        self.expects = Part::RequestLine;
        self.whole_requests += 1;
    }

    fn head_ended(&mut self) {
        self.may_upgrade = self.framing.is_upgrade;
        match self.framing.length {
            _ if self.framing.is_chunked => self.expects = Part::ChunkSize,
            Some(length) if length > 0 => self.expects = Part::Body(length),
            _ => self.request_ended(),
        }
    }

    fn refuse(&mut self, fault: &'static str, line_end: &mut u8, good: usize) -> Found {
        let is_body = matches!(self.expects, Part::ChunkSize | Part::Trailers);
        self.expects = Part::Refused;
        if is_body {
            return Found::BadBody(good, fault);
        }
        *line_end = 0;
        Found::BadHead(fault)
    }
}

impl Framing {
    /// Notes a header that decides where the request ends, or that has to be the only one of its name.
    fn field(&mut self, line: &[u8]) -> Result<(), &'static str> {
        // The first letter decides, because most headers are others.
        if !matches!(line[0] | 0x20, b'c' | b't' | b'u') {
            return Ok(());
        }
        let Some(colon) = memchr(b':', line) else { return Ok(()) };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        match name.len() {
            7 if is_name(name, b"upgrade") => self.is_upgrade = true,
            12 if is_name(name, b"content-type") => only_once(&mut self.has_content_type, "two content types")?,
            14 if is_name(name, b"content-length") => self.content_length(name, value)?,
            17 if is_name(name, b"transfer-encoding") => self.transfer_encoding(name, value)?,
            _ => {}
        }
        if self.is_chunked && self.length.is_some() {
            return Err("both a length and a transfer coding");
        }
        Ok(())
    }

    fn content_length(&mut self, name: &[u8], value: &[u8]) -> Result<(), &'static str> {
        let is_number = value.iter().all(u8::is_ascii_digit) && (value == b"0" || !value.starts_with(b"0"));
        let number = str::from_utf8(value).ok().filter(|_| is_number).and_then(|digits| digits.parse().ok());
        if name.contains(&b'_') || number.is_none() || self.length.is_some() {
            return Err("a length that is not one plain number");
        }
        self.length = number;
        Ok(())
    }

    fn transfer_encoding(&mut self, name: &[u8], value: &[u8]) -> Result<(), &'static str> {
        if name.contains(&b'_') || !value.eq_ignore_ascii_case(b"chunked") {
            return Err("a transfer coding that is not `chunked`");
        }
        only_once(&mut self.is_chunked, "two transfer codings")
    }
}

fn only_once(seen: &mut bool, fault: &'static str) -> Result<(), &'static str> {
    if std::mem::replace(seen, true) { Err(fault) } else { Ok(()) }
}

/// Whether `name` is `expected`, in any case. Underscores count as hyphens, because servers behind CGI read them so.
fn is_name(name: &[u8], expected: &[u8]) -> bool {
    let pairs = name.iter().zip(expected);
    pairs.into_iter().all(|(&byte, &letter)| byte.eq_ignore_ascii_case(&letter) || (byte == b'_' && letter == b'-'))
}

/// Checks the target of a request line for what RFC 3986 allows in no URI and servers read differently.
fn check_target(line: &[u8]) -> Result<(), &'static str> {
    // Of a line that is all ASCII and has none of these, the rest is hyper's business.
    let is_odd = |&byte: &u8| byte >= 0x80 || byte == b'#' || byte == b'\\';
    if !line.iter().fold(false, |odd, byte| odd | is_odd(byte)) {
        return Ok(());
    }
    let path = line.split(|&byte| byte == b'?').next().unwrap_or_default();
    match line {
        // Browsers send a backslash in a query as it is.
        _ if path.contains(&b'\\') => Err("a backslash in the path"),
        _ if line.contains(&b'#') => Err("a fragment in the target"),
        _ if !line.is_ascii() => Err("a target that is not ASCII"),
        _ => Ok(()),
    }
}

/// Reads a chunk's size and checks its extensions; RFC 9112, 7.1.
fn chunk_size(line: &[u8]) -> Result<u64, &'static str> {
    const FAULT: &str = "a chunk's size is not one hexadecimal number";
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (size, mut rest) = line.split_at(digits);
    let size = str::from_utf8(size).ok().and_then(|size| u64::from_str_radix(size, 16).ok()).ok_or(FAULT)?;
    while !rest.is_empty() {
        rest = extension(rest).ok_or("a chunk's extension is not a name, with or without a value")?;
    }
    Ok(size)
}

/// Returns what follows one extension: `;name`, `;name=value` or `;name="value"`, with spaces around the marks.
fn extension(text: &[u8]) -> Option<&[u8]> {
    let after_name = token(blank(blank(text).strip_prefix(b";")?))?;
    let Some(value) = blank(after_name).strip_prefix(b"=") else { return Some(after_name) };
    match blank(value).strip_prefix(b"\"") {
        Some(quoted) => after_quoted(quoted),
        None => token(blank(value)),
    }
}

fn blank(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    &text[spaces..]
}

/// Returns what follows the token at the beginning; `None` if there is none.
fn token(text: &[u8]) -> Option<&[u8]> {
    let is_token = |byte: &&u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let length = text.iter().take_while(is_token).count();
    (length > 0).then(|| &text[length..])
}

/// Returns what follows the closing quote.
fn after_quoted(mut text: &[u8]) -> Option<&[u8]> {
    loop {
        text = match text {
            [b'"', rest @ ..] => return Some(rest),
            [b'\\', b'\t' | b' '..=b'~' | 0x80.., rest @ ..] | [b'\t' | b' '..=b'~' | 0x80.., rest @ ..] => rest,
            _ => return None,
        };
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const GOOD: &[u8] = b"\r\nGET /?a=\\ HTTP/1.1\r\nHost: a\r\nUpgrade-X: 1\r\n\r\n\
        POST / HTTP/1.1\r\nContent-Length:\t12 \r\nTE: x\r\n\r\n\n \n#\xff: bad\n.\
        PUT / HTTP/1.1\r\ntransfer-encoding: Chunked\r\n\r\n\
        5;a;b = \"c\\\"\\\\;\" ; d=e\r\n\n\n\r\n\0\r\n00A\r\n0123456789\r\n0\r\nX: 1\r\n\r\nGET / HTTP/1.1\r\n\r\n";

    /// Bytes may arrive in any pieces, and the check finds the same.
    #[test]
    fn good_requests_pass_in_any_pieces() {
        for size in 1..GOOD.len() {
            let mut check = Http1Check::default();
            let mut bytes = GOOD.to_vec();
            for piece in bytes.chunks_mut(size) {
                assert_eq!(check.received(piece), Found::Nothing, "{size}");
            }
            assert_eq!(bytes, GOOD);
            assert!(!check.is_inside_request());
        }
    }

    /// Only a response that agrees to another protocol ends the check, and only by its head.
    #[test]
    fn no_body_ends_the_check() {
        let mut ask = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\n".to_vec();
        for (written, is_checked) in [
            (&["HTTP/1.1 200 OK", "HTTP/1.1 101"][..], true),
            (&["HTTP/1.1 100 Continue", "HTTP/1.1 103", "HTTP/1.1 200 OK", "HTTP/1.1 101"], true),
            (&["HTTP/1.1 101"], false),
            (&["HTTP/1.1 103", "HTTP/1.1 101"], false),
        ] {
            let mut check = Http1Check::default();
            check.received(&mut ask);
            for bytes in written {
                check.sent(bytes.as_bytes());
            }
            assert_eq!(matches!(check.received(&mut b"\n".to_vec()), Found::BadHead(_)), is_checked, "{written:?}");
        }
    }

    /// The number of the last request that has bytes behind it, in whatever pieces they arrive.
    #[test]
    fn bytes_behind_a_request_are_noticed_in_any_pieces() {
        const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        const POST: &str = "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab";
        const CHUNKS: &str = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";
        for whole in [GET, POST, CHUNKS] {
            for (bytes, followed) in [
                (whole.to_owned(), 0),
                (format!("{whole}\r\n"), 1),
                (format!("{whole}G"), 1),
                (format!("{whole}{GET}"), 1),
                (format!("{whole}{GET}{POST}\r"), 3),
            ] {
                for size in 1..=bytes.len() {
                    let mut check = Http1Check::default();
                    for piece in bytes.clone().into_bytes().chunks_mut(size) {
                        check.received(piece);
                    }
                    assert_eq!(check.followed(), followed, "{bytes:?} in pieces of {size}");
                }
            }
        }
    }

    #[test]
    fn a_bad_head_is_spoilt_in_any_pieces() {
        for bad in [
            "GET / HTTP/1.1\n",
            "\n",
            "GET /#a HTTP/1.1\r\n",
            "GET /a\\b HTTP/1.1\r\n",
            "GET /\u{e9} HTTP/1.1\r\n",
            "GET / HTTP/1.1\r\nHost: a\nX: 1\r\n",
            "GET / HTTP/1.1\r\n\n",
            "POST / HTTP/1.1\r\nContent_Length: 1\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 01\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n",
            "POST / HTTP/1.1\r\nTransfer_Encoding: chunked\r\n",
            "POST / HTTP/1.1\r\nContent-Type: a\r\nContent-Type: a\r\n",
        ] {
            for size in 1..=bad.len() {
                let (mut check, mut bytes) = (Http1Check::default(), bad.as_bytes().to_vec());
                let found: Vec<_> = bytes.chunks_mut(size).map(|piece| check.received(piece)).collect();
                assert!(found.iter().any(|found| matches!(found, Found::BadHead(_))), "{bad:?} {size}");
                assert!(bytes.contains(&0), "{bad:?}");
            }
        }
    }

    #[test]
    fn a_bad_chunk_ends_the_body() {
        for bad in [
            "5;",
            "5; ",
            "5 ",
            " 5",
            "5;a=",
            "5;a=\"b",
            "5;a=\"b\"c",
            "5;a[=b",
            "5;;a",
            "5;a\0",
            "5;a\rb",
            "",
            "+5",
            "0x5",
            "1_0",
            "g",
            "10000000000000000",
            "ffffffffffffffff",
        ] {
            let mut check = Http1Check::default();
            let mut bytes = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n".to_vec();
            let good = bytes.len();
            bytes.extend([bad.as_bytes(), b"\r\nhello"].concat());
            assert!(matches!(check.received(&mut bytes), Found::BadBody(length, _) if length == good), "{bad:?}");
            assert!(check.is_inside_request());
        }
    }

    #[test]
    fn another_protocol_is_not_checked() {
        let mut check = Http1Check::default();
        assert_eq!(check.received(&mut b"GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n".to_owned()), Found::Nothing);
        check.sent(b"HTTP/1.1 101 Switching Protocols\r\n");
        assert_eq!(check.received(&mut b"\n\n".to_owned()), Found::Nothing);
        assert!(!check.is_inside_request());
        let mut http2 = Http1Check::default();
        assert_eq!(http2.received(&mut b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\n".to_owned()), Found::Nothing);
    }
}
