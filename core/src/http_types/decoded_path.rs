//! The path of a URI.

use std::borrow::Cow;

use http::Uri;
use percent_encoding::percent_decode_str;

/// Returns the path of a URI, percent-decoded.
pub(crate) fn decoded_path(uri: &Uri) -> Cow<'_, str> {
    let path = uri.path();
    if path.contains('%') { percent_decode_str(path).decode_utf8_lossy() } else { path.into() }
}
