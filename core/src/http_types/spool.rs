//! The storage for received bytes: in memory if they are few, else on disk.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use parking_lot::Mutex;

use crate::error::Error;
use crate::execution::WorkerHandle;

/// The most bytes that are kept in memory; more go to disk. The limit is Werkzeug's.
const LARGEST_IN_MEMORY: usize = 500 * 1024;

/// The most bytes of a file that are read at a time.
const CHUNK: u64 = 64 * 1024;

/// Bytes that have been received. A handle: clones are the same bytes.
#[derive(Clone)]
pub(crate) struct Spool {
    content: Content,
    size: u64,
    /// The app's workers, because a reader may come after the context is over, or in a task without one.
    worker_handle: WorkerHandle,
}

#[derive(Clone)]
enum Content {
    Memory(Bytes),
    /// The place in a file where the bytes begin.
    Disk(SpoolFile, u64),
}

/// The file for the large parts of one body, one after the other: a body has one, because a server has few files. It has
/// no name, so that the system removes it when the last handle is gone.
pub(super) type SpoolFile = Arc<Mutex<File>>;

impl Spool {
    /// Receives and stores all `chunks`, in memory or in the file of their body.
    pub(super) async fn receive(
        chunks: impl Stream<Item = Result<Bytes, Error>>,
        file: &mut Option<SpoolFile>,
    ) -> Result<Self, Error> {
        let worker_handle = WorkerHandle::here();
        let (mut held, mut size, mut disk) = (Vec::new(), 0, None);
        let mut chunks = std::pin::pin!(chunks);
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?;
            size += chunk.len() as u64;
            held.extend_from_slice(&chunk);
            // Written in large pieces, so that there is one crossing for each of these and not for each network chunk.
            if held.len() > LARGEST_IN_MEMORY {
                let written = append(&worker_handle, file, std::mem::take(&mut held)).await?;
                disk = disk.or(Some(written));
            }
        }
        let content = match disk {
            None => Content::Memory(held.into()),
            Some((begun, place)) => {
                append(&worker_handle, file, held).await?;
                Content::Disk(begun, place)
            }
        };
        Ok(Self { content, size, worker_handle })
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Returns all bytes.
    pub(super) async fn bytes(&self) -> Result<Bytes, Error> {
        match &self.content {
            Content::Memory(bytes) => Ok(bytes.clone()),
            Content::Disk(..) => {
                let spool = self.clone();
                let read = move || {
                    let mut bytes = Vec::new();
                    spool.copy_to(&mut bytes).map(|()| Bytes::from(bytes))
                };
                Ok(self.worker_handle.run_sync(read).await??)
            }
        }
    }

    /// Returns the bytes chunk by chunk.
    pub(super) fn chunks(&self) -> impl Stream<Item = Result<Bytes, Error>> + Send + 'static + use<> {
        match &self.content {
            Content::Memory(bytes) => stream::iter(Some(Ok(bytes.clone()))).left_stream(),
            Content::Disk(file, place) => {
                let file = Arc::clone(file);
                let read = move |at, to| read_chunk(&mut file.lock(), at, to);
                chunks_of(read, self.worker_handle.clone(), *place, *place + self.size).right_stream()
            }
        }
    }

    /// Copies the bytes to `target`, in sync code that may block.
    pub(super) fn copy_to(&self, target: &mut impl Write) -> io::Result<()> {
        match &self.content {
            Content::Memory(bytes) => target.write_all(bytes),
            Content::Disk(file, place) => {
                // The handles share one position in the file, so only one may read at a time.
                let mut file = file.lock();
                file.seek(SeekFrom::Start(*place))?;
                io::copy(&mut Read::by_ref(&mut *file).take(self.size), target).map(drop)
            }
        }
    }

    pub(super) fn worker_handle(&self) -> &WorkerHandle {
        &self.worker_handle
    }
}

/// Writes `bytes` to the end of a file, which is made if there is none. Returns the file, and the place where they begin.
async fn append(
    worker_handle: &WorkerHandle,
    file: &mut Option<SpoolFile>,
    bytes: Vec<u8>,
) -> Result<(SpoolFile, u64), Error> {
    let begun = file.clone();
    let written = worker_handle.run_sync(move || {
        let file = begun.map_or_else(|| tempfile::tempfile().map(|file| Arc::new(Mutex::new(file))), Ok)?;
        let mut open = file.lock();
        let place = open.seek(SeekFrom::End(0))?;
        open.write_all(&bytes)?;
        drop(open);
        Ok::<_, io::Error>((file, place))
    });
    let (written, place) = written.await??;
    *file = Some(written.clone());
    Ok((written, place))
}

/// Returns the bytes `from..to` of a file as a stream. `read` is called on a worker for each chunk, with the place of its
/// first byte and that of the end.
pub(crate) fn chunks_of(
    read: impl Fn(u64, u64) -> io::Result<Bytes> + Clone + Send + 'static,
    worker_handle: WorkerHandle,
    from: u64,
    to: u64,
) -> impl Stream<Item = Result<Bytes, Error>> + Send + 'static {
    stream::try_unfold(from, move |at| {
        let (read, worker_handle) = (read.clone(), worker_handle.clone());
        async move {
            if at >= to {
                return Ok(None);
            }
            let chunk = worker_handle.run_sync(move || read(at, to)).await??;
            // The file has become shorter. Its length has been sent already, so the response can only break off.
            if chunk.is_empty() {
                return Err(Error::from(io::Error::from(io::ErrorKind::UnexpectedEof)));
            }
            let next = at + chunk.len() as u64;
            Ok(Some((chunk, next)))
        }
    })
    .boxed()
}

/// Reads the first chunk of the bytes `at..to` of a file.
pub(crate) fn read_chunk(file: &mut File, at: u64, to: u64) -> io::Result<Bytes> {
    let mut chunk = Vec::new();
    file.seek(SeekFrom::Start(at))?;
    Read::by_ref(file).take((to - at).min(CHUNK)).read_to_end(&mut chunk)?;
    Ok(chunk.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client cannot make the server open a file for each part of a form.
    #[tokio::test]
    async fn the_large_parts_of_a_body_have_one_file() -> Result<(), Error> {
        crate::app::App::new("test").build()?.app_context(one_file_for_all()).await
    }

    async fn one_file_for_all() -> Result<(), Error> {
        let (mut file, mut places) = (None, Vec::new());
        for size in [LARGEST_IN_MEMORY + 1, 3 * LARGEST_IN_MEMORY, LARGEST_IN_MEMORY + 9] {
            let chunks = stream::iter([Ok(Bytes::from(vec![b'x'; size]))]);
            let spool = Spool::receive(chunks, &mut file).await?;
            let Content::Disk(own, place) = &spool.content else { return Err(Error::status(500)) };
            assert!(file.as_ref().is_some_and(|file| Arc::ptr_eq(file, own)));
            places.push(*place);
        }
        let largest = LARGEST_IN_MEMORY as u64;
        assert_eq!(places, [0, largest + 1, 4 * largest + 1]);
        Ok(())
    }
}
