//! The extension permessage-deflate (RFC 7692): what server and client agree on, and the messages the server sends.

use std::io;

use flate2::{Compress, Compression, FlushCompress, Status};
use http::HeaderMap;
use http::header::{self, HeaderValue};

use super::listed;

/// The end of a flushed deflate stream, which a message leaves out.
pub(super) const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The largest message that goes uncompressed, because it would hardly become smaller. In bytes.
const SMALL: usize = 15;

/// The room that is kept for what deflate adds, in bytes.
const ROOM: usize = 64;

/// The number of bytes that are compressed at a time, so that a long message does not hold up the event loop.
const PIECE: usize = 64 << 10;

/// The largest window, as a power of two.
const WINDOW_BITS: u8 = 15;

/// The parameters of permessage-deflate on which a server and its client have agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Agreement {
    /// The window of the server's messages; `None` if the client did not ask for a smaller one.
    server_bits: Option<u8>,
    /// Whether a message of the server refers to those before it.
    pub(super) server_keeps: bool,
    /// Whether a message of the client refers to those before it.
    pub(super) client_keeps: bool,
}

impl Agreement {
    /// Accepts the first offer of the client that the server can meet; `None` if there is none. If `keeps_context`,
    /// messages may refer to those before them, unless the client does not want it.
    pub(super) fn negotiate(headers: &HeaderMap, keeps_context: bool) -> Option<Self> {
        let offers = listed(headers, &header::SEC_WEBSOCKET_EXTENSIONS);
        offers.iter().find_map(|offer| Self::accept(offer, keeps_context))
    }

    fn accept(offer: &str, keeps_context: bool) -> Option<Self> {
        let mut parts = offer.split(';').map(str::trim);
        parts.next().filter(|name| name.eq_ignore_ascii_case("permessage-deflate"))?;
        let mut agreed = Self { server_bits: None, server_keeps: keeps_context, client_keeps: keeps_context };
        let mut seen = Vec::new();
        for part in parts {
            let (name, value) = part.split_once('=').map_or((part, None), |(name, value)| (name, Some(value)));
            let (name, value) = (name.trim().to_ascii_lowercase(), value.map(|value| value.trim().trim_matches('"')));
            match (&*name, value) {
                ("server_no_context_takeover", None) => agreed.server_keeps = false,
                ("client_no_context_takeover", None) => agreed.client_keeps = false,
                // A raw deflate stream cannot be made with a window of 256 bytes, so that offer is declined.
                ("server_max_window_bits", Some(bits)) => {
                    agreed.server_bits = Some(window_bits(bits).filter(|bits| *bits > 8)?);
                }
                // The server reads messages of any window.
                ("client_max_window_bits", None) => {}
                ("client_max_window_bits", Some(bits)) => drop(window_bits(bits)?),
                _ => return None,
            }
            if seen.contains(&name) {
                return None;
            }
            seen.push(name);
        }
        Some(agreed)
    }

    /// The header of the response.
    pub(super) fn header(self) -> HeaderValue {
        let mut text = "permessage-deflate".to_owned();
        if !self.server_keeps {
            text += "; server_no_context_takeover";
        }
        if !self.client_keeps {
            text += "; client_no_context_takeover";
        }
        if let Some(bits) = self.server_bits {
            text.extend(["; server_max_window_bits=", &bits.to_string()]);
        }
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("permessage-deflate"))
    }
}

/// Parses a window as RFC 7692 7.1.2 writes it: 8 to 15, without zeros in front.
fn window_bits(text: &str) -> Option<u8> {
    let bits = text.parse().ok().filter(|bits| (8..=WINDOW_BITS).contains(bits))?;
    (bits.to_string() == text).then_some(bits)
}

/// The compressor of the messages that the server sends.
pub(super) struct Deflater {
    agreed: Agreement,
    /// Kept from message to message only if they refer to each other, because it takes some 300 kB.
    compress: Option<Compress>,
}

impl Deflater {
    pub(super) fn new(agreed: Agreement) -> Self {
        Self { agreed, compress: None }
    }

