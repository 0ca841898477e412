//! Settings, and what cannot be meant by them.

use costrel::{App, Error};
use costrel_compress::Compress;
use rstest::rstest;

use super::{Place, ask, set_up};

#[rstest]
#[case::type_of(|app: &mut App| app.config.set("COMPRESS_MIN_SIZE", "500"), "COMPRESS_MIN_SIZE")]
#[case::level(|app: &mut App| app.config.set("COMPRESS_LEVEL", 10), "COMPRESS_LEVEL: write a number from -1 to 9")]
#[case::br_level(|app: &mut App| app.config.set("COMPRESS_BR_LEVEL", 12), "COMPRESS_BR_LEVEL")]
#[case::br_mode(|app: &mut App| app.config.set("COMPRESS_BR_MODE", 3), "COMPRESS_BR_MODE")]
#[case::br_window(|app: &mut App| app.config.set("COMPRESS_BR_WINDOW", 9), "COMPRESS_BR_WINDOW")]
#[case::br_block(|app: &mut App| app.config.set("COMPRESS_BR_BLOCK", 25), "COMPRESS_BR_BLOCK")]
#[case::zstd_level(|app: &mut App| app.config.set("COMPRESS_ZSTD_LEVEL", 23), "COMPRESS_ZSTD_LEVEL")]
#[case::deflate_level(|app: &mut App| app.config.set("COMPRESS_DEFLATE_LEVEL", -2), "COMPRESS_DEFLATE_LEVEL")]
#[case::algorithm(|app: &mut App| app.config.set("COMPRESS_ALGORITHM", "gzip, lzma"), "unknown variant `lzma`, expected one of `zstd`, `br`, `gzip`, `deflate`")]
#[case::streaming(|app: &mut App| app.config.set("COMPRESS_ALGORITHM_STREAMING", 1), "COMPRESS_ALGORITHM_STREAMING")]
#[case::key(|app: &mut App| app.config.set("COMPRESS_CACHE_KEY", "path"), "COMPRESS_CACHE_KEY: it is none here")]
#[case::backend(|app: &mut App| app.config.set("COMPRESS_CACHE_BACKEND", "redis"), "`Compress::new().cache(backend, key)`")]
fn a_setting_that_does_not_fit_is_a_set_up_error(
    #[case] configure: fn(&mut App) -> Result<(), Error>,
    #[case] message: &str,
) {
    let mut app = App::new("test");
    let error = configure(&mut app).and_then(|()| app.init(&Compress::new()));
    let error = error.and_then(|()| app.build().map(drop)).unwrap_err();
    assert!(error.message().contains(message), "{error}");
    assert!(error.location().is_some());
}

#[test]
fn twice_and_never_are_set_up_errors() {
    let mut app = App::new("test");
    let twice = app.init(&Compress::new()).and_then(|()| app.init(&Compress::new())).unwrap_err();
    assert!(twice.message().contains("twice"), "{twice}");
    let mut app = App::new("test");
    app.rule("/").decorate(Compress::new().compressed()).view(|| "");
    let never = app.build().unwrap_err();
    assert!(never.message().contains("Compression"), "{never}");
}

/// The settings change what is sent.
#[rstest]
#[case("COMPRESS_LEVEL", 1, 9, "gzip")]
#[case("COMPRESS_DEFLATE_LEVEL", 1, 9, "deflate")]
#[case("COMPRESS_ZSTD_LEVEL", 1, 19, "zstd")]
#[case("COMPRESS_BR_LEVEL", 0, 9, "br")]
fn a_higher_level_makes_a_smaller_page(#[case] key: &str, #[case] low: i32, #[case] high: i32, #[case] format: &str) {
    let numbers = (0..2000_u64).map(|n| (n.wrapping_mul(2_654_435_761) % 9973).to_string());
    let text = numbers.collect::<Vec<_>>().join(" ");
    let length = |level: i32| {
        let text = text.clone();
        let configure = |app: &mut App| app.config.set(key, level).unwrap();
        let app = set_up(Place::App, false, Compress::new(), configure, move || text.clone());
        ask(app, &[("accept-encoding", format)]).data().len()
    };
    assert!(length(high) < length(low));
}
