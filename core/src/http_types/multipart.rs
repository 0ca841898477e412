//! Multipart forms, read part by part.

mod scanner;
mod part_head;
mod header_options;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, stream};

use super::form::{FileStorage, Form};
use super::spool::Spool;
use crate::error::Error;

use header_options::header_options;
use part_head::PartHead;
use scanner::{Event, LARGEST_HEAD, Scanner};

/// The longest boundary that RFC 2046 allows, in bytes.
const LONGEST_BOUNDARY: usize = 70;

/// Returns the boundary of a multipart body with this content type; `None` if it names none.
///
/// # Errors
/// 400 if the boundary is longer than RFC 2046 allows.
pub(super) fn boundary(content_type: &str) -> Result<Option<String>, Error> {
    let (_, mut options) = header_options(content_type);
    match options.remove("boundary").filter(|boundary| !boundary.is_empty()) {
        Some(boundary) if boundary.len() > LONGEST_BOUNDARY => {
            Err(broken(&format!("its boundary is longer than {LONGEST_BOUNDARY} bytes")))
        }
        found => Ok(found),
    }
}

/// Reads a multipart body part by part, up to its last byte.
pub(super) async fn read_multipart(
    body: impl Stream<Item = Result<Bytes, Error>> + Send + 'static,
    boundary: String,
    max_memory: Option<usize>,
    max_parts: Option<usize>,
) -> Result<Form, Error> {
    let mut parts = Parts { body: body.boxed(), scanner: Scanner::new(&boundary) };
    // Names have an allowance of their own, because the setting is about the fields' values, as in Flask.
    let (mut values, mut names) = (Allowance(max_memory), Allowance(max_memory.map(|most| most.max(LARGEST_HEAD))));
    let (mut form, mut count, mut file) = (Form::default(), 0, None);
    while let Some(head) = parts.next_part().await? {
        count += 1;
        if max_parts.is_some_and(|most| count > most) {
            return Err(Error::status(413).with_message("The form has too many parts."));
        }
        names.spend(head.len())?;
        // Browsers send an empty file name for a file field that was left empty; that is a file too.
        match head.filename {
            Some(filename) => {
                let content = Spool::receive(parts.chunks(), &mut file).await?;
                form.files.add(FileStorage::new(head.name, filename, head.content_type, content));
            }
            None => form.fields.add(head.name, parts.read_value(&mut values).await?),
        }
    }
    Ok(form)
}

/// The bytes that the fields of a form may still take in memory; `None` for no limit.
struct Allowance(Option<usize>);

impl Allowance {
    fn spend(&mut self, bytes: usize) -> Result<(), Error> {
        if let Some(left) = &mut self.0 {
            let rest = left.checked_sub(bytes);
            *left = rest.ok_or_else(|| Error::status(413).with_message("The form is too large."))?;
        }
        Ok(())
    }
}

/// The parts of a multipart body that is still arriving.
struct Parts {
    body: BoxStream<'static, Result<Bytes, Error>>,
    scanner: Scanner,
}

impl Parts {
    /// Returns the head of the next part; `None` at the end of the body. The caller has read the part before.
    async fn next_part(&mut self) -> Result<Option<PartHead>, Error> {
        match self.next_event().await? {
            Event::Head(head) => PartHead::parse(&head).map(Some),
            _ => Ok(None),
        }
    }

    async fn read_value(&mut self, allowance: &mut Allowance) -> Result<String, Error> {
        let mut value = Vec::new();
        while let Some(chunk) = self.next_chunk().await? {
            allowance.spend(chunk.len())?;
            value.extend_from_slice(&chunk);
        }
        Ok(String::from_utf8_lossy(&value).into_owned())
    }

    /// Returns the content of the current part chunk by chunk.
    fn chunks(&mut self) -> impl Stream<Item = Result<Bytes, Error>> + Send {
        stream::try_unfold(self, |parts| async move { Ok(parts.next_chunk().await?.map(|chunk| (chunk, parts))) })
    }

    async fn next_chunk(&mut self) -> Result<Option<Bytes>, Error> {
        match self.next_event().await? {
            Event::Data(chunk) => Ok(Some(chunk)),
            _ => Ok(None),
        }
    }

    async fn next_event(&mut self) -> Result<Event, Error> {
        loop {
            if let Some(event) = self.scanner.next()? {
                return Ok(event);
            }
            match self.body.next().await {
                Some(chunk) => self.scanner.push(&chunk?),
                None => return self.scanner.end(),
            }
        }
    }
}

fn broken(what: &str) -> Error {
    Error::status(400).with_message(format!("The multipart form is broken: {what}."))
}
