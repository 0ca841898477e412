//! Looks at the responses of views and decorators for faults that the lint reports.

use http::{Method, StatusCode, header};

use crate::error::Error;
use crate::execution::{Fault, RecordedStep};
use crate::http_types::{Request, Response};

/// Headers that a response may have once only (RFC 9110; the Fetch standard for CORS; the HTML standard for framing).
const ONCE_ONLY: [&str; 21] = [
    "access-control-allow-credentials",
    "access-control-allow-origin",
    "access-control-max-age",
    "age",
    "content-disposition",
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "cross-origin-embedder-policy",
    "cross-origin-opener-policy",
    "date",
    "etag",
    "expires",
    "last-modified",
    "location",
    "retry-after",
    "strict-transport-security",
    "x-content-type-options",
    "x-frame-options",
    "x-request-id",
];

/// Returns a function that notes the answer of a view, or of a decorator around it, for the lint.
pub(super) fn note_answer(
    step: &RecordedStep,
    request: &Request,
) -> impl FnOnce(&Result<Response, Error>) + Send + use<> {
    let (step, method) = (step.clone(), request.method().clone());
    move |answer| match answer {
        Ok(response) => step.note_answer(!response.status().is_server_error(), faults_of(&method, response)),
        Err(_) => step.note_answer(false, Vec::new()),
    }
}

/// Returns the faults of a response that show without reading its body.
pub(crate) fn faults_of(method: &Method, response: &Response) -> Vec<Fault> {
    let headers = response.headers();
    let repeated = ONCE_ONLY.iter().filter(|name| headers.get_all(**name).iter().nth(1).is_some());
    let mut faults: Vec<_> = repeated.map(|name| Fault::Repeated(name)).collect();
    // These responses state the length of a body that they do not have.
    let has_no_body = method == Method::HEAD || response.status() == StatusCode::NOT_MODIFIED;
    if let (Some(stated), Some(actual), false) =
        (headers.get(header::CONTENT_LENGTH), response.body().length(), has_no_body)
    {
        let stated = String::from_utf8_lossy(stated.as_bytes());
        if stated.parse() != Ok(actual) {
            faults.push(Fault::WrongLength { stated: stated.into_owned(), actual });
        }
    }
    faults
}
