//! Streamed bodies: flushed at each chunk, broken off, left, with trailers.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use costrel::{App, Body, Bytes, Error, HeaderMap, HeaderValue};
use costrel_compress::Compress;
use rstest::rstest;

use super::{LINE, Place, app, ask, decode, decoded, encoding, set_up};

/// A body of these chunks, from code of either colour.
pub(crate) fn streamed(is_sync: bool, chunks: Vec<Bytes>) -> Body {
    let chunks = chunks.into_iter().map(Ok::<_, Error>);
    if is_sync { Body::from_iterator(chunks) } else { Body::from_stream(futures_util::stream::iter(chunks)) }
}

/// Each chunk can be read when it arrives, also one that is compressed on a worker.
#[rstest]
fn a_stream_is_flushed_at_each_chunk(
    #[values("zstd", "br", "gzip", "deflate")] format: &'static str,
    #[values(10, 100_000)] length: usize,
    #[values(Place::App, Place::View)] place: Place,
    #[values(true, false)] is_sync: bool,
) {
    let configure = |app: &mut App| app.config.set("COMPRESS_ALGORITHM_STREAMING", [format]).unwrap();
    let chunks: Vec<Bytes> = (b'a'..=b'c').map(|letter| vec![letter; length].into()).collect();
    let view = {
        let chunks = chunks.clone();
        move || streamed(is_sync, chunks.clone())
    };
    let app = set_up(place, is_sync, Compress::new(), configure, view).build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let request = costrel::http::Request::get("/").header("host", "a").header("accept-encoding", format);
        let mut response = app.call(request.body(Body::empty()).unwrap()).await;
        assert_eq!(
            (&response.headers()["content-encoding"], response.headers().get("content-length")),
            (&HeaderValue::from_static(format), None)
        );
        let mut received = Vec::new();
        for seen in 1..=chunks.len() {
            let frame = http_body_util::BodyExt::frame(response.body_mut()).await.unwrap().unwrap();
            received.extend_from_slice(&frame.into_data().unwrap());
            assert_eq!(readable(format, &received), chunks[..seen].concat());
        }
        let rest = std::mem::take(response.body_mut()).collect().await.unwrap();
        received.extend_from_slice(&rest);
        assert_eq!(decode(Some(format), &received), chunks.concat());
    });
}

/// What a client can read of a body that is not at its end.
fn readable(format: &str, received: &[u8]) -> Vec<u8> {
    let mut reader: Box<dyn Read> = match format {
        "gzip" => Box::new(flate2::read::GzDecoder::new(received)),
        "deflate" => Box::new(flate2::read::ZlibDecoder::new(received)),
        "br" => Box::new(brotli::Decompressor::new(received, 4096)),
        _ => Box::new(zstd::Decoder::new(received).unwrap()),
    };
    let (mut plain, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = reader.read(&mut piece) {
        plain.extend_from_slice(&piece[..read]);
    }
    plain
}

#[rstest]
fn the_formats_for_streams_are_others(#[values(true, false)] is_sync: bool) {
    let view = move || streamed(is_sync, vec![LINE.into()]);
    assert_eq!(encoding(&ask(app(Place::App, is_sync, view), &[("accept-encoding", "gzip")])), None);
    let response = ask(app(Place::App, is_sync, view), &[("accept-encoding", "gzip, deflate;q=0.5")]);
    assert_eq!((encoding(&response), &*decoded(&response)), (Some("deflate"), LINE));
    let configure = |app: &mut App| app.config.set("COMPRESS_STREAMS", false).unwrap();
    let response = ask(set_up(Place::App, is_sync, Compress::new(), configure, view), &[("accept-encoding", "br")]);
    assert_eq!((encoding(&response), &*decoded(&response)), (None, LINE));
}

/// Such a stream ends between two chunks when the server does, so it stays as it is, with its mark.
#[rstest]
fn a_stream_until_the_shutdown_stays_as_it_is(
    #[values(Place::App, Place::View)] place: Place,
    #[values(true, false)] is_sync: bool,
) {
    let view = move || streamed(is_sync, vec![LINE.into(); 100]).until_shutdown();
    let app = app(place, is_sync, view).build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let request = costrel::http::Request::get("/").header("host", "a").header("accept-encoding", "br");
    let response = runtime.block_on(app.call(request.body(Body::empty()).unwrap()));
    assert_eq!((response.headers().get("content-encoding"), response.body().is_until_shutdown()), (None, true));
}

#[rstest]
fn a_stream_that_fails_still_fails(#[values(true, false)] is_sync: bool, #[values(10, 100_000)] length: usize) {
    let view = move || {
        let chunks = [Ok(Bytes::from(vec![b'a'; length])), Err(Error::status(500)), Ok(Bytes::from("late"))];
        if is_sync { Body::from_iterator(chunks) } else { Body::from_stream(futures_util::stream::iter(chunks)) }
    };
    let app = app(Place::App, is_sync, view);
    let error = app.test_client().get("/").header("accept-encoding", "br").wait();
    assert!(error.is_err() || error.is_ok_and(|response| response.error().is_some()));
}

#[tokio::test]
async fn trailers_stay_and_a_client_that_leaves_ends_the_stream() {
    use http_body_util::{BodyExt, StreamBody};

    let dropped = Arc::new(AtomicUsize::new(0));
    let kept = dropped.clone();
    let view = move || {
        let guard = CountOnDrop(kept.clone());
        let trailers = HeaderMap::from_iter([("x-sum".parse().unwrap(), HeaderValue::from_static("7"))]);
        let frames =
            [Ok::<_, Error>(http_body::Frame::data(Bytes::from(LINE))), Ok(http_body::Frame::trailers(trailers))];
        let frames = frames.into_iter().inspect(move |_| _ = &guard);
        Body::new(StreamBody::new(futures_util::stream::iter(frames)))
    };
    let app = app(Place::App, false, view).build().unwrap();
    let call = || {
        let request = costrel::http::Request::get("/").header("host", "a").header("accept-encoding", "br");
        app.call(request.body(Body::empty()).unwrap())
    };
    let collected = call().await.into_body().into_data_and_trailers().await;
    assert_eq!((decode(Some("br"), &collected.0), collected.1), (LINE.into(), Some(HeaderValue::from_static("7"))));
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
    let mut left = call().await;
    left.body_mut().frame().await.unwrap().unwrap();
    drop(left);
    assert_eq!(dropped.load(Ordering::Relaxed), 2);
}

struct CountOnDrop(Arc<AtomicUsize>);

impl Drop for CountOnDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

trait IntoDataAndTrailers {
    async fn into_data_and_trailers(self) -> (Vec<u8>, Option<HeaderValue>);
}

impl IntoDataAndTrailers for Body {
    async fn into_data_and_trailers(self) -> (Vec<u8>, Option<HeaderValue>) {
        let collected = http_body_util::BodyExt::collect(self).await.unwrap();
        let trailer = collected.trailers().map(|trailers| trailers["x-sum"].clone());
        (collected.to_bytes().to_vec(), trailer)
    }
}
