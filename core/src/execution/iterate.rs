//! Turns any iterator into a stream: each step runs on a thread for streamed bodies, and none is held between steps.

use futures_util::{Stream, stream};

use super::run_on_worker::WorkerHandle;
use crate::error::Error;

/// Turns an iterator that may block into a stream. Each step runs when the next item is wanted, on one of the
/// `config.stream_workers` threads of the app in whose context this is called. An error in the stream means that no thread
/// could be started, and ends the stream.
///
/// ```
/// use costrel::{App, iterate};
/// use futures_util::StreamExt;
///
/// async fn seats() -> String {
///     let rows = ["A", "B"].into_iter().map(|row| format!("row {row} ")); // reads a file, or waits for a query
///     iterate(rows).filter_map(async |row| row.ok()).collect().await
/// }
/// let mut app = App::new("docs");
/// # app.route("/", seats);
/// # assert_eq!(app.test_client().get("/").wait().unwrap().text(), "row A row B ");
/// ```
pub fn iterate<I>(iterator: I) -> impl Stream<Item = Result<I::Item, Error>> + Send + use<I>
where
    I: IntoIterator<IntoIter: Send + 'static, Item: Send + 'static> + 'static,
{
    let held = Held { iterator: Some(iterator.into_iter()), worker_handle: WorkerHandle::of_bodies() };
    stream::unfold(Some(held), |held| async move {
        let mut held = held?;
        let worker_handle = held.worker_handle.clone();
        match worker_handle.run_sync(move || (held.step(), held)).await {
            Ok((item, held)) => Some((Ok(item?), Some(held))),
            Err(error) => Some((Err(error), None)),
        }
    })
}

/// An iterator whose destructor also runs where its steps do, because it may block as the steps do.
struct Held<I: Send + 'static> {
    /// `None` after the last item.
    iterator: Option<I>,
    worker_handle: WorkerHandle,
}

impl<I: Iterator + Send + 'static> Held<I> {
    fn step(&mut self) -> Option<I::Item> {
        let item = self.iterator.as_mut()?.next();
        if item.is_none() {
            self.iterator = None;
        }
        item
    }
}

impl<I: Send + 'static> Drop for Held<I> {
    fn drop(&mut self) {
        if let Some(iterator) = self.iterator.take() {
            self.worker_handle.drop_on_worker(iterator);
        }
    }
}
