//! Frames of HTTP/2, made by hand.

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

/// The end of a stream, of DATA and HEADERS.
pub(crate) const END_STREAM: u8 = 1;

/// The answer to SETTINGS and PING.
pub(crate) const ACK: u8 = 1;

pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const PADDED: u8 = 8;

/// The bytes with which a client begins.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The head of a GET for `/`, and of a POST, compressed.
pub(crate) const GET: &[u8] = b"\x82\x86\x84\x41\x09localhost";
pub(crate) const POST: &[u8] = b"\x83\x86\x84\x41\x09localhost";

/// Builds a frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A frame that was received.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// Reads the next frame; `None` at the end of the connection, or if none arrives in time.
    pub(crate) fn read(from: &mut impl std::io::Read) -> Option<Self> {
        let mut head = [0; 9];
        from.read_exact(&mut head).ok()?;
        let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
        let mut payload = vec![0; number(&head[..3]) as usize];
        from.read_exact(&mut payload).ok()?;
        Some(Self { kind: head[3], flags: head[4], stream: number(&head[5..]), payload })
    }

    /// The error code of a GOAWAY or `RST_STREAM` frame.
    pub(crate) fn error_code(&self) -> Option<u32> {
        let at = match self.kind {
            RST_STREAM => 0,
            GOAWAY => 4,
            _ => return None,
        };
        Some(u32::from_be_bytes(self.payload.get(at..at + 4)?.try_into().ok()?))
    }
}
