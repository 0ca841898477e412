//! Levels: what they cost the event loop and the reader.

use costrel::App;
use costrel_compress::Compress;
use rstest::rstest;

use super::{LINE, Place, ask, decoded, encoding, set_up, streams};

/// The loop compresses what is short, and a worker what is long.
/// A short page is too, at a level that takes long for it.
#[rstest]
#[case::short("br", 4, 60, 0)]
#[case::long("br", 4, 6000, 1)]
#[case::fast_br("br", 6, 60, 0)]
#[case::slow_br("br", 7, 60, 1)]
#[case::slowest_br("br", 11, 60, 1)]
#[case::fast_zstd("zstd", 9, 60, 0)]
#[case::slow_zstd("zstd", 10, 60, 1)]
#[case::slowest_zstd("zstd", 22, 60, 1)]
#[case::long_zstd("zstd", -5, 6000, 1)]
#[case::slowest_gzip("gzip", 9, 60, 0)]
fn what_takes_long_is_compressed_off_the_loop(
    #[case] format: &str,
    #[case] level: i32,
    #[case] lines: usize,
    #[case] crossings: u64,
    #[values(Place::App, Place::View)] place: Place,
) {
    let configure = |app: &mut App| {
        let key =
            if format == "gzip" { "COMPRESS_LEVEL" } else { &format!("COMPRESS_{}_LEVEL", format.to_uppercase()) };
        app.config.set(key, level).unwrap();
    };
    let page = LINE.repeat(lines);
    let shown = page.clone();
    let client = set_up(place, false, Compress::new(), configure, move || shown.clone()).test_client();
    let response = client.get("/").header("accept-encoding", format).wait().unwrap();
    assert_eq!((encoding(&response), decoded(&response)), (Some(format), page));
    assert_eq!(client.application().handle().crossings(), crossings);
}

/// A frame of zstd says how far its reader has to look back: as far as the page is long.
#[rstest]
#[case::short(1_000, 3, 10)]
#[case::of_a_few_kilobytes(3_000, 19, 12)]
#[case::long(600_000, 1, 19)]
fn zstd_needs_no_more_memory_than_the_page(#[case] length: usize, #[case] level: i32, #[case] window: u8) {
    let configure = |app: &mut App| app.config.set("COMPRESS_ZSTD_LEVEL", level).unwrap();
    let app = set_up(Place::App, true, Compress::new(), configure, move || "a".repeat(length));
    let response = ask(app, &[("accept-encoding", "zstd")]);
    assert_eq!(window_of(response.data()), window);
    assert_eq!(decoded(&response).len(), length);
}

/// Browsers look back 8 MiB, and no farther (RFC 9659, 3).
#[rstest]
#[case(3, 21)]
#[case(19, 23)]
#[case(22, 23)]
fn a_stream_in_zstd_is_for_browsers(
    #[case] level: i32,
    #[case] window: u8,
    #[values(true, false)] is_sync: bool,
    #[values(Place::App, Place::View)] place: Place,
) {
    let configure = |app: &mut App| app.config.set("COMPRESS_ZSTD_LEVEL", level).unwrap();
    let view = move || streams::streamed(is_sync, vec![LINE.into(), LINE.into()]);
    let response = ask(set_up(place, is_sync, Compress::new(), configure, view), &[("accept-encoding", "zstd")]);
    assert_eq!((window_of(response.data()), decoded(&response)), (window, LINE.repeat(2)));
}

/// The binary logarithm of the window (RFC 8878, 3.1.1.1.2), in a frame that has one.
fn window_of(frame: &[u8]) -> u8 {
    let [_, _, _, _, descriptor, window, ..] = frame else { panic!("{frame:?} is no frame") };
    assert_eq!(descriptor & 0b0010_0000, 0, "the frame is one segment");
    10 + (window >> 3)
}
