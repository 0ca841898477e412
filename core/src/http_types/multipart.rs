//! Multipart forms, read part by part.

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use multer::{Field, Multipart};

use super::form::{FileStorage, Form};
use super::spool::Spool;
use crate::error::Error;

/// Reads a multipart body part by part.
pub(super) async fn read_multipart(
    body: impl Stream<Item = Result<Bytes, Error>> + Send + 'static,
    boundary: String,
    max_memory: Option<usize>,
    max_parts: Option<usize>,
) -> Result<Form, Error> {
    let body = body.map(|chunk| chunk.map_err(Box::<dyn std::error::Error + Send + Sync>::from));
    let mut parts = Multipart::new(body, boundary);
    let (mut form, mut memory, mut count) = (Form::default(), 0, 0);
    while let Some(part) = parts.next_field().await.map_err(broken)? {
        count += 1;
        if max_parts.is_some_and(|most| count > most) {
            return Err(Error::status(413).with_message("The form has too many parts."));
        }
        // Browsers send an empty file name for a file field that was left empty; that is a file too.
        if part.file_name().is_some() {
            form.files.add(receive_file(part).await?);
        } else {
            let (name, value) = receive_field(part, &mut memory, max_memory).await?;
            form.fields.add(name, value);
        }
    }
    Ok(form)
}

async fn receive_field(
    mut part: Field<'static>,
    memory: &mut usize,
    max_memory: Option<usize>,
) -> Result<(String, String), Error> {
    let name = part.name().unwrap_or_default().to_owned();
    let mut value = Vec::new();
    while let Some(chunk) = part.chunk().await.map_err(broken)? {
        *memory += chunk.len();
        if max_memory.is_some_and(|most| *memory > most) {
            return Err(Error::status(413).with_message("The form is too large."));
        }
        value.extend_from_slice(&chunk);
    }
    Ok((name, String::from_utf8_lossy(&value).into_owned()))
}

async fn receive_file(part: Field<'static>) -> Result<FileStorage, Error> {
    let name = part.name().unwrap_or_default().to_owned();
    let filename = part.file_name().unwrap_or_default().to_owned();
    let content_type = part.headers().get("content-type").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let chunks = stream::try_unfold(part, |mut part| async move {
        let chunk = part.chunk().await.map_err(broken)?;
        Ok(chunk.map(|chunk| (chunk, part)))
    });
    let content = Spool::receive(chunks).await?;
    Ok(FileStorage::new(name, filename, content_type, content))
}

/// Returns the error for a broken multipart body: our own if reading the body failed, else a 400.
fn broken(error: multer::Error) -> Error {
    match error {
        multer::Error::StreamReadFailed(inner) => Error::from_boxed(inner),
        other => Error::status(400).with_message(format!("The multipart form is broken: {other}.")),
    }
}
