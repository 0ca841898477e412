//! The scanner that cuts the bytes of a multipart body into heads and contents, whatever the chunks they arrive in.

use bytes::{Buf, Bytes, BytesMut};
use memchr::memmem::Finder;

use super::broken;
use crate::error::Error;

/// The most bytes before the first boundary, and of the head of a part.
pub(super) const LARGEST_HEAD: usize = 16 << 10;

/// The most spaces and tabs after a boundary; with more it counts as content.
const MOST_PADDING: usize = 64;

/// The length of a line break.
const LINE_BREAK: usize = 2;

/// A piece of a multipart body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The headers of the next part.
    Head(Bytes),
    /// Some of the current part's content, at least one byte.
    Data(Bytes),
    /// The end of the current part.
    PartEnd,
    /// The end of the body.
    End,
}

/// A scanner of a multipart body (RFC 2046 5.1). It looks at each byte a bounded number of times.
pub(super) struct Scanner {
    /// The line break in front of a boundary line, and the boundary.
    delimiter: Finder<'static>,
    head_end: Finder<'static>,
    /// The bytes that have arrived and are not yet part of an event.
    buffer: BytesMut,
    /// The place in `buffer` before which no match begins.
    searched: usize,
    /// The bytes in front of `buffer` that belong to the head, not to the content.
    skip: usize,
    state: State,
    #[cfg(test)]
    looked_at: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Preamble,
    Head,
    Content,
    /// The content is over, and the next part follows, or the end.
    AfterContent {
        is_last: bool,
    },
    Epilogue,
}

impl Scanner {
    pub(super) fn new(boundary: &str) -> Self {
        let delimiter = Finder::new(&format!("\r\n--{boundary}")).into_owned();
        Self {
            delimiter,
            head_end: Finder::new(b"\r\n\r\n").into_owned(),
            // The first boundary line may be the first line of the body, without a line break in front.
            buffer: BytesMut::from(&b"\r\n"[..]),
            searched: 0,
            skip: 0,
            state: State::Preamble,
            #[cfg(test)]
            looked_at: 0,
        }
    }

    pub(super) fn push(&mut self, chunk: &[u8]) {
        // What follows the last boundary line is not kept.
        if self.state != State::Epilogue {
            self.buffer.extend_from_slice(chunk);
        }
    }

    /// Returns the next event; `None` if it needs bytes that have not arrived.
    ///
    /// # Errors
    /// 413 if the head of a part, or what comes before the first, is too long.
    pub(super) fn next(&mut self) -> Result<Option<Event>, Error> {
        match self.state {
            State::Preamble => self.skip_preamble(),
            State::Head => self.next_head(),
            State::Content => Ok(self.next_data()),
            State::AfterContent { is_last } => {
                self.state = if is_last { State::Epilogue } else { State::Head };
                Ok(Some(Event::PartEnd))
            }
            State::Epilogue => Ok(None),
        }
    }

    /// Returns the event for the end of the body.
    ///
    /// # Errors
    /// 400 if the last boundary line is missing.
    pub(super) fn end(&self) -> Result<Event, Error> {
        match self.state {
            State::Epilogue => Ok(Event::End),
            State::Preamble => Err(broken("its boundary is missing")),
            _ => Err(broken("its last boundary is missing")),
        }
    }

    fn skip_preamble(&mut self) -> Result<Option<Event>, Error> {
        let found = self.find_delimiter();
        check_size(found.as_ref().map_or(self.searched, |line| line.at), "The text before the form's first part")?;
        let Some(line) = found else { return Ok(None) };
        self.take_boundary_line(&line);
        self.state = if line.is_last { State::Epilogue } else { State::Head };
        self.next()
    }

    /// The buffer begins with the line break of the boundary line, so that the end of an empty head is found too.
    fn next_head(&mut self) -> Result<Option<Event>, Error> {
        let found = self.find(Pattern::HeadEnd);
        check_size(found.unwrap_or(self.searched), "The head of a part of the form")?;
        let Some(at) = found else { return Ok(None) };
        let head = self.buffer.split_to(at + LINE_BREAK).freeze();
        // The blank line stays, because its end may be the line break in front of the next boundary line.
        (self.searched, self.skip, self.state) = (0, LINE_BREAK, State::Content);
        Ok(Some(Event::Head(head.slice(LINE_BREAK.min(at)..at))))
    }

