//! What is compressed, and the headers that say so.

use std::sync::{Arc, OnceLock};

use costrel::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use costrel::{
    Application, Bytes, Error, HeaderName, HeaderValue, IntoResponse, Method, Request, Response, StatusCode, add_vary,
    current_app, make_conditional,
};

use crate::cache::Cache;
use crate::format::{Format, off_loop};
use crate::settings::Settings;
use crate::stream::compressed;

/// The headers of a body that stays as it is, because it is encoded already, is a part, or has a checksum.
const FIXED: [&str; 6] =
    ["content-encoding", "content-range", "content-digest", "repr-digest", "digest", "content-md5"];

/// The longest page of a file that GET has in one piece, in bytes.
const WHOLE_FILE: u64 = 32 * 1024;

/// The state of the extension on one app: its compressor, which is made when the app is built, so that settings may come after it.
#[derive(Debug, Default)]
pub(crate) struct Compression {
    compressor: OnceLock<Arc<Compressor>>,
}

impl Compression {
    /// # Errors
    /// If a setting does not fit.
    pub(crate) fn make(app: &Application, cache: Option<Cache>) -> Result<(), Error> {
        let compressor = Compressor { settings: Settings::read(app.handle().config())?, cache };
        app.handle().extension::<Self>()?.compressor.get_or_init(|| Arc::new(compressor));
        Ok(())
    }

    /// The compressor of the current app.
    ///
    /// # Errors
    /// If the extension was not initialised on it.
    pub(crate) fn current() -> Result<Arc<Compressor>, Error> {
        let made = current_app().extension::<Self>()?.compressor.get().cloned();
        made.ok_or_else(|| Error::setup("`Compress` reads its settings when the app is built, which it is not yet"))
    }
}

/// The settings of an app, and its cache.
#[derive(Debug)]
pub(crate) struct Compressor {
    pub(crate) settings: Settings,
    pub(crate) cache: Option<Cache>,
}

impl Compressor {
    /// Compresses a response, if it may be and the client takes it so.
    ///
    /// # Errors
    /// Those of the function that makes keys for the cache.
    pub(crate) async fn compress(&self, request: &Request, mut response: Response) -> Result<Response, Error> {
        add_vary(&mut response, "Accept-Encoding");
        let format = self.format(request, &response);
        if let Some(format) = format {
            if self.is_conditional(request, &response) {
                // Before the tag becomes weak, because a client that wants a version by `If-Match` has a strong one.
                response = make_conditional(response).or_else(|refusal| ("", refusal.status_code()).into_response())?;
            }
            if response.status().is_success() {
                // Boxed, so that a response that stays as it is does not move the room of the work.
                return Box::pin(self.apply(format, request, response)).await;
            }
        }
        if response.status() == StatusCode::NOT_MODIFIED {
            // A client that has the compressed page knows it by its weak tag.
            let has = |tag: &str| {
                let mut lines = request.header_values(IF_NONE_MATCH.as_str());
                lines.any(|line| line.to_str().is_ok_and(|line| line.contains(tag)))
            };
            weaken_tag_if(&mut response, |tag| format.is_some() || has(tag));
        }
        Ok(response)
    }

    /// Returns the format for the response; `None` if it stays as it is.
    fn format(&self, request: &Request, response: &Response) -> Option<Format> {
        let is_stream = is_stream(request, response);
        let offered = if is_stream { &self.settings.streaming_formats } else { &self.settings.formats };
        best(request, offered).filter(|_| self.may_change(response) && (!is_stream || self.settings.streams))
    }

    fn may_change(&self, response: &Response) -> bool {
        let (settings, headers) = (&self.settings, response.headers());
        let text = |name: HeaderName| headers.get(name)?.to_str().ok();
        response.status().is_success()
            // Such a stream ends with the server, between two chunks, where a compressed one has no end.
            && !response.body().is_until_shutdown()
            && !matches!(response.status().as_u16(), 204..=206)
            && !FIXED.iter().any(|name| headers.contains_key(*name))
            && !headers.get_all(CACHE_CONTROL).iter().any(forbids_change)
            && text(CONTENT_TYPE).is_some_and(|name| settings.takes(name))
            && length(response).is_none_or(|length| length >= settings.min_size.max(1))
    }

