//! The body of a form that was recorded field by field.

use serde::Deserialize;

/// A field of a form.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Field {
    name: String,
    #[serde(default)]
    value: String,
    file_name: Option<String>,
    content_type: Option<String>,
}

/// What is between the fields of a form whose record does not say it.
const BOUNDARY: &str = "costrel-shadow-3b9f7a1c5e";

/// Encodes the fields in the way that `content_type` names. Returns the content type with the body, because that of
/// multipart says what is between the fields.
pub(crate) fn encode(fields: &[Field], content_type: String) -> (String, Vec<u8>) {
    let (kind, parameters) = content_type.split_once(';').unwrap_or((&content_type, ""));
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        let pairs = fields.iter().map(|field| (&field.name, &field.value));
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        return (content_type, body.into_bytes());
    }
    match boundary(parameters) {
        Some(boundary) => {
            let body = multipart(fields, boundary);
            (content_type, body)
        }
        None => (format!("{}; boundary={BOUNDARY}", kind.trim()), multipart(fields, BOUNDARY)),
    }
}

fn boundary(parameters: &str) -> Option<&str> {
    let mut pairs = parameters.split(';').filter_map(|parameter| parameter.split_once('='));
    let (_, boundary) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))?;
    Some(boundary.trim().trim_matches('"')).filter(|boundary| !boundary.is_empty())
}

/// Encodes the fields as browsers do; RFC 7578.
fn multipart(fields: &[Field], boundary: &str) -> Vec<u8> {
    let parts = fields.iter().map(|field| format!("--{boundary}\r\n{}\r\n{}\r\n", field.head(), field.value));
    (parts.collect::<String>() + &format!("--{boundary}--\r\n")).into_bytes()
}

impl Field {
    fn head(&self) -> String {
        let name = quoted(&self.name);
        let file = self.file_name.as_ref().map(|file| format!("; filename=\"{}\"", quoted(file)));
        let kind = self.content_type.as_ref().map(|kind| format!("Content-Type: {kind}\r\n"));
        let (file, kind) = (file.unwrap_or_default(), kind.unwrap_or_default());
        format!("Content-Disposition: form-data; name=\"{name}\"{file}\r\n{kind}")
    }
}

fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
