//! The extension: its options, its set-up on an app, and the decorators that it gives.

use std::sync::Arc;

use costrel::{App, Error, Extension, Request, Response, View, request};
use costrel_ext_kit::IntoCallback;
use costrel_stores::Entries;

use crate::cache::Cache;
use crate::compressor::Compression;
use crate::decorator::{Choice, compressed, exempt};

/// Compresses responses for clients that take them so, by `Accept-Encoding`: Flask-Compress's `Compress`.
///
/// Its settings are Flask-Compress's, read when the app is built, with the same defaults: `COMPRESS_MIMETYPES`, `COMPRESS_MIN_SIZE` (500 bytes),
/// `COMPRESS_ALGORITHM` (`zstd, br, gzip, deflate`) and so on; the README lists them. With `COMPRESS_REGISTER` off, only views
/// with [`compressed`](Self::compressed) are compressed.
#[derive(Clone, Debug, Default)]
pub struct Compress {
    cache: Option<Cache>,
}

impl Compress {
    /// Compresses each response anew.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps compressed pages in `backend`, each by the key that `key`, sync or async, makes of the request:
    /// `COMPRESS_CACHE_BACKEND` and `COMPRESS_CACHE_KEY`. The view still runs; a page that is the same again is not compressed
    /// again, and one that has changed takes the place of the one before. While the backend fails, pages are compressed anew,
    /// with a line in the log. Default: none is kept.
    ///
    /// ```
    /// use costrel::{App, Request};
    /// use costrel_compress::Compress;
    /// use costrel_stores::MemoryEntries;
    ///
    /// let mut app = App::new("docs");
    /// let key = |request: Request| request.full_path().to_owned();
    /// app.init(&Compress::new().cache(MemoryEntries::new(), key))?;
    /// app.route("/", || "all work and no play ".repeat(100));
    /// let client = app.test_client();
    /// let page = || client.get("/").header("accept-encoding", "br").wait().map(|page| page.data().clone());
    /// assert_eq!(page()?, page()?);
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[must_use]
    pub fn cache<M>(mut self, backend: impl Entries, key: impl IntoCallback<M, Request, String>) -> Self {
        self.cache = Some(Cache { backend: Arc::new(backend), key: key.into_callback() });
        self
    }

    /// Returns the decorator for one view, or a blueprint, that is compressed with `COMPRESS_REGISTER` off.
    ///
    /// ```
    /// use costrel::App;
    /// use costrel_compress::Compress;
    ///
    /// let compress = Compress::new();
    /// let mut app = App::new("docs");
    /// app.config.set("COMPRESS_REGISTER", false)?;
    /// app.init(&compress)?;
    /// app.rule("/report").decorate(compress.compressed()).view(|| "a line of many ".repeat(100));
    /// let report = app.test_client().get("/report").header("accept-encoding", "zstd").wait()?;
    /// assert_eq!(report.header("content-encoding"), Some("zstd"));
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn compressed(&self) -> impl Fn(View) -> View + Clone + use<> {
        compressed
    }

    /// Returns the decorator for a view, or a blueprint, whose responses stay as they are: such as a page with a secret beside
    /// text that a client chooses, which the length of a compressed page could tell to those who listen. What a view says itself counts
    /// before what its blueprint says.
    pub fn exempt(&self) -> impl Fn(View) -> View + Clone + use<> {
        exempt
    }
}

impl Extension for &Compress {
    fn init_app(self, app: &mut App) -> Result<(), Error> {
        let cache = self.cache.clone();
        app.set_extension(Compression::default());
        app.on_build(move |app| Compression::make(app, cache));
        app.after_request(compress);
        Ok(())
    }
}

async fn compress(response: Response) -> Result<Response, Error> {
    let (request, compressor) = (request(), Compression::current()?);
    if !compressor.settings.register || request.marker() == Some(&Choice::Exempt) {
        return Ok(response);
    }
    compressor.compress(&request, response).await
}