    /// Whether the client may have the page already.
    fn is_conditional(&self, request: &Request, response: &Response) -> bool {
        let is_listed = |endpoint| self.settings.conditional_streams.iter().any(|listed| listed == endpoint);
        self.settings.conditional && (!is_stream(request, response) || request.endpoint().is_some_and(is_listed))
    }

    async fn apply(&self, format: Format, request: &Request, mut response: Response) -> Result<Response, Error> {
        let levels = &self.settings.levels;
        let in_place = format.in_place(levels);
        let length = length(&response);
        let encoder = || format.encoder(levels, length);
        let compress = async |page: Bytes| {
            let encoder = encoder();
            off_loop(page, in_place, |page| encoder.whole(page)).await
        };
        *response.body_mut() = match (whole(request, &response), &self.cache) {
            (None, _) => compressed(std::mem::take(response.body_mut()), encoder(), in_place),
            (Some(page), None) => compress(page).await?.into(),
            (Some(page), Some(cache)) => {
                let compressing = compress(page.clone());
                cache.get_or(request, format, page, compressing).await?.into()
            }
        };
        weaken_tag_if(&mut response, |_| true);
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(format.name()));
        response.headers_mut().remove(CONTENT_LENGTH);
        // A range would be one of the page as it was.
        response.headers_mut().remove(ACCEPT_RANGES);
        Ok(response)
    }
}

/// Returns the body if all of it is there. In an answer to HEAD it may be missing, as a file's is, with its length stated.
fn whole(request: &Request, response: &Response) -> Option<Bytes> {
    response.body().as_bytes().filter(|body| !body.is_empty() || request.method() != Method::HEAD).cloned()
}

/// Whether the body comes in pieces. One that is missing in an answer to HEAD does, if that to GET has it so.
fn is_stream(request: &Request, response: &Response) -> bool {
    let is_head_only = request.method() == Method::HEAD && response.body().as_bytes().is_some();
    whole(request, response).is_none()
        && !(is_head_only && stated_length(response).is_some_and(|length| length <= WHOLE_FILE))
}

/// Returns the length of the body in bytes, if it is known.
fn length(response: &Response) -> Option<u64> {
    response.body().length().max(stated_length(response))
}

fn stated_length(response: &Response) -> Option<u64> {
    response.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Returns the format that the client likes best; of equally good ones the first that is offered. `None` if the client likes
/// the page better as it is.
fn best(request: &Request, offered: &[Format]) -> Option<Format> {
    let accepted = request.accept_encodings();
    let qualities = offered.iter().map(|format| (accepted.quality(format.name()), *format));
    let (quality, format) = qualities.reduce(|best, next| if next.0 > best.0 { next } else { best })?;
    (quality > 0.0 && quality >= accepted.quality("identity")).then_some(format)
}

/// Makes a strong tag weak, because the bytes differ by format. A client that has the page in any format still gets a 304.
fn weaken_tag_if(response: &mut Response, condition: impl FnOnce(&str) -> bool) {
    let strong = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok()).filter(|tag| !tag.starts_with("W/"));
    let weak = strong.map(|tag| format!("W/{tag}")).filter(|weak| condition(weak));
    if let Some(weak) = weak.and_then(|weak| HeaderValue::try_from(weak).ok()) {
        response.headers_mut().insert(ETAG, weak);
    }
}

/// Whether a line of `Cache-Control` says that the body is to stay as it is.
fn forbids_change(line: &HeaderValue) -> bool {
    line.to_str().is_ok_and(|line| line.to_ascii_lowercase().contains("no-transform"))
}
