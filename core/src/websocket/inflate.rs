//! The byte stream beneath a WebSocket, on which the client's compressed messages become plain ones.

use std::io::{self, Cursor};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, BytesMut};
use flate2::{Decompress, FlushDecompress, Status};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop::poll_proceed;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::deflate::{Agreement, TAIL};

/// The most bytes that are read at a time.
const READ: usize = 8 << 10;

/// The most bytes that are inflated at a time. A message is checked for its size after each such piece, so that a few
/// bytes that become very many do not take their memory.
const PIECE: usize = 16 << 10;

/// A byte stream over any transport.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// The byte stream beneath a WebSocket. If the client's messages may be compressed, they are read as uncompressed ones,
/// in frames of at most `PIECE` bytes; all else is read as it came.
pub(super) struct Transport {
    io: Box<dyn Io>,
    inflater: Option<Box<Inflater>>,
}

impl Transport {
    pub(super) fn new(io: Box<dyn Io>, agreed: Option<Agreement>) -> Self {
        Self { io, inflater: agreed.map(|agreed| Box::new(Inflater::new(agreed.client_keeps))) }
    }

    /// Returns the stream as it is, without inflating anything.
    pub(super) fn raw(&mut self) -> &mut Box<dyn Io> {
        &mut self.io
    }
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Some(inflater) = &mut this.inflater else { return Pin::new(&mut this.io).poll_read(context, buffer) };
        // Counted, because a few bytes from the network may become very many here.
        let turn = ready!(poll_proceed(context));
        loop {
            if inflater.pull(buffer)? {
                turn.made_progress();
                return Poll::Ready(Ok(()));
            }
            let mut chunk = [0; READ];
            let mut read = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut this.io).poll_read(context, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            inflater.push(read.filled());
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(context)
    }
}

/// A filter of a client's frames. It changes compressed messages only; violations of RFC 6455 go on as they came, to the
/// library that knows how to close the connection for them.
struct Inflater {
    /// Whether a message refers to those before it.
    keeps_context: bool,
    input: BytesMut,
    output: BytesMut,
    state: State,
    /// The opcode of the next frame of the compressed message that is arriving; `None` outside of one.
    message: Option<OpCode>,
    decompress: Option<Decompress>,
    /// Compressed bytes, unmasked.
    deflated: BytesMut,
}

enum State {
    /// A frame's header comes next.
    Header,
    /// Bytes come next that go on as they are.
    Plain(u64),
    /// The payload of a frame of a compressed message comes next.
    Payload { left: u64, mask: [u8; 4], is_final: bool },
    /// The compressed message has arrived, and so has its tail.
    Tail,
    /// The stream is broken, and everything goes on as it is.
    Raw,
}

