//! Headers that are for one connection, and go no further: RFC 9110, 7.6.1.

use costrel::http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// The headers for one connection that `Connection` need not name.
const ALWAYS: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Removes the headers for one connection, also those that `Connection` names.
pub(crate) fn remove(headers: &mut HeaderMap) {
    for name in listed(headers, &header::CONNECTION) {
        // What every message needs stays, because a client could take it away by naming it.
        if let Ok(name) = HeaderName::try_from(name)
            && !matches!(name, header::HOST | header::CONTENT_LENGTH | header::COOKIE | header::SET_COOKIE)
        {
            headers.remove(name);
        }
    }
    for name in ALWAYS {
        headers.remove(name);
    }
}

/// Whether a header that is a list has this word.
pub(crate) fn has(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    listed(headers, name).iter().any(|part| part.eq_ignore_ascii_case(word))
}

/// Asks for a WebSocket, or agrees to one.
pub(crate) fn set_upgrade(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
}

fn listed(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let texts = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).map(|part| part.trim().to_owned()).collect()
}
