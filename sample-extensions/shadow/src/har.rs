//! HAR files, as browsers save them.

use costrel::http::uri::Authority;
use costrel::{Error, Method};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Deserialize;

use crate::form_body::{Field, encode};
use crate::recorded::{DROPPED, Recorded, Recording, wrong};

/// Reads the requests of a HAR file to `host`, such as `shop.example`; without one, to the host of the first request. Others are
/// left out: for fonts and analytics, and what no server answers, such as `data:`.
///
/// ```
/// let har = r#"{"log": {"entries": [{"request": {"method": "GET", "url": "http://shop.example/users?page=2", "headers": []}}]}}"#;
/// assert_eq!(costrel_shadow::read_har(har, None)?.requests[0].path, "/users?page=2");
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Errors
/// If the text is no HAR file, or all of its requests are left out.
pub fn read_har(text: &str, host: Option<&str>) -> Result<Recording, Error> {
    let har: Har = serde_json::from_str(text).map_err(|error| wrong(&format!("this is no HAR file: {error}")))?;
    let entries = har.log.entries;
    let first_host = || entries.iter().find_map(|entry| Address::parse(&entry.request.url).ok()?.host);
    let host = host.map(usual).or_else(first_host).unwrap_or_default();
    let mut recording = Recording::default();
    for (at, entry) in entries.into_iter().enumerate() {
        match entry.request.read(&host) {
            Ok(request) => recording.requests.push(request),
            Err(why) => recording.leave_out(why, format!("entry {}", at + 1)),
        }
    }
    if recording.requests.is_empty() && !recording.left_out.is_empty() {
        let said: Vec<_> = recording.left_out.iter().map(ToString::to_string).collect();
        return Err(wrong(&format!("all requests of the HAR file are left out: {}", said.join(", "))));
    }
    Ok(recording)
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
#[serde(rename_all = "camelCase")]
struct PostData {
    #[serde(default)]
    mime_type: String,
    #[serde(default)]
    text: String,
    /// The fields of a form, which some programs write in place of the text.
    #[serde(default)]
    params: Vec<Field>,
}

impl HarRequest {
    /// Returns the request, or why it is left out.
    fn read(self, host: &str) -> Result<Recorded, String> {
        let address = Address::parse(&self.url)?;
        if address.host.is_some_and(|other| other != host) {
            return Err(format!("for another host than {host}"));
        }
        let method = Method::from_bytes(self.method.as_bytes()).map_err(|_| "with a method that is none".to_owned())?;
        let mut recorded = Recorded::new(method, &address.path).map_err(|_| NO_ADDRESS.to_owned())?;
        // HTTP/2 has names that begin with a colon, for the parts of the request line.
        let kept = |name: &str| !name.starts_with(':') && !DROPPED.contains(&&*name.to_lowercase());
        let headers = self.headers.into_iter().filter(|header| kept(&header.name));
        recorded.headers = headers.map(|header| (header.name, header.value)).collect();
        if let Some(data) = self.post_data {
            data.add_to(&mut recorded);
        }
        Ok(recorded)
    }
}

impl PostData {
    /// Adds the body, with its type if the headers do not have it.
    fn add_to(self, recorded: &mut Recorded) {
        let is_content_type = |(name, _): &&mut (String, String)| name.eq_ignore_ascii_case("content-type");
        let header = recorded.headers.iter_mut().find(is_content_type);
        let given = header.as_ref().map_or(self.mime_type, |(_, value)| value.clone());
        let (content_type, body) =
            if self.text.is_empty() { encode(&self.params, given) } else { (given, self.text.into_bytes()) };
        recorded.body = body;
        match header {
            Some((_, value)) => *value = content_type,
            None if content_type.is_empty() => {}
            None => recorded.headers.push(("content-type".into(), content_type)),
        }
    }
}

/// The address of a request.
struct Address {
    /// The host with its port, if that is not the scheme's own; `None` if the address is a path.
    host: Option<String>,
    path: String,
}

const NO_ADDRESS: &str = "with an address that is none";

/// What browsers write in percent in addresses, if a page has it as it is.
const ENCODED: AsciiSet = CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`');

impl Address {
    /// Reads an address, or says why it is none that a server answers.
    fn parse(url: &str) -> Result<Self, String> {
        let url = url.split('#').next().unwrap_or_default();
        if url.starts_with('/') {
            return Ok(Self { host: None, path: encoded(url) });
        }
        let (scheme, rest) = url.split_once(':').ok_or(NO_ADDRESS)?;
        let own_port = match &*scheme.to_ascii_lowercase() {
            "http" => 80,
            "https" => 443,
            _ => return Err(format!("with an address of `{scheme}:`")),
        };
        let rest = rest.strip_prefix("//").ok_or(NO_ADDRESS)?;
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let authority: Authority = authority.parse().map_err(|_| NO_ADDRESS)?;
        let port = authority.port_u16().filter(|port| *port != own_port);
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let slash = if path.starts_with('/') { "" } else { "/" };
        let host = authority.host().to_ascii_lowercase() + &port;
        Ok(Self { host: Some(host), path: format!("{slash}{}", encoded(path)) })
    }
}

fn encoded(path: &str) -> String {
    utf8_percent_encode(path, &ENCODED).to_string()
}

/// The host in lower case, without a port that is the own one of HTTP or HTTPS.
fn usual(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    host.strip_suffix(":80").or(host.strip_suffix(":443")).unwrap_or(&host).to_owned()
}
