//! The responses that the library for HTTP/2 makes by itself: a 431 to a head that is too large, of which it tells no service.

use std::collections::BTreeSet;
use std::net::SocketAddr;

/// The length of a frame's head.
const HEAD: usize = 9;

/// The bytes of a payload that are looked at: more than the library's own response has.
const LOOKED_AT: usize = 16;

/// The most streams whose begun responses are remembered. A client may have fewer at a time, but those that it resets are not
/// seen to end.
const MOST_OPEN: usize = 1_024;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const END_STREAM: u8 = 1;

/// Follows the frames that the server writes on one connection, and logs the library's own responses.
#[derive(Debug)]
pub(super) struct Http2Answers {
    peer: Option<SocketAddr>,
    /// Whether this is HTTP/2; `None` before anything was written.
    is_http2: Option<bool>,
    /// The beginning of the current frame, as far as it is looked at.
    begun: Vec<u8>,
    /// The rest of the frame before, which is still to come.
    skipped: usize,
    /// The streams whose responses have begun and not ended.
    open: BTreeSet<u32>,
}

impl Http2Answers {
    pub(super) fn to(peer: Option<SocketAddr>) -> Self {
        let (is_http2, begun, skipped, open) = Default::default();
        Self { peer, is_http2, begun, skipped, open }
    }

    /// Looks at bytes that were written.
    pub(super) fn written(&mut self, bytes: &[u8]) {
        // The first frame of HTTP/2 is no longer than 64 KiB, and therefore begins with a zero.
        let Some(first) = bytes.first() else { return };
        if *self.is_http2.get_or_insert(*first == 0) {
            for _ in 0..self.refusals_in(bytes) {
                let peer = self.peer.map(|peer| peer.to_string()).unwrap_or_default();
                tracing::info!(status = 431, peer, "431 for a request whose head is too large for this server");
            }
        }
    }

    /// Follows the frames, and returns how many of them are the library's own responses.
    fn refusals_in(&mut self, mut bytes: &[u8]) -> usize {
        let mut refusals = 0;
        while !bytes.is_empty() {
            let is_skipped = self.skipped > 0;
            let wanted = if is_skipped { self.skipped } else { self.looked_at() - self.begun.len() };
            let (part, rest) = bytes.split_at(wanted.min(bytes.len()));
            bytes = rest;
            if is_skipped {
                self.skipped -= part.len();
                continue;
            }
            self.begun.extend_from_slice(part);
            if self.begun.len() == self.looked_at() {
                refusals += usize::from(self.is_refusal());
                self.skipped = HEAD + self.length() - self.begun.len();
                self.begun.clear();
            }
        }
        refusals
    }

    /// The number of the current frame's bytes that are looked at, as far as it is known.
    fn looked_at(&self) -> usize {
        if self.begun.len() < HEAD { HEAD } else { HEAD + self.length().min(LOOKED_AT) }
    }

    /// The length of the current frame's payload.
    fn length(&self) -> usize {
        number(&self.begun[..3]) as usize
    }

    /// Whether the current frame is the whole of a response that has no field but the status. Those of services have a date,
    /// and trailers come on a stream whose response has begun.
    fn is_refusal(&mut self) -> bool {
        let (kind, ends, stream) = (self.begun[3], self.begun[4] & END_STREAM != 0, number(&self.begun[5..HEAD]));
        let was_open = self.open.contains(&stream);
        if kind == HEADERS && !ends {
            self.begin(stream);
        } else if kind == RST_STREAM || (ends && matches!(kind, HEADERS | DATA)) {
            self.open.remove(&stream);
        }
        kind == HEADERS && ends && !was_open && is_status_431(&self.begun[HEAD..], self.length())
    }

    fn begin(&mut self, stream: u32) {
        self.open.insert(stream);
        if self.open.len() > MOST_OPEN {
            self.open.pop_first();
        }
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// Whether a field block is the status 431 alone, as HPACK writes it: in full, or by its place in the table of fields that were
/// sent before.
fn is_status_431(block: &[u8], length: usize) -> bool {
    let is_whole = block.len() == length;
    is_whole
        && matches!(without_table_sizes(block), [0x48 | 0x08, 0x83, 0x69, 0x90, 0xff] | [0xbe..=0xfe] | [0xff, ..=0x7f])
}

/// Leaves out what a block may begin with: sizes of the table.
fn without_table_sizes(mut block: &[u8]) -> &[u8] {
    while let [first @ 0x20..=0x3f, rest @ ..] = block {
        // A number that does not fit the first byte goes on to the first one below 128.
        let more = if *first == 0x3f { rest.iter().take_while(|byte| **byte > 0x7f).count() + 1 } else { 0 };
        block = rest.get(more..).unwrap_or_default();
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    const IN_FULL: &[u8] = &[0x48, 0x83, 0x69, 0x90, 0xff];

    fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap_or(u8::MAX);
        [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
    }

    #[test]
    fn a_response_with_a_status_alone_is_the_library_s_own() {
        let frames = [
            frame(4, 0, 0, &[0; 6]),
            // A response of a service, with a date, and another with a body and a single trailer.
            frame(HEADERS, 5, 1, &[0x88, 0xbe]),
            frame(HEADERS, 4, 3, &[0x88, 0xbe]),
            frame(DATA, 0, 3, &[b'x'; 200]),
            frame(HEADERS, 5, 3, &[0xbf]),
            frame(HEADERS, 5, 5, IN_FULL),
            frame(HEADERS, 5, 7, &[0xbe]),
            frame(HEADERS, 5, 9, &[0x3f, 0xe1, 0x1f, 0xff, 0x01]),
            frame(HEADERS, 5, 11, &[0x20, 0x08, 0x83, 0x69, 0x90, 0xff]),
            frame(RST_STREAM, 0, 11, &[0, 0, 0, 1]),
            // 200, and another status in full.
            frame(HEADERS, 5, 13, &[0x88]),
            frame(HEADERS, 5, 15, &[0x48, 0x82, 0x64, 0x02]),
        ]
        .concat();
        for size in [1, 2, 5, 9, 10, 300, frames.len()] {
            let mut answers = Http2Answers::to(None);
            let refusals: usize = frames.chunks(size).map(|part| answers.refusals_in(part)).sum();
            assert_eq!((refusals, answers.open.len()), (4, 0), "in pieces of {size}");
        }
    }

    #[test]
    fn what_is_remembered_has_a_limit() {
        let mut answers = Http2Answers::to(None);
        for stream in 0..3_000_u32 {
            let [.., high, low] = stream.to_be_bytes();
            answers.refusals_in(&[0, 0, 1, HEADERS, 4, 0, 0, high, low, 0x88]);
        }
        assert_eq!(answers.open.len(), MOST_OPEN);
    }
}
