//! The body that sends a file. A client that does not take its response must not use up the system's descriptors.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::execution::WorkerHandle;
use crate::http_types::{Body, chunks_of, read_chunk};

/// The most bytes that are read before the response begins, so that the file is closed by then.
const SMALL: u64 = 32 * 1024;

/// The most files that are open between two chunks of their bodies, in the whole process. Those beyond are opened anew for
/// each chunk.
const MOST_OPEN: usize = 256;

/// A file that is open, and what is known of it.
pub(super) struct OpenFile {
    path: PathBuf,
    file: File,
    pub(super) metadata: Metadata,
}

impl OpenFile {
    /// Opens a file, and nothing else: a folder or a pipe counts as not found.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let (file, metadata) = open(&path)?;
        Ok(Self { path, file, metadata })
    }

    /// Returns the bytes `from..to` as a body. A few bytes are read here, in sync code; many are read while they are sent.
    pub(super) fn body(mut self, from: u64, to: u64) -> io::Result<Body> {
        let length = to - from;
        if length <= SMALL {
            let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
            self.file.seek(SeekFrom::Start(from))?;
            self.file.read_exact(&mut bytes)?;
            return Ok(Body::from(bytes));
        }
        // The body is sent after the request's context is over, so it takes a handle of the workers along.
        let large = Arc::new(LargeFile::from(self));
        let chunks = chunks_of(move |at, to| large.read_chunk(at, to), WorkerHandle::here(), from, to);
        Ok(Body::from_stream(chunks).with_length(length))
    }
}

/// A file that is sent chunk by chunk.
struct LargeFile {
    path: PathBuf,
    stamp: Stamp,
    /// `None` if too many others are open.
    held: Option<HeldFile>,
}

impl From<OpenFile> for LargeFile {
    fn from(OpenFile { path, file, metadata }: OpenFile) -> Self {
        Self { path, stamp: Stamp::of(&metadata), held: HeldFile::hold(file) }
    }
}

impl LargeFile {
    fn read_chunk(&self, at: u64, to: u64) -> io::Result<Bytes> {
        if let Some(held) = &self.held {
            return read_chunk(&mut held.file.lock(), at, to);
        }
        let (mut file, metadata) = open(&self.path)?;
        if Stamp::of(&metadata) != self.stamp {
            return Err(io::Error::other(format!("{} was replaced while it was sent", self.path.display())));
        }
        read_chunk(&mut file, at, to)
    }
}

/// A file that counts as open until it is dropped.
struct HeldFile {
    file: Mutex<File>,
}

static OPEN: AtomicUsize = AtomicUsize::new(0);

impl HeldFile {
    fn hold(file: File) -> Option<Self> {
        let held = Self { file: Mutex::new(file) };
        // Dropped, and no longer counted, if there are too many.
        (OPEN.fetch_add(1, Ordering::Relaxed) < MOST_OPEN).then_some(held)
    }
}

impl Drop for HeldFile {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The mark of one version of a file.
#[derive(PartialEq, Eq)]
struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    #[cfg(unix)]
    inode: u64,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt;
        Self {
            length: metadata.len(),
            modified: metadata.modified().ok(),
            #[cfg(unix)]
            inode: metadata.ino(),
        }
    }
}

fn open(path: &Path) -> io::Result<(File, Metadata)> {
    // Checked before the file is opened, because opening a named pipe would wait for a writer.
    if !fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    Ok((file, metadata))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    /// A file beyond the limit is opened for each chunk, and breaks off if another has taken its place.
    #[test]
    fn a_file_that_is_not_held_open_is_opened_for_each_chunk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "0123456789").unwrap();
        let opened = OpenFile::open(path.clone()).unwrap();
        let large = LargeFile { stamp: Stamp::of(&opened.metadata), path: path.clone(), held: None };
        assert_eq!(large.read_chunk(3, 10).unwrap(), "3456789");
        fs::write(folder.path().join("other"), "9876543210").unwrap();
        fs::rename(folder.path().join("other"), &path).unwrap();
        let replaced = large.read_chunk(5, 10).unwrap_err();
        assert!(replaced.to_string().contains("was replaced while it was sent"), "{replaced}");
        let held = LargeFile::from(OpenFile::open(path.clone()).unwrap());
        fs::remove_file(&path).unwrap();
        assert_eq!(held.read_chunk(8, 10).unwrap(), "10");
    }
}
