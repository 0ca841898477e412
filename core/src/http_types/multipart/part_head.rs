//! The head of a part of a multipart form.

use super::broken;
use super::header_options::header_options;
use crate::error::Error;

/// The head of a part: what it says about the part's content.
#[derive(Debug, Default)]
pub(super) struct PartHead {
    pub(super) name: String,
    pub(super) filename: Option<String>,
    pub(super) content_type: Option<String>,
}

impl PartHead {
    /// Parses the header lines of a part.
    ///
    /// # Errors
    /// 400 if they are not headers, or there is no `Content-Disposition`.
    pub(super) fn parse(head: &[u8]) -> Result<Self, Error> {
        let (text, mut parsed, mut is_disposed) = (String::from_utf8_lossy(head), Self::default(), false);
        for line in text.split("\r\n").filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').ok_or_else(|| broken("a line of a part's head has no colon"))?;
            match &*name.to_ascii_lowercase() {
                "content-disposition" => {
                    is_disposed = true;
                    parsed.read_disposition(value);
                }
                "content-type" => parsed.content_type = Some(value.trim().to_owned()),
                _ => {}
            }
        }
        if is_disposed { Ok(parsed) } else { Err(broken("a part has no `Content-Disposition`")) }
    }

    /// The bytes that the head takes in memory.
    pub(super) fn len(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        self.name.len() + length(&self.filename) + length(&self.content_type)
    }

    fn read_disposition(&mut self, value: &str) {
        for (option, value) in header_options(value).1 {
            match &*option {
                "name" => self.name = value,
                "filename" => self.filename = Some(value),
                _ => {}
            }
        }
    }
}
