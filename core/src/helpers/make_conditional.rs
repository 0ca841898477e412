//! Pages that are sent only if they have changed.

use headers::{HeaderMapExt, LastModified};
use http::{HeaderValue, StatusCode, header};

use super::conditions::{Selection, Version, etag, tag_of};
use super::files::other_version;
use crate::context::request;
use crate::error::Error;
use crate::http_types::{Body, Response};

/// Answers the conditions of the current request: a 304 without a body if its client has this version already, by the
/// response's `ETag` or `Last-Modified`. Werkzeug's `response.make_conditional(request)`. It is for responses to GET and HEAD
/// with the status 200; others are returned as they are.
///
/// ```
/// use costrel::{App, IntoResponse, add_etag, make_conditional};
///
/// let mut app = App::new("docs");
/// app.route("/", || {
///     let mut page = "a page that takes long to send".into_response()?;
///     add_etag(&mut page);
///     make_conditional(page)
/// });
/// let client = app.test_client();
/// let etag = client.get("/").wait()?.header("etag").unwrap_or_default().to_owned();
/// let again = client.get("/").header("if-none-match", &etag).wait()?;
/// assert_eq!((again.status().as_u16(), again.text().as_str()), (304, ""));
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Errors
/// A 412 if the client wants another version, by `If-Match` or `If-Unmodified-Since`.
///
/// # Panics
/// Outside a request, with a message that names the remedy.
#[track_caller]
pub fn make_conditional(mut response: Response) -> Result<Response, Error> {
    let request = request();
    if response.status() != StatusCode::OK {
        return Ok(response);
    }
    let headers = response.headers();
    let modified = headers.typed_get::<LastModified>().map(Into::into);
    let tag = headers.get(header::ETAG).and_then(|value| etag(value.to_str().ok()?));
    let version = Version { etag: tag, modified, length: 0 };
    match version.condition(request.method(), request.unwatched_headers()) {
        Selection::NotModified => {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            *response.body_mut() = Body::empty();
            for name in [header::CONTENT_LENGTH, header::CONTENT_TYPE, header::CONTENT_ENCODING] {
                response.headers_mut().remove(name);
            }
            Ok(response)
        }
        Selection::PreconditionFailed => Err(other_version()),
        _ => Ok(response),
    }
}

/// Sets the `ETag` of a response from its body, unless it has one or the body is a stream: Werkzeug's
/// `response.add_etag()`, with the same tag.
pub fn add_etag(response: &mut Response) {
    let Some(body) = response.body().as_bytes().filter(|_| !response.headers().contains_key(header::ETAG)) else {
        return;
    };
    if let Ok(tag) = HeaderValue::try_from(format!("\"{}\"", tag_of(body))) {
        response.headers_mut().insert(header::ETAG, tag);
    }
}
