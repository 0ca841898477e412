//! Recorded requests: of HAR files, and of nginx's combined log.

use std::net::IpAddr;

use costrel::http::Uri;
use costrel::{Error, ErrorKind, Method};
use serde::Deserialize;

/// A request that was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recorded {
    /// The method.
    pub method: Method,
    /// The path with its query.
    pub path: String,
    /// The headers, without those of the connection.
    pub headers: Vec<(String, String)>,
    /// The body; empty if there was none, or the record leaves it out.
    pub body: Vec<u8>,
    /// The client, whose cookies are kept apart from those of others; if it is an address, both apps see it.
    pub client: String,
}

/// The headers that belong to the recorded connection, and that which would make bodies differ that say the same.
pub(crate) const DROPPED: [&str; 8] =
    ["host", "connection", "content-length", "transfer-encoding", "accept-encoding", "te", "upgrade", "expect"];

impl Recorded {
    /// A request without headers and body, of a client that all of these share.
    ///
    /// # Errors
    /// If `path` is not the path of a URL.
    pub fn new(method: Method, path: &str) -> Result<Self, Error> {
        if !path.starts_with('/') || path.parse::<Uri>().is_err() {
            return Err(wrong(&format!("{path:?} is not a path: write {:?}", "/users?page=2")));
        }
        Ok(Self { method, path: path.to_owned(), headers: Vec::new(), body: Vec::new(), client: String::new() })
    }

    /// Whether the request changes nothing, so that both apps may get it: RFC 9110, 9.2.1.
    pub fn is_safe(&self) -> bool {
        self.method.is_safe()
    }
}

/// Reads the requests of a HAR file, as browsers save it. Requests to other hosts than the first one's, such as those for fonts
/// and analytics, are left out.
///
/// ```
/// let har = r#"{"log": {"entries": [{"request": {"method": "GET", "url": "http://shop.example/users?page=2", "headers": []}}]}}"#;
/// assert_eq!(costrel_shadow::read_har(har)?[0].path, "/users?page=2");
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Errors
/// If the text is no HAR file, or a request in it cannot be sent.
pub fn read_har(text: &str) -> Result<Vec<Recorded>, Error> {
    let har: Har = serde_json::from_str(text).map_err(|error| wrong(&format!("this is no HAR file: {error}")))?;
    let host_of = |entry: &Entry| Some(entry.request.url.parse::<Uri>().ok()?.authority()?.to_string());
    let host = har.log.entries.first().and_then(host_of);
    // An address that cannot be read is not left out, but an error.
    let is_foreign = |entry: &Entry| host_of(entry).is_some_and(|other| Some(other) != host);
    let entries = har.log.entries.into_iter().enumerate();
    entries
        .filter(|(_, entry)| !is_foreign(entry))
        .map(|(at, entry)| entry.request.read().map_err(|error| wrong(&format!("entry {}: {error}", at + 1))))
        .collect()
}

#[derive(Deserialize)]
struct Har {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    request: HarRequest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HarRequest {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<HarHeader>,
    post_data: Option<PostData>,
}

#[derive(Deserialize)]
struct HarHeader {
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct PostData {
    #[serde(default)]
    text: String,
    /// The fields of a form, which some programs write in place of the text.
    #[serde(default)]
    params: Vec<Param>,
}

#[derive(Deserialize)]
struct Param {
    name: String,
    #[serde(default)]
    value: String,
}

impl PostData {
    fn into_body(self) -> Vec<u8> {
        if !self.text.is_empty() {
            return self.text.into_bytes();
        }
        let pairs = self.params.iter().map(|param| (&param.name, &param.value));
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish().into_bytes()
    }
}

impl HarRequest {
    fn read(self) -> Result<Recorded, Error> {
        let uri: Uri = self.url.split('#').next().unwrap_or_default().parse()?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let mut recorded = Recorded::new(Method::from_bytes(self.method.as_bytes())?, path)?;
        // HTTP/2 has names that begin with a colon, for the parts of the request line.
        let kept = |name: &str| !name.starts_with(':') && !DROPPED.contains(&&*name.to_lowercase());
        recorded.headers = self
            .headers
            .into_iter()
            .filter(|header| kept(&header.name))
            .map(|header| (header.name, header.value))
            .collect();
        recorded.body = self.post_data.map(PostData::into_body).unwrap_or_default();
        Ok(recorded)
    }
}

/// Reads the requests of an access log in nginx's combined format, which is Apache's and gunicorn's too. Such a log has no
/// cookies and no bodies. Lines that hold no request are returned as the second value, by number.
///
/// ```
/// let log = r#"10.0.0.1 - - [30/Nov/2026:10:00:00 +0000] "GET /users?page=2 HTTP/1.1" 200 512 "-" "curl/8.5""#;
/// let (requests, unread) = costrel_shadow::read_log(log);
/// assert_eq!((requests[0].path.as_str(), unread.len()), ("/users?page=2", 0));
/// ```
pub fn read_log(text: &str) -> (Vec<Recorded>, Vec<usize>) {
    let (mut requests, mut unread) = (Vec::new(), Vec::new());
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match read_line(line) {
            Some(request) => requests.push(request),
            None => unread.push(at + 1),
        }
    }
    (requests, unread)
}

fn read_line(line: &str) -> Option<Recorded> {
    let client = line.split(' ').next()?;
    let mut quoted = quoted(line);
    let request = quoted.next()?;
    let mut words = request.split(' ');
    let (method, path, _version) = (words.next()?, words.next()?, words.next()?);
    let mut recorded = Recorded::new(Method::from_bytes(method.as_bytes()).ok()?, path).ok()?;
    recorded.client = client.parse::<IpAddr>().map_or_else(|_| client.to_owned(), |address| address.to_string());
    for name in ["referer", "user-agent"] {
        let value = quoted.next().unwrap_or_default();
        if !value.is_empty() && value != "-" {
            recorded.headers.push((name.to_owned(), value));
        }
    }
    Some(recorded)
}

/// The texts in quotes, in which `\xHH` stands for a byte, and a backslash for the character after it.
fn quoted(line: &str) -> impl Iterator<Item = String> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once('"')?;
        let (mut bytes, mut characters) = (Vec::new(), after.char_indices());
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    rest = &after[at + 1..];
                    return String::from_utf8(bytes).ok();
                }
                '\\' => match (after.get(at + 1..at + 2)?, after.get(at + 2..at + 4)) {
                    ("x", Some(digits)) if u8::from_str_radix(digits, 16).is_ok() => {
                        bytes.push(u8::from_str_radix(digits, 16).ok()?);
                        characters.nth(2)?;
                    }
                    _ => bytes.extend(characters.next()?.1.to_string().into_bytes()),
                },
                _ => bytes.extend(character.to_string().into_bytes()),
            }
        }
        None
    })
}

fn wrong(message: &str) -> Error {
    Error::new(ErrorKind::Other, message)
}
