//! Helpers for the HTML that Costrel writes itself.

use http::StatusCode;

/// Escapes `text` for HTML: characters that mean something there become entities.
///
/// ```
/// assert_eq!(costrel::escape("<b>&\"'"), "&lt;b&gt;&amp;&#34;&#39;");
/// ```
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&#34;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Returns the beginning of a page that Costrel writes itself.
pub(super) fn page_head(status: StatusCode) -> String {
    let reason = status.canonical_reason().unwrap_or("Unknown");
    format!("<!doctype html>\n<html lang=en>\n<title>{} {reason}</title>\n<h1>{reason}</h1>\n", status.as_str())
}
