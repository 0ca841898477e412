//! Functions that capture the log.

use std::io;
use std::sync::{Arc, Mutex};

use costrel::App;

/// Returns the log of a request for `path`.
pub(crate) fn log_of(app: App, path: &str) -> String {
    let client = app.test_client();
    log_while(async { drop(client.get(path).await.unwrap()) })
}

/// Returns the log that `future` writes, on an event loop with this thread alone.
pub(crate) fn log_while(future: impl Future<Output = ()>) -> String {
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_ansi(false).without_time().with_writer(move || writer.clone()).finish();
    let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // A second subscriber, because with a single one tracing lets the first thread that reaches a log line decide
    // whether it is enabled. That thread may belong to another test, which has no subscriber.
    let _another = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::new());
    tracing::subscriber::with_default(subscriber, || {
        tracing::callsite::rebuild_interest_cache();
        event_loop.block_on(future);
    });
    let log = log.0.lock().unwrap().clone();
    String::from_utf8(log).unwrap()
}
