//! The pages for errors that have no handler.

use http::StatusCode;

use super::abort::take_aborted;
use super::html::{escape, page_head};
use super::response::{Response, with_content_type};
use crate::error::Error;

/// Builds the default page. The details of an internal error go to the log, not to the client.
pub(crate) fn error_page(error: &Error) -> Response {
    if let Some(response) = take_aborted(error) {
        return response;
    }
    let public = Error::status(error.status_code().as_u16());
    let shown = if error.http_status().is_some() { error } else { &public };
    let page = format!("{}<p>{}</p>\n", page_head(error.status_code()), escape(shown.message()));
    let mut response = html_page(page, error.status_code());
    response.headers_mut().extend(error.headers().clone());
    response
}

/// Builds a response from a page of HTML.
pub(super) fn html_page(page: String, status: StatusCode) -> Response {
    let mut response = with_content_type(page.into(), "text/html; charset=utf-8");
    *response.status_mut() = status;
    response
}
