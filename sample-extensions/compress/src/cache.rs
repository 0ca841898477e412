//! The cache of compressed pages.

use std::sync::Arc;
use std::time::Duration;

use costrel::{Bytes, Callable, Error, Request, current_app};
use costrel_stores::Entries;
use sha2::{Digest, Sha256};

use crate::format::{Format, IN_PLACE, off_loop};

/// The length of a page's digest, which is the beginning of its entry.
const DIGEST: usize = 32;

/// The time for which a compressed page is kept, as by default in Flask-Caching: clients choose the addresses, so a store that
/// drops nothing would grow without end.
const KEPT_FOR: Duration = Duration::from_secs(300);

/// Where compressed pages are kept, and by which key.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    pub(crate) backend: Arc<dyn Entries>,
    pub(crate) key: Callable<Request, String>,
}

impl Cache {
    /// Returns the compressed page: what is kept, if that is of this very page and not of one that had the key before it, or
    /// else the result of `compress`.
    ///
    /// # Errors
    /// Those of the function that makes keys, and of `compress`.
    pub(crate) async fn get_or<F>(
        &self,
        request: &Request,
        format: Format,
        page: Bytes,
        compress: F,
    ) -> Result<Bytes, Error>
    where
        F: Future<Output = Result<Bytes, Error>>,
    {
        let key = self.key.call(request.clone()).await?;
        let key = format!("costrel_compress_{} {};{key}", current_app().name(), format.name());
        let digest = off_loop(page, IN_PLACE, |page| Ok(Sha256::digest(page))).await?;
        let kept = logged(self.backend.get(&key).await).flatten();
        if let Some(kept) = kept.filter(|kept| kept.starts_with(&digest)) {
            return Ok(kept.slice(DIGEST..));
        }
        let compressed = compress.await?;
        logged(self.backend.set(&key, [&*digest, &*compressed].concat().into(), Some(KEPT_FOR)).await);
        Ok(compressed)
    }
}

/// Goes on without the cache if its store has failed.
fn logged<T>(result: Result<T, Error>) -> Option<T> {
    result.inspect_err(|error| tracing::error!("the cache of compressed pages failed: {error:?}")).ok()
}