    /// Returns the message compressed; `None` if it is too small to gain by it.
    ///
    /// # Errors
    /// No message causes one.
    pub(super) async fn deflate(&mut self, message: &[u8]) -> io::Result<Option<Vec<u8>>> {
        if message.len() <= SMALL {
            return Ok(None);
        }
        let bits = self.agreed.server_bits.unwrap_or(WINDOW_BITS);
        let mut compress =
            self.compress.take().unwrap_or_else(|| Compress::new_with_window_bits(Compression::new(3), false, bits));
        let mut deflated = Vec::with_capacity(message.len() / 4 + ROOM);
        for piece in message.chunks(PIECE) {
            deflate_piece(&mut compress, piece, FlushCompress::None, &mut deflated)?;
            if piece.len() == PIECE {
                tokio::task::yield_now().await;
            }
        }
        deflate_piece(&mut compress, &[], FlushCompress::Sync, &mut deflated)?;
        deflated.truncate(deflated.len() - TAIL.len());
        self.compress = self.agreed.server_keeps.then_some(compress);
        Ok(Some(deflated))
    }
}

fn deflate_piece(compress: &mut Compress, mut piece: &[u8], flush: FlushCompress, out: &mut Vec<u8>) -> io::Result<()> {
    loop {
        out.reserve(PIECE.min(piece.len()) + ROOM);
        let before = compress.total_in();
        let status = compress.compress_vec(piece, out, flush)?;
        let taken = usize::try_from(compress.total_in() - before).unwrap_or(piece.len());
        piece = &piece[taken..];
        // With room left over, all that was to come out has come out.
        if piece.is_empty() && (out.len() < out.capacity() || status == Status::BufError) {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const NONE: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

    #[rstest]
    #[case::plain(&["permessage-deflate"], Some("permessage-deflate"), Some(NONE))]
    #[case::upper_case(&["PerMessage-Deflate"], Some("permessage-deflate"), Some(NONE))]
    #[case::of_a_browser(&["permessage-deflate; client_max_window_bits"], Some("permessage-deflate"), Some(NONE))]
    #[case::client_window(&["permessage-deflate;client_max_window_bits=8"], Some("permessage-deflate"), Some(NONE))]
    #[case::no_contexts(&[NONE], Some(NONE), Some(NONE))]
    #[case::window(
        &["permessage-deflate; server_max_window_bits = \"10\""],
        Some("permessage-deflate; server_max_window_bits=10"),
        Some("permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10")
    )]
    #[case::second_offer(
        &["permessage-deflate; server_max_window_bits=8, permessage-deflate; client_no_context_takeover"],
        Some("permessage-deflate; client_no_context_takeover"),
        Some(NONE)
    )]
    #[case::second_line(&["x-webkit-deflate-frame", "permessage-deflate"], Some("permessage-deflate"), Some(NONE))]
    #[case::window_too_small(&["permessage-deflate; server_max_window_bits=8"], None, None)]
    #[case::window_too_large(&["permessage-deflate; server_max_window_bits=16"], None, None)]
    #[case::client_window_too_large(&["permessage-deflate; client_max_window_bits=16"], None, None)]
    #[case::zero_in_front(&["permessage-deflate; server_max_window_bits=010"], None, None)]
    #[case::sign_in_front(&["permessage-deflate; server_max_window_bits=+10"], None, None)]
    #[case::no_window(&["permessage-deflate; server_max_window_bits"], None, None)]
    #[case::value(&["permessage-deflate; server_no_context_takeover=1"], None, None)]
    #[case::twice(&["permessage-deflate; client_max_window_bits; client_max_window_bits"], None, None)]
    #[case::unknown(&["permessage-deflate; level=9"], None, None)]
    #[case::empty(&["permessage-deflate;"], None, None)]
    #[case::other(&["permessage-bzip2"], None, None)]
    #[case::nothing(&[], None, None)]
    fn the_first_offer_that_can_be_met_is_accepted(
        #[case] lines: &[&'static str],
        #[case] keeping: Option<&str>,
        #[case] not_keeping: Option<&str>,
    ) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(line));
        }
        for (keeps_context, expected) in [(true, keeping), (false, not_keeping)] {
            let agreed = Agreement::negotiate(&headers, keeps_context).map(Agreement::header);
            assert_eq!(agreed.as_ref().map(|header| header.to_str().unwrap_or_default()), expected);
        }
    }
}
