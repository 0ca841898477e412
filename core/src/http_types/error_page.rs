//! The pages for errors nobody handled.

use http::StatusCode;

use super::response::{Response, escape, html_page, page_head};
use crate::error::{Error, ErrorKind};

/// The default page. What went wrong inside is for the log, not for the client.
pub(crate) fn error_page(error: &Error) -> Response {
    let public = Error::status(error.status_code().as_u16());
    let shown = if matches!(error.kind(), ErrorKind::Status(_)) { error } else { &public };
    let page = format!("{}<p>{}</p>\n", page_head(error.status_code()), escape(shown.message()));
    let mut response = html_page(page, error.status_code());
    response.headers_mut().extend(error.headers().clone());
    response
}

/// The page of debug mode, for the developer alone: all that is known.
pub(crate) fn debug_page(error: &Error, what: &str) -> Response {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    let page = format!(
        "{}<p>{}</p>\n<pre>{}</pre>\n<p>This page is shown because <code>debug</code> is on. Turn it off in production.</p>\n",
        page_head(status),
        escape(what),
        escape(&format!("{error:?}"))
    );
    html_page(page, status)
}