impl Inflater {
    fn new(keeps_context: bool) -> Self {
        Self {
            keeps_context,
            input: BytesMut::new(),
            output: BytesMut::new(),
            state: State::Header,
            message: None,
            decompress: None,
            deflated: BytesMut::new(),
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// Moves bytes into `buffer`; returns whether there were any.
    fn pull(&mut self, buffer: &mut ReadBuf<'_>) -> io::Result<bool> {
        while self.output.is_empty() {
            if !self.step()? {
                return Ok(false);
            }
        }
        let length = self.output.len().min(buffer.remaining());
        buffer.put_slice(&self.output[..length]);
        self.output.advance(length);
        if self.output.is_empty() {
            // An idle connection keeps no buffers.
            self.output = BytesMut::new();
        }
        Ok(true)
    }

    /// Goes on by one piece; returns false if that needs bytes that have not arrived.
    fn step(&mut self) -> io::Result<bool> {
        match self.state {
            State::Header => Ok(self.read_header()),
            State::Plain(0) => {
                self.state = State::Header;
                Ok(true)
            }
            State::Plain(left) => {
                let passed = self.pass(left);
                self.state = State::Plain(left - passed);
                Ok(passed > 0)
            }
            State::Payload { left, mask, is_final } => self.read_payload(left, mask, is_final),
            State::Tail => self.end_message().map(|()| true),
            State::Raw => Ok(self.pass(u64::MAX) > 0),
        }
    }

    /// Moves input to the output as it is; returns the number of bytes.
    fn pass(&mut self, most: u64) -> u64 {
        let length = self.input.len().min(usize::try_from(most).unwrap_or(usize::MAX));
        self.output.unsplit(self.input.split_to(length));
        length as u64
    }

    fn read_header(&mut self) -> bool {
        let mut cursor = Cursor::new(&self.input);
        let (header, length) = match FrameHeader::parse(&mut cursor) {
            Ok(Some(found)) => found,
            Ok(None) => return false,
            Err(_) => {
                self.state = State::Raw;
                return true;
            }
        };
        let size = cursor.position();
        if let (Some(mask), true) = (header.mask, self.is_compressed(&header)) {
            self.input.advance(usize::try_from(size).unwrap_or(0));
            self.message = self.message.or(Some(header.opcode));
            self.state = State::Payload { left: length, mask, is_final: header.is_final };
        } else {
            self.pass(size);
            self.state = State::Plain(length);
        }
        true
    }

    /// Whether a frame is one of a compressed message: the first, which says so, or one that continues it.
    fn is_compressed(&self, header: &FrameHeader) -> bool {
        let begins = header.rsv1 && matches!(header.opcode, OpCode::Data(Data::Text | Data::Binary));
        let goes_on = !header.rsv1 && header.opcode == OpCode::Data(Data::Continue);
        !header.rsv2 && !header.rsv3 && if self.message.is_some() { goes_on } else { begins }
    }

    fn read_payload(&mut self, left: u64, mut mask: [u8; 4], is_final: bool) -> io::Result<bool> {
        if !self.deflated.is_empty() {
            return self.inflate().map(|_| true);
        }
        let length = self.input.len().min(READ).min(usize::try_from(left).unwrap_or(usize::MAX));
        if length == 0 && left > 0 {
            return Ok(false);
        }
        self.deflated = self.input.split_to(length);
        self.deflated.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        mask.rotate_left(length % 4);
        self.state = match (left - length as u64, is_final) {
            (0, true) => {
                self.deflated.extend_from_slice(&TAIL);
                State::Tail
            }
            (0, false) if self.deflated.is_empty() => State::Header,
            (left, _) => State::Payload { left, mask, is_final },
        };
        Ok(true)
    }

    /// Inflates what has arrived, and ends the message when there is no more.
    fn end_message(&mut self) -> io::Result<()> {
        if self.inflate()? || !self.deflated.is_empty() {
            return Ok(());
        }
        self.put_frame(&[], true);
        (self.message, self.state, self.deflated) = (None, State::Header, BytesMut::new());
        if !self.keeps_context {
            self.decompress = None;
        }
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
        Ok(())
    }

    /// Inflates one piece into a frame; returns whether there was anything.
    fn inflate(&mut self) -> io::Result<bool> {
        let decompress = self.decompress.get_or_insert_with(|| Decompress::new(false));
        let mut piece = Vec::with_capacity(PIECE);
        let before = decompress.total_in();
        let status = decompress.decompress_vec(&self.deflated, &mut piece, FlushDecompress::Sync);
        let taken = usize::try_from(decompress.total_in() - before).unwrap_or(usize::MAX);
        self.deflated.advance(taken.min(self.deflated.len()));
        match status {
            // The last block of a stream; the message may go on with another stream.
            Ok(Status::StreamEnd) => decompress.reset(false),
            Ok(_) if taken > 0 || !piece.is_empty() || self.deflated.is_empty() => {}
            _ => {
                self.state = State::Raw;
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the message is not compressed by deflate"));
            }
        }
        if piece.is_empty() {
            return Ok(false);
        }
        self.put_frame(&piece, false);
        Ok(true)
    }

    /// Puts out a frame of the message, uncompressed and masked with zeros.
    fn put_frame(&mut self, payload: &[u8], is_final: bool) {
        let opcode = self.message.replace(OpCode::Data(Data::Continue)).unwrap_or(OpCode::Data(Data::Continue));
        let header = FrameHeader { is_final, opcode, mask: Some([0; 4]), ..FrameHeader::default() };
        // Writing into memory does not fail.
        let _ = header.format(payload.len() as u64, &mut (&mut self.output).writer());
        self.output.extend_from_slice(payload);
    }
}
