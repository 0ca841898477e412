//! Compressed messages, on the wire: permessage-deflate of RFC 7692.

use std::io::{Read, Write};
use std::net::TcpStream;

use costrel::{App, Error, websocket};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use rstest::rstest;

use crate::support::server::Server;

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const FINAL: u8 = 0x80;
const COMPRESSED: u8 = 0x40;
const MASK: [u8; 4] = [1, 2, 3, 4];

fn app() -> App {
    let mut app = App::new("test");
    app.websocket("/sync", || -> Result<(), Error> {
        loop {
            let message = websocket().receive().wait()?;
            websocket().send(message).wait()?;
        }
    });
    app.websocket("/async", async || -> Result<(), Error> {
        loop {
            let message = websocket().receive().await?;
            websocket().send(message).await?;
        }
    });
    app
}

/// A client that writes and reads single frames.
struct Client {
    stream: TcpStream,
    /// The extensions that the server agreed to.
    extensions: Option<String>,
    compress: Compress,
    decompress: Decompress,
}

impl Client {
    fn connect(server: &Server, path: &str, offer: &str) -> Self {
        let mut stream = server.connect();
        stream.set_nodelay(true).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: {offer}\r\n\r\n"
        )
        .unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        assert!(head.starts_with("http/1.1 101 "), "{head}");
        let extensions =
            head.lines().find_map(|line| line.strip_prefix("sec-websocket-extensions: ")).map(str::to_owned);
        let compress = Compress::new(Compression::best(), false);
        Self { stream, extensions, compress, decompress: Decompress::new(false) }
    }

    /// Sends a frame; `first` is its first byte.
    fn send(&mut self, first: u8, payload: &[u8]) {
        let mut frame = vec![first];
        if let Ok(length) = u16::try_from(payload.len()) {
            frame.push(0xfe);
            frame.extend(length.to_be_bytes());
        } else {
            frame.push(0xff);
            frame.extend(u64::try_from(payload.len()).unwrap().to_be_bytes());
        }
        frame.extend(MASK);
        frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.stream.write_all(&frame).unwrap();
    }

    /// Receives a frame: its first byte, and its payload.
    fn receive(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head).unwrap();
        let mut length = [0; 8];
        let length = match head[1] {
            126 => {
                self.stream.read_exact(&mut length[6..]).unwrap();
                u64::from_be_bytes(length)
            }
            127 => {
                self.stream.read_exact(&mut length).unwrap();
                u64::from_be_bytes(length)
            }
            length => u64::from(length),
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut payload).unwrap();
        (head[0], payload)
    }

    fn deflate(&mut self, message: &[u8]) -> Vec<u8> {
        let mut deflated = Vec::with_capacity(message.len() + 1_000);
        self.compress.compress_vec(message, &mut deflated, FlushCompress::Sync).unwrap();
        // A flush with nothing to flush writes nothing; an empty message is then an empty block.
        deflated.truncate(deflated.len().saturating_sub(4));
        if deflated.is_empty() { vec![0] } else { deflated }
    }

    fn inflate(&mut self, mut deflated: Vec<u8>, length: usize) -> Vec<u8> {
        deflated.extend([0, 0, 0xff, 0xff]);
        let mut message = Vec::with_capacity(length + 100);
        self.decompress.decompress_vec(&deflated, &mut message, FlushDecompress::Sync).unwrap();
        message
    }

    fn close_code(&mut self) -> u16 {
        let (first, payload) = self.receive();
        assert_eq!(first, FINAL | CLOSE);
        u16::from_be_bytes([payload[0], payload[1]])
    }
}

/// Text that repeats itself, near and far.
fn text(length: usize) -> Vec<u8> {
    let mut n = 1_u32;
    let words = std::iter::repeat_with(|| {
        n = n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        format!("word {} ", n >> 22)
    });
    words.flat_map(String::into_bytes).take(length).collect()
}

#[rstest]
fn messages_go_compressed_both_ways(
    #[values("/sync", "/async")] path: &str,
    #[values(0, 1, 15, 16, 1_000, 300_000)] length: usize,
    #[values(TEXT, BINARY)] kind: u8,
    #[values(false, true)] keeps: bool,
) {
    let mut app = app();
    app.config.server.websocket_context_takeover = keeps;
    let server = Server::start(app);
    let mut client = Client::connect(&server, path, "permessage-deflate; client_max_window_bits");
    let without = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    assert_eq!(client.extensions.as_deref(), Some(if keeps { "permessage-deflate" } else { without }));
    let message = text(length);
    let mut sizes = Vec::new();
    for _ in 0..2 {
        let deflated = client.deflate(&message);
        client.send(FINAL | COMPRESSED | kind, &deflated);
        let (first, received) = client.receive();
        sizes.push(received.len());
        let is_compressed = length > 15;
        assert_eq!(first, FINAL | kind | if is_compressed { COMPRESSED } else { 0 });
        assert_eq!(if is_compressed { client.inflate(received, length) } else { received }, message);
        if !keeps {
            client.compress.reset();
            client.decompress.reset(false);
        }
    }
    // A message that is like the one before is small if it may refer to that one, and else as large.
    assert!(if keeps && length == 1_000 { sizes[1] * 4 < sizes[0] } else { sizes[1] <= sizes[0] }, "{sizes:?}");
}

