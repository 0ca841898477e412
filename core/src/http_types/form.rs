//! Forms: their fields, and the files sent with them.

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::multi_dict::MultiDict;
use super::spool::Spool;
use crate::execution::Waiting;

/// A parsed form.
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
    #[cfg(feature = "multipart")]
    pub(crate) fn add(&mut self, file: FileStorage) {
        self.files.push(file);
    }

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
    #[cfg(feature = "multipart")]
    pub(crate) fn new(name: String, filename: String, content_type: Option<String>, content: Spool) -> Self {
        Self { inner: Arc::new(Stored { name, filename, content_type, content }) }
    }

    /// The name of the form field that the file came in.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The name that the client gives the file. Never use it as a path, because it may lead anywhere.
    pub fn filename(&self) -> &str {
        &self.inner.filename
    }

    /// The content type that the client gives the file.
    pub fn content_type(&self) -> Option<&str> {
        self.inner.content_type.as_deref()
    }

    /// The size of the file in bytes.
    pub fn size(&self) -> u64 {
        self.inner.content.size()
    }

    /// Reads the whole file. `.await` the bytes in async code, `.wait()` for them in sync code.
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub fn read(&self) -> Waiting<Bytes> {
        let content = self.inner.content.clone();
        Waiting::new(async move { content.bytes().await })
    }

    /// Writes the content to a file at `path`, which it replaces.
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

/// Reduces `name` to a safe file name: ASCII letters, digits, dots, hyphens and underscores, and no path. The result
/// may be empty. Werkzeug's `secure_filename`.
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
