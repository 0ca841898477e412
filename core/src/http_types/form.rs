//! Forms: their fields, and the files sent with them.

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use multer::{Field, Multipart};

use super::multi_dict::MultiDict;
use super::spool::Spool;
use crate::error::Error;
use crate::execution::Waiting;

/// A form, taken apart.
#[derive(Debug, Default)]
pub(super) struct Form {
    pub(super) fields: MultiDict,
    pub(super) files: Files,
}

/// The files of a form, in the order they came.
#[derive(Clone, Debug, Default)]
pub struct Files {
    files: Vec<FileStorage>,
}

/// A file that came with a form. A handle: clones are the same file.
#[derive(Clone)]
pub struct FileStorage {
    inner: Arc<Stored>,
}

struct Stored {
    name: String,
    filename: String,
    content_type: Option<String>,
    content: Spool,
}

impl Files {
    /// The first file of the field `name`.
    pub fn get(&self, name: &str) -> Option<&FileStorage> {
        self.get_list(name).next()
    }

    /// Every file of the field `name`.
    pub fn get_list(&self, name: &str) -> impl Iterator<Item = &FileStorage> {
        self.files.iter().filter(move |file| file.name() == name)
    }

    /// Every file.
    pub fn iter(&self) -> impl Iterator<Item = &FileStorage> {
        self.files.iter()
    }
}

impl FileStorage {
    /// The name of its field.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The name the client gives it. Never use it as a path: it may lead anywhere.
    pub fn filename(&self) -> &str {
        &self.inner.filename
    }

    /// The content type the client gives it.
    pub fn content_type(&self) -> Option<&str> {
        self.inner.content_type.as_deref()
    }

    /// How many bytes it has.
    pub fn size(&self) -> u64 {
        self.inner.content.size()
    }

    /// All its bytes. `.await` them in async code, `.wait()` for them in sync code.
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub fn read(&self) -> Waiting<Bytes> {
        let content = self.inner.content.clone();
        Waiting::new(async move { content.bytes().await })
    }

    /// Writes it to a file at `path`, which it replaces.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Waiting<()> {
        let (content, path) = (self.inner.content.clone(), path.as_ref().to_owned());
        Waiting::new(async move {
            let worker_handle = content.worker_handle().clone();
            Ok(worker_handle.run_sync(move || content.copy_to(&mut File::create(path)?)).await??)
        })
    }
}

impl Form {
    /// Reads a multipart body part by part.
    pub(super) async fn read(
        body: impl Stream<Item = Result<Bytes, Error>> + Send + 'static,
        boundary: String,
        max_memory: Option<usize>,
        max_parts: Option<usize>,
    ) -> Result<Self, Error> {
        let body = body.map(|chunk| chunk.map_err(Box::<dyn std::error::Error + Send + Sync>::from));
        let mut parts = Multipart::new(body, boundary);
        let (mut form, mut memory, mut count) = (Self::default(), 0, 0);
        while let Some(part) = parts.next_field().await.map_err(broken)? {
            count += 1;
            if max_parts.is_some_and(|most| count > most) {
                return Err(Error::status(413).with_message("The form has too many parts."));
            }
            // An empty name is what browsers send for a file field that was left empty; it is a file all the same.
            if part.file_name().is_some() {
                form.files.files.push(receive_file(part).await?);
            } else {
                let (name, value) = receive_field(part, &mut memory, max_memory).await?;
                form.fields.add(name, value);
            }
        }
        Ok(form)
    }
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
    Ok(FileStorage { inner: Arc::new(Stored { name, filename, content_type, content }) })
}

/// The error of a multipart body: ours, if that ended it, else the client's.
fn broken(error: multer::Error) -> Error {
    match error {
        multer::Error::StreamReadFailed(inner) => Error::from_boxed(inner),
        other => Error::status(400).with_message(format!("The multipart form is broken: {other}.")),
    }
}

/// A name that is safe as that of a file: letters, digits, dots, hyphens and underscores of ASCII, and no path. It may
/// come out empty. Werkzeug's `secure_filename`.
///
/// ```
/// assert_eq!(costrel::secure_filename("../../etc/My photo.png"), "etc_My_photo.png");
/// assert_eq!(costrel::secure_filename("..\\"), "");
/// ```
pub fn secure_filename(name: &str) -> String {
    let words = name.split(|letter: char| letter.is_whitespace() || letter == '/' || letter == '\\');
    let kept =
        |word: &str| word.chars().filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).collect::<String>();
    let words: Vec<_> = words.map(kept).filter(|word| !word.trim_matches('.').is_empty()).collect();
    words.join("_").trim_matches(['.', '_']).to_owned()
}

impl fmt::Debug for FileStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileStorage({:?}, {} bytes)", self.filename(), self.size())
    }
}