/// A message may come in fragments, cut anywhere, with control frames and uncompressed messages between.
#[rstest]
fn a_compressed_message_may_come_in_fragments(#[values("/sync", "/async")] path: &str) {
    let server = Server::start(app());
    let mut client = Client::connect(&server, path, "permessage-deflate");
    let message = text(200);
    let deflated = client.deflate(&message);
    for cut in 0..=deflated.len() {
        client.send(COMPRESSED | TEXT, &deflated[..cut]);
        client.send(FINAL | PING, b"?");
        assert_eq!(client.receive(), (FINAL | PONG, b"?".to_vec()));
        client.send(0, b"");
        client.send(FINAL, &deflated[cut..]);
        let (first, received) = client.receive();
        assert_eq!(first, FINAL | COMPRESSED | TEXT);
        client.decompress.reset(false);
        assert_eq!(client.inflate(received, message.len()), message);
        client.send(TEXT, b"un");
        client.send(FINAL, b"compressed");
        assert_eq!(client.receive(), (FINAL | TEXT, b"uncompressed".to_vec()));
    }
}

/// The blocks of RFC 7692 7.2.3: fixed, stored, several, and one that says it is the last.
#[rstest]
#[case(&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00])]
#[case(&[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00])]
#[case(&[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00])]
#[case(&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00])]
fn every_form_of_block_is_read(#[case] deflated: &[u8], #[values("/sync", "/async")] path: &str) {
    let server = Server::start(app());
    let mut client = Client::connect(&server, path, "permessage-deflate");
    for _ in 0..2 {
        client.send(FINAL | COMPRESSED | TEXT, deflated);
        assert_eq!(client.receive(), (FINAL | TEXT, b"Hello".to_vec()));
    }
}

/// The server's messages keep to the window that the client can read.
#[rstest]
fn the_window_is_no_larger_than_the_client_asked(
    #[values(9, 10, 12, 15)] bits: u8,
    #[values(true, false)] keeps: bool,
) {
    let mut app = app();
    app.config.server.websocket_context_takeover = keeps;
    let server = Server::start(app);
    let mut client = Client::connect(&server, "/async", &format!("permessage-deflate; server_max_window_bits={bits}"));
    assert!(client.extensions.as_deref().unwrap().ends_with(&format!("; server_max_window_bits={bits}")));
    client.decompress = Decompress::new_with_window_bits(false, bits);
    let message = text(300_000);
    for _ in 0..if keeps { 2 } else { 1 } {
        client.send(FINAL | TEXT, &message);
        let (first, received) = client.receive();
        assert_eq!(first, FINAL | COMPRESSED | TEXT);
        assert!(client.inflate(received, message.len()) == message);
    }
}

/// The limit on messages counts what they become, also in many frames, and what follows is not inflated.
#[rstest]
fn a_message_that_becomes_too_long_is_1009(#[values("/sync", "/async")] path: &str, #[values(1, 1_000)] pieces: usize) {
    let mut app = app();
    app.config.server.websocket_max_message_size = 100_000;
    let server = Server::start(app);
    let mut client = Client::connect(&server, path, "permessage-deflate");
    let deflated = client.deflate(&vec![b'x'; 3_000_000]);
    assert!(deflated.len() < 50_000);
    for (n, piece) in deflated.chunks(deflated.len().div_ceil(pieces)).enumerate() {
        client.send(if n == 0 { COMPRESSED | TEXT } else { 0 }, piece);
    }
    assert_eq!(client.close_code(), 1009);
}

#[rstest]
#[case::no_deflate(&[(FINAL | COMPRESSED | TEXT, &[0xff; 20][..])], 1007)]
#[case::no_utf8(&[(FINAL | COMPRESSED | TEXT, &[0x00, 0x02, 0x00, 0xfd, 0xff, 0xff, 0xff, 0x00][..])], 1007)]
#[case::cut_off(&[(FINAL | COMPRESSED | TEXT, &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48][..])], 1007)]
#[case::control_frame(&[(FINAL | COMPRESSED | PING, &b"?"[..])], 1002)]
#[case::continuation(&[(COMPRESSED | TEXT, &[0xf2][..]), (FINAL | COMPRESSED, &[0x48, 0x05, 0x00][..])], 1002)]
#[case::other_bit(&[(FINAL | 0x20 | TEXT, &b"x"[..])], 1002)]
#[case::both_bits(&[(FINAL | COMPRESSED | 0x20 | TEXT, &[0xf2, 0x48, 0x05, 0x00][..])], 1002)]
#[case::in_the_middle(&[(COMPRESSED | TEXT, &[0xf2][..]), (FINAL | COMPRESSED | TEXT, &[0xf2][..])], 1002)]
#[case::opcode(&[(FINAL | COMPRESSED | 3, &b"x"[..])], 1002)]
fn what_was_not_agreed_closes_the_connection(
    #[case] frames: &[(u8, &[u8])],
    #[case] code: u16,
    #[values("/sync", "/async")] path: &str,
) {
    let server = Server::start(app());
    let mut client = Client::connect(&server, path, "permessage-deflate");
    for (first, payload) in frames {
        client.send(*first, payload);
    }
    assert_eq!(client.close_code(), code);
}

#[rstest]
#[case::switched_off(false, "permessage-deflate")]
#[case::not_offered(true, "permessage-bzip2")]
#[case::not_to_be_met(true, "permessage-deflate; server_max_window_bits=8")]
fn without_agreement_nothing_is_compressed(#[case] switch: bool, #[case] offer: &str) {
    let mut app = app();
    app.config.server.websocket_compression = switch;
    let server = Server::start(app);
    let mut client = Client::connect(&server, "/async", offer);
    assert_eq!(client.extensions, None);
    let message = text(1_000);
    client.send(FINAL | TEXT, &message);
    assert_eq!(client.receive(), (FINAL | TEXT, message));
    client.send(FINAL | COMPRESSED | TEXT, &[0xf2, 0x48, 0x05, 0x00]);
    assert_eq!(client.close_code(), 1002);
}
