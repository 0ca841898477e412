//! The formats: their names, and what compresses bytes to them.

use std::io;

use async_compression::Level;
use async_compression::brotli::EncoderParams;
use async_compression::codecs::{BrotliEncoder, EncodeV2, GzipEncoder, ZlibEncoder, ZstdEncoder};
use async_compression::core::util::{PartialBuffer, WriteBuffer};
use async_compression::zstd::CParameter;
use costrel::{Bytes, Error, Waiting};
use serde::Deserialize;

/// The longest piece, in bytes, that is compressed or hashed on the event loop.
pub(crate) const IN_PLACE: usize = 8 * 1024;

/// The highest levels at which such a piece takes well under a millisecond.
const FAST_BR: i32 = 6;
const FAST_ZSTD: i32 = 9;

/// The room, in bytes, that a step of a format gets for its output.
const STEP: usize = 8 * 1024;

/// A format.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    Zstd,
    Br,
    Gzip,
    Deflate,
}

/// How hard each format tries.
#[derive(Clone, Debug)]
pub(crate) struct Levels {
    pub(crate) gzip: i32,
    pub(crate) deflate: i32,
    pub(crate) zstd: i32,
    pub(crate) br: i32,
    /// The other parameters of br, with its level.
    pub(crate) br_params: EncoderParams,
}

impl Format {
    /// The name in `Content-Encoding`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Br => "br",
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        }
    }

    /// The longest piece, in bytes, that is compressed on the event loop: at a slow level, none.
    pub(crate) fn in_place(self, levels: &Levels) -> usize {
        let is_slow = match self {
            Self::Zstd => levels.zstd > FAST_ZSTD,
            Self::Br => levels.br > FAST_BR,
            Self::Gzip | Self::Deflate => false,
        };
        if is_slow { 0 } else { IN_PLACE }
    }

    /// Returns the encoder of a body, whose length in bytes is `length` if that is known.
    pub(crate) fn encoder(self, levels: &Levels, length: Option<u64>) -> Encoder {
        // Python's -1 is the default.
        let level = |number| if number < 0 { Level::Default } else { Level::Precise(number) };
        Encoder(match self {
            Self::Zstd => Box::new(zstd(levels.zstd, length)),
            // It takes the length of its first piece for that of the body.
            Self::Br => Box::new(BrotliEncoder::new(levels.br_params.clone())),
            Self::Gzip => Box::new(GzipEncoder::new(level(levels.gzip).into())),
            // What HTTP calls deflate is zlib's format (RFC 9110, section 8.4.1.2).
            Self::Deflate => Box::new(ZlibEncoder::new(level(levels.deflate).into())),
        })
    }
}

/// The binary logarithm of the longest distance at which browsers look back: 8 MiB (RFC 9659, 3). Levels above 19 have longer ones.
const LONGEST_WINDOW: u32 = 23;

/// The binary logarithm of the distance at which every level looks back.
const SHORTEST_WINDOW: u32 = 19;

fn zstd(level: i32, length: Option<u64>) -> ZstdEncoder {
    let needed = length.map(|length| length.next_power_of_two().ilog2().max(10));
    let window = match needed {
        // A short page needs no room for a long one: at level 19 that would be 80 MiB to clear.
        Some(window) if window < SHORTEST_WINDOW => Some(window),
        _ => (level > 19).then_some(LONGEST_WINDOW),
    };
    ZstdEncoder::new_with_params(level, window.map(CParameter::window_log).as_slice())
}

/// A body on its way through a format.
pub(crate) struct Encoder(Box<dyn EncodeV2 + Send>);

impl Encoder {
    /// Compresses a whole body.
    ///
    /// # Errors
    /// Those of the format.
    pub(crate) fn whole(mut self, body: &[u8]) -> Result<Bytes, Error> {
        let mut output = Vec::with_capacity(body.len() / 3 + STEP);
        self.write(body, &mut output)?;
        while !step(&mut output, |room| self.0.finish(room))? {}
        Ok(output.into())
    }

    /// Compresses one chunk, so that its reader gets all of it at once; `None` is the end.
    ///
    /// # Errors
    /// Those of the format.
    pub(crate) fn chunk(&mut self, chunk: Option<&[u8]>) -> Result<Bytes, Error> {
        let mut output = Vec::new();
        self.write(chunk.unwrap_or_default(), &mut output)?;
        while !step(&mut output, |room| if chunk.is_some() { self.0.flush(room) } else { self.0.finish(room) })? {}
        Ok(output.into())
    }

    fn write(&mut self, input: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
        let mut input = PartialBuffer::new(input);
        while !input.unwritten().is_empty() {
            step(output, |room| self.0.encode(&mut input, room))?;
        }
        Ok(())
    }
}

/// Lets a format write to the end of `output`.
fn step<T>(output: &mut Vec<u8>, write: impl FnOnce(&mut WriteBuffer<'_>) -> io::Result<T>) -> io::Result<T> {
    let begin = output.len();
    output.resize(begin + STEP, 0);
    let mut room = WriteBuffer::new_initialized(&mut output[begin..]);
    let outcome = write(&mut room);
    let written = room.written_len();
    output.truncate(begin + written);
    outcome
}

/// Runs `f` on a page: on a worker, if the page is longer than `in_place`.
pub(crate) async fn off_loop<T: Send + 'static>(
    page: Bytes,
    in_place: usize,
    f: impl FnOnce(&[u8]) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    if page.len() <= in_place { f(&page) } else { Waiting::from_sync(move || f(&page)).await }
}