    fn next_data(&mut self) -> Option<Event> {
        let found = self.find_delimiter();
        let data = self.take_content(found.as_ref().map_or(self.searched, |line| line.at));
        if let Some(line) = found {
            self.take_boundary_line(&BoundaryLine { at: 0, ..line });
            self.state = State::AfterContent { is_last: line.is_last };
        }
        match (data.is_empty(), self.state) {
            (false, _) => Some(Event::Data(data)),
            (true, State::Content) => None,
            (true, _) => self.next().ok().flatten(),
        }
    }

    fn take_content(&mut self, to: usize) -> Bytes {
        let skipped = self.skip.min(to);
        self.skip -= skipped;
        self.searched -= to;
        self.buffer.split_to(to).freeze().slice(skipped..)
    }

    /// Takes a boundary line and what is before it, but not its line break.
    fn take_boundary_line(&mut self, line: &BoundaryLine) {
        self.buffer.advance(line.at + line.length);
        (self.searched, self.skip) = (0, 0);
        if line.is_last {
            self.buffer.clear();
        }
    }

    /// Returns the first boundary line that has arrived whole. Else `searched` is where the next may begin.
    fn find_delimiter(&mut self) -> Option<BoundaryLine> {
        while let Some(at) = self.find(Pattern::Delimiter) {
            self.searched = at;
            let length = self.delimiter.needle().len();
            match follows(&self.buffer[at + length..]) {
                Follows::Part(padding) => return Some(BoundaryLine { at, length: length + padding, is_last: false }),
                Follows::End => return Some(BoundaryLine { at, length, is_last: true }),
                Follows::Content => self.searched += 1,
                Follows::Unknown => return None,
            }
        }
        None
    }

    /// Finds a pattern in the bytes that have not been searched for it yet.
    fn find(&mut self, pattern: Pattern) -> Option<usize> {
        let finder = match pattern {
            Pattern::Delimiter => &self.delimiter,
            Pattern::HeadEnd => &self.head_end,
        };
        let unsearched = &self.buffer[self.searched..];
        let found = finder.find(unsearched).map(|at| self.searched + at);
        #[cfg(test)]
        {
            self.looked_at += found.map_or(unsearched.len(), |at| at - self.searched + finder.needle().len());
        }
        if found.is_none() {
            // The last bytes may be the beginning of the pattern.
            let next = (self.buffer.len() + 1).saturating_sub(finder.needle().len());
            self.searched = self.searched.max(next);
        }
        found
    }
}

#[derive(Clone, Copy)]
enum Pattern {
    Delimiter,
    HeadEnd,
}

/// A boundary line in the buffer: the delimiter with its padding, without the line break that ends it.
struct BoundaryLine {
    at: usize,
    length: usize,
    is_last: bool,
}

/// The text that follows a delimiter.
enum Follows {
    /// A line break, after this many bytes of padding.
    Part(usize),
    /// Two hyphens, which make it the last boundary line.
    End,
    /// Other bytes: the delimiter is content that looks like one.
    Content,
    /// Bytes that have not arrived yet.
    Unknown,
}

fn follows(rest: &[u8]) -> Follows {
    let padding = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    match (&rest[padding..], padding) {
        ([b'-', b'-', ..], 0) => Follows::End,
        ([b'\r', b'\n', ..], 0..=MOST_PADDING) => Follows::Part(padding),
        ([b'-'], 0) | ([b'\r'] | [], 0..=MOST_PADDING) => Follows::Unknown,
        _ => Follows::Content,
    }
}

fn check_size(size: usize, what: &str) -> Result<(), Error> {
    if size > LARGEST_HEAD + LINE_BREAK {
        let message = format!("{what} may have {LARGEST_HEAD} bytes at most.");
        return Err(Error::status(413).with_message(message));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
