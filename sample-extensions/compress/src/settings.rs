//! The settings by Flask-Compress's names.

use std::fmt::Display;
use std::ops::RangeInclusive;

use async_compression::Level;
use async_compression::brotli::EncoderParams;
use brotli::enc::backward_references::BrotliEncoderMode;
use costrel::{Config, Error, ErrorKind};
use costrel_ext_kit::Texts;
use serde::de::value::Error as NotOne;
use serde::de::{DeserializeOwned, IntoDeserializer};

use crate::format::{Format, Levels};

const MIMETYPES: &str = "text/html, text/css, text/plain, text/xml, text/x-component, text/javascript, \
    application/x-javascript, application/javascript, application/json, application/manifest+json, \
    application/vnd.api+json, application/xml, application/xhtml+xml, application/rss+xml, application/atom+xml, \
    application/vnd.ms-fontobject, application/x-font-ttf, application/x-font-opentype, application/x-font-truetype, \
    image/svg+xml, image/x-icon, image/vnd.microsoft.icon, font/ttf, font/eot, font/otf, font/opentype";

/// The settings of one app.
#[derive(Debug)]
pub(crate) struct Settings {
    /// `COMPRESS_REGISTER`: whether every response is compressed, and not only those of `compressed`.
    pub(crate) register: bool,
    /// `COMPRESS_MIMETYPES`, in which `*` is any text.
    mimetypes: Vec<String>,
    /// `COMPRESS_ALGORITHM`, the best first.
    pub(crate) formats: Vec<Format>,
    /// `COMPRESS_ALGORITHM_STREAMING`, for streamed bodies.
    pub(crate) streaming_formats: Vec<Format>,
    /// `COMPRESS_MIN_SIZE` in bytes.
    pub(crate) min_size: u64,
    /// `COMPRESS_STREAMS`: whether streamed bodies are compressed.
    pub(crate) streams: bool,
    /// `COMPRESS_EVALUATE_CONDITIONAL_REQUEST`: whether a client that has the page gets a 304.
    pub(crate) conditional: bool,
    /// `COMPRESS_STREAMING_ENDPOINT_CONDITIONAL`: the endpoints whose streams may be a 304.
    pub(crate) conditional_streams: Vec<String>,
    /// `COMPRESS_LEVEL` and the other levels.
    pub(crate) levels: Levels,
}

impl Settings {
    /// # Errors
    /// If a setting is there and does not fit; the message names it.
    pub(crate) fn read(config: &Config) -> Result<Self, Error> {
        for key in ["COMPRESS_CACHE_KEY", "COMPRESS_CACHE_BACKEND"] {
            if !matches!(config.try_get::<Option<()>>(key), Ok(None | Some(None))) {
                return Err(wrong(key, "it is none here, write `Compress::new().cache(backend, key)`"));
            }
        }
        Ok(Self {
            register: get(config, "COMPRESS_REGISTER", true)?,
            mimetypes: list(config, "COMPRESS_MIMETYPES", MIMETYPES)?,
            formats: list(config, "COMPRESS_ALGORITHM", "zstd, br, gzip, deflate")?,
            streaming_formats: list(config, "COMPRESS_ALGORITHM_STREAMING", "zstd, br, deflate")?,
            min_size: get(config, "COMPRESS_MIN_SIZE", 500)?,
            streams: get(config, "COMPRESS_STREAMS", true)?,
            conditional: get(config, "COMPRESS_EVALUATE_CONDITIONAL_REQUEST", true)?,
            conditional_streams: list(config, "COMPRESS_STREAMING_ENDPOINT_CONDITIONAL", "static")?,
            levels: levels(config)?,
        })
    }

    /// Whether a type of content is compressed. Streams of events are not, whatever the settings say, because each event has
    /// to leave at once, and the stream has to end when the server does.
    pub(crate) fn takes(&self, content_type: &str) -> bool {
        let name = content_type.split(';').next().unwrap_or_default().trim();
        !name.eq_ignore_ascii_case("text/event-stream") && self.mimetypes.iter().any(|pattern| matches(pattern, name))
    }
}

fn levels(config: &Config) -> Result<Levels, Error> {
    let level = number(config, "COMPRESS_BR_LEVEL", 4, 0..=11)?;
    let window = number(config, "COMPRESS_BR_WINDOW", 22, 10..=24)?;
    let params = EncoderParams::default().quality(Level::Precise(level)).window_size(window);
    let params = params.mode(match number(config, "COMPRESS_BR_MODE", 0, 0..=2)? {
        0 => BrotliEncoderMode::BROTLI_MODE_GENERIC,
        1 => BrotliEncoderMode::BROTLI_MODE_TEXT,
        _ => BrotliEncoderMode::BROTLI_MODE_FONT,
    });
    let block = number(config, "COMPRESS_BR_BLOCK", 0, 0..=24)?;
    Ok(Levels {
        gzip: number(config, "COMPRESS_LEVEL", 6, -1..=9)?,
        deflate: number(config, "COMPRESS_DEFLATE_LEVEL", -1, -1..=9)?,
        zstd: number(config, "COMPRESS_ZSTD_LEVEL", 3, -131_072..=22)?,
        br: level,
        // Brotli's 0 is its own choice.
        br_params: if block == 0 { params } else { params.block_size(block) },
    })
}

fn get<T: DeserializeOwned>(config: &Config, key: &str, default: T) -> Result<T, Error> {
    // What is null has its default.
    Ok(config.try_get::<Option<T>>(key)?.flatten().unwrap_or(default))
}

fn number(config: &Config, key: &str, default: i32, range: RangeInclusive<i32>) -> Result<i32, Error> {
    let number = get(config, key, default)?;
    if range.contains(&number) {
        return Ok(number);
    }
    Err(wrong(key, format_args!("write a number from {} to {}", range.start(), range.end())))
}

/// Reads a list of texts, or one text with commas between the items.
fn list<T: DeserializeOwned>(config: &Config, key: &str, default: &str) -> Result<Vec<T>, Error> {
    let items = match get(config, key, Texts::One(default.to_owned()))? {
        Texts::One(text) => text.split(',').map(|item| item.trim().to_owned()).collect(),
        Texts::Several(items) => items,
    };
    let read = |item: String| T::deserialize(item.into_deserializer()).map_err(|error: NotOne| wrong(key, error));
    items.into_iter().map(read).collect()
}

fn wrong(key: &str, what: impl Display) -> Error {
    Error::new(ErrorKind::Setup, format!("the setting {key}: {what}"))
}

/// Whether a name matches a pattern in which `*` is any text.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern.eq_ignore_ascii_case(name),
        Some((begin, rest)) => {
            let ends = |from: usize| (from..=name.len()).any(|at| name.get(at..).is_some_and(|end| matches(rest, end)));
            name.get(..begin.len()).is_some_and(|same| same.eq_ignore_ascii_case(begin)) && ends(begin.len())
        }
    }
}
