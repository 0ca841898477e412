//! The differences from Flask that COMPATIBILITY.md lists.

const JSON_ASCII: &str = "JSON beyond ASCII is sent as it is, not as \\u escapes";
const OWN_PAGES: &str = "pages of Costrel's own have sentences of its own";
const SECURE_NONE: &str = "SameSite=None goes with Secure, without which browsers refuse it";
const BAD_UTF8: &str = "bytes that are no text become the replacement character";
const URLS_AS_SENT: &str = "URLs are given as they were sent; full_path has no question mark of its own";
const NO_FILENAME_STAR: &str = "filename* is not for forms (RFC 7578)";
const UNCLOSED: &str = "a multipart body that breaks off is a 400, not a form without its last part";
const NESTED_TUPLE: &str = "a tuple within a tuple is written as a list";
const ASCII_NAME: &str = "the name for clients that read ASCII alone leaves other letters out";
const FILES_ONLY: &str = "send_file sends files; bytes are returned as they are";
const SEVERAL_RANGES: &str = "a request for several ranges gets the whole file";
const NO_NUL: &str = "a path with a NUL in it is a 400";
const STRICT_CONDITIONS: &str = "conditions are read as RFC 9110 has them";
const DELETED_AS_SET: &str = "the cookie that deletes a session has the attributes of the one that was set";
const KEYS_BY_NAME: &str = "the keys of a session are written in the order of their names";
const WEAK_TAG: &str = "a compressed page has a weak tag, so a client that has it gets a 304";
const ACCEPTED: &str = "a format is accepted as RFC 9110 has it, by the closest match";
const NO_TRANSFORM: &str = "no-transform is heeded";
const ONE_SENTENCE: &str = "a text that is no number has one sentence, and not those of the rules for numbers too";
const CORS_ON_REFUSALS: &str = "a view's CORS headers are on its refusals too";

/// The known differences: group, step, and the reason why the responses differ.
const KNOWN: &[(&str, &str, &str)] = &[
    ("sessions on the server", "clear, no session", DELETED_AS_SET),
    ("sessions on the server", "pop", DELETED_AS_SET),
    ("sessions on the server", "clear", DELETED_AS_SET),
    ("sessions on the server", "flashed", KEYS_BY_NAME),
    ("planted ids", "clear", DELETED_AS_SET),
    ("compress", "text: gzip;q=0", ACCEPTED),
    ("compress", "text: zstd;q=0, *", ACCEPTED),
    ("compress", "text: br;q=0.5, *", ACCEPTED),
    ("compress", "text: gzip; q=0.5, br; q=0.9", ACCEPTED),
    ("compress", "own", NO_TRANSFORM),
    ("compress", "tag", WEAK_TAG),
    ("compress", "tag in hand", WEAK_TAG),
    ("compress", "another tag in hand", WEAK_TAG),
    ("compress", "any tag in hand", WEAK_TAG),
    ("flask-wtf forms", "a number with a part", ONE_SENTENCE),
    ("cross-origin", "view, abort", CORS_ON_REFUSALS),
    ("responses", "dict", JSON_ASCII),
    ("responses", "jsonify-list", JSON_ASCII),
    ("responses", "head of dict", JSON_ASCII),
    ("arguments and headers", "non-ascii", JSON_ASCII),
    ("forms", "form non-ascii", JSON_ASCII),
    ("forms", "form raw utf-8", JSON_ASCII),
    ("forms", "multipart utf-8 filename", JSON_ASCII),
    ("forms", "multipart non-ascii field", JSON_ASCII),
    ("json and data", "json", JSON_ASCII),
    ("json and data", "json surrogate pair", JSON_ASCII),
    ("responses", "redirect-outside", OWN_PAGES),
    ("responses", "redirect-unicode", OWN_PAGES),
    ("errors", "abort 418 has the app's handler", OWN_PAGES),
    ("errors", "exception handler loses to the app's code", OWN_PAGES),
    ("json and data", "json text/plain is 415", OWN_PAGES),
    ("json and data", "json without type is 415", OWN_PAGES),
    ("json and data", "json property wrong type", OWN_PAGES),
    ("response cookies", "samesite none", SECURE_NONE),
    ("arguments and headers", "bad utf-8", BAD_UTF8),
    ("forms", "form bad utf-8", BAD_UTF8),
    ("request urls", "plain", URLS_AS_SENT),
    ("request urls", "empty query", URLS_AS_SENT),
    ("request urls", "non-ascii", URLS_AS_SENT),
    ("request urls", "space", URLS_AS_SENT),
    ("request urls", "percent", URLS_AS_SENT),
    ("request urls", "post", URLS_AS_SENT),
    ("request urls", "other host", URLS_AS_SENT),
    ("request urls", "default port", URLS_AS_SENT),
    ("request urls", "forwarded is not trusted", URLS_AS_SENT),
    ("forms", "multipart filename star", NO_FILENAME_STAR),
    ("forms", "multipart not closed", UNCLOSED),
    ("session values", "tagged", NESTED_TUPLE),
    ("files", "named non-ascii", ASCII_NAME),
    ("files", "from bytes", FILES_ONLY),
    ("files", "range from bytes", FILES_ONLY),
    ("files", "if none match unquoted", STRICT_CONDITIONS),
    ("files", "if match other", STRICT_CONDITIONS),
    ("files", "range other unit", STRICT_CONDITIONS),
    ("files", "range without equals", STRICT_CONDITIONS),
    ("files", "range spaces", STRICT_CONDITIONS),
    ("files", "range if range weak etag", STRICT_CONDITIONS),
    ("files", "range if range later", STRICT_CONDITIONS),
    ("files", "range suffix too long", STRICT_CONDITIONS),
    ("files", "range head", STRICT_CONDITIONS),
    ("files", "range with none match", STRICT_CONDITIONS),
    ("files", "if unmodified since before", STRICT_CONDITIONS),
    ("files", "range multi", SEVERAL_RANGES),
    ("files", "static nul", NO_NUL),
];

/// The reason why the responses to this step may differ, if they may.
pub(crate) fn reason(group: &str, name: &str) -> Option<&'static str> {
    KNOWN.iter().find(|(of, step, _)| *of == group && *step == name).map(|(_, _, reason)| *reason)
}
