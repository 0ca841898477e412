//! Wrong decorators that encode bodies, or spoil them on the way.

use std::io::Write;

use costrel::http::header;
use costrel::{Error, HeaderValue, Request, Response, View, current_app};
use costrel_ext_kit::Decorate;
use flate2::Compression;
use flate2::write::GzEncoder;

fn gzip(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

fn accepts_gzip(request: &Request) -> bool {
    let accepted = request.header("accept-encoding").unwrap_or_default();
    accepted.split(',').any(|part| part.trim() == "gzip")
}

/// Whether a body has a length, which those that are streamed do not.
fn is_whole(response: &Response) -> bool {
    response.body().length().is_some_and(|length| length > 0)
}

fn is_encoded(response: &Response) -> bool {
    response.headers().contains_key(header::CONTENT_ENCODING)
}

/// Encodes a whole body as `encode` does.
async fn compressed(response: Response, encode: fn(&[u8]) -> Result<Vec<u8>, Error>) -> Result<Response, Error> {
    let (mut head, body) = response.into_parts();
    let encoded = encode(&body.collect().await?)?;
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.append(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Ok(Response::from_parts(head, encoded.into()))
}

fn vary(response: &mut Response) {
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
}

/// Compresses an empty body in place of the view's.
pub(super) fn loses_the_body_it_compresses(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let accepts = accepts_gzip(&request);
        let mut response = next.call(request).await?;
        vary(&mut response);
        let compresses = accepts && is_whole(&response) && !is_encoded(&response);
        if compresses { compressed(response, |_| gzip(b"")).await } else { Ok(response) }
    })
}

/// Compresses the first part of a long body.
pub(super) fn cuts_what_it_compresses(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let accepts = accepts_gzip(&request);
        let mut response = next.call(request).await?;
        vary(&mut response);
        let compresses = accepts && is_whole(&response) && !is_encoded(&response);
        let first = |bytes: &[u8]| gzip(&bytes[..bytes.len().min(8_192)]);
        if compresses { compressed(response, first).await } else { Ok(response) }
    })
}

/// Compresses, and does not tell the caches on the way.
pub(super) fn compresses_without_vary(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let accepts = accepts_gzip(&request);
        let response = next.call(request).await?;
        let compresses = accepts && is_whole(&response) && !is_encoded(&response);
        if compresses { compressed(response, gzip).await } else { Ok(response) }
    })
}

/// Compresses for every client that names gzip, also to forbid it.
pub(super) fn compresses_uninvited(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let accepts = request.header("accept-encoding").is_some_and(|accepted| accepted.contains("gzip"));
        let mut response = next.call(request).await?;
        vary(&mut response);
        let compresses = accepts && is_whole(&response) && !is_encoded(&response);
        if compresses { compressed(response, gzip).await } else { Ok(response) }
    })
}

/// Compresses what the view has encoded already.
pub(super) fn compresses_twice(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let accepts = accepts_gzip(&request);
        let mut response = next.call(request).await?;
        vary(&mut response);
        if accepts && is_whole(&response) { compressed(response, gzip).await } else { Ok(response) }
    })
}

/// Says that the body is compressed, and leaves it as it is, as sync code.
pub(super) fn says_gzip_alone(view: View) -> View {
    view.wrapped_by(|view, request| {
        let accepts = accepts_gzip(&request);
        let mut response = current_app().ensure_sync(view)(request)?;
        if accepts && is_whole(&response) && !is_encoded(&response) {
            vary(&mut response);
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        Ok(response)
    })
}

/// Decodes the view's own encoding by taking its header away.
pub(super) fn strips_the_encoding(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let accepts = accepts_gzip(&request);
        let mut response = next.call(request).await?;
        vary(&mut response);
        if is_encoded(&response) {
            response.headers_mut().remove(header::CONTENT_ENCODING);
            return Ok(response);
        }
        if accepts && is_whole(&response) { compressed(response, gzip).await } else { Ok(response) }
    })
}
