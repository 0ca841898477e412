//! Streamed bodies: compressed chunk by chunk, off the event loop where a chunk is long.

use std::sync::Arc;

use costrel::{Body, Bytes, Error, iterate};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use parking_lot::Mutex;

use crate::format::Encoder;

/// Returns the body with each of its chunks compressed as soon as it is there, on a worker if it is longer than `in_place`; its
/// errors and trailers are kept.
///
/// To be called in a request, because the body goes to the workers of its app.
pub(crate) fn compressed(body: Body, encoder: Encoder, in_place: usize) -> Body {
    let job = Arc::new(Mutex::new((encoder, None)));
    let shared = Arc::clone(&job);
    let worker = iterate(std::iter::from_fn(move || Some(run(&shared)))).boxed();
    let compressing = Compressing { body: Some(body), trailers: None, job, worker, in_place };
    Body::new(StreamBody::new(stream::unfold(compressing, Compressing::next).fuse()))
}

/// What compresses, and its next chunk; `None` for the end.
type Job = Mutex<(Encoder, Option<Bytes>)>;

fn run(job: &Job) -> Result<Bytes, Error> {
    let (encoder, chunk) = &mut *job.lock();
    encoder.chunk(chunk.take().as_deref())
}

/// A body that is being compressed.
struct Compressing {
    /// `None` once it has ended.
    body: Option<Body>,
    trailers: Option<Frame<Bytes>>,
    job: Arc<Job>,
    /// The runs of the job on a worker, each when it is asked for.
    worker: BoxStream<'static, Result<Result<Bytes, Error>, Error>>,
    /// The longest chunk, in bytes, that is compressed on the event loop.
    in_place: usize,
}

impl Compressing {
    async fn next(mut self) -> Option<(Result<Frame<Bytes>, Error>, Self)> {
        while let Some(body) = &mut self.body {
            let compressed = match body.frame().await.transpose() {
                Ok(frame) => self.compress(frame).await,
                Err(error) => Err(error),
            };
            match compressed {
                Ok(output) if output.is_empty() => {}
                Ok(output) => return Some((Ok(Frame::data(output)), self)),
                Err(error) => {
                    (self.body, self.trailers) = (None, None);
                    return Some((Err(error), self));
                }
            }
        }
        Some((Ok(self.trailers.take()?), self))
    }

    /// Compresses a chunk, or the end.
    async fn compress(&mut self, frame: Option<Frame<Bytes>>) -> Result<Bytes, Error> {
        let chunk = match frame.map(Frame::into_data) {
            Some(Ok(chunk)) => Some(chunk),
            end => {
                self.body = None;
                self.trailers = end.and_then(Result::err);
                None
            }
        };
        let is_short = chunk.as_ref().is_none_or(|chunk| chunk.len() <= self.in_place);
        self.job.lock().1 = chunk;
        if is_short { run(&self.job) } else { self.worker.next().await.unwrap_or_else(|| Err(Error::status(500)))? }
    }
}
