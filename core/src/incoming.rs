//! The body of a request while it is being read.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use http::HeaderMap;
use http::header;

use crate::body::Body;
use crate::config::Config;
use crate::error::Error;
use crate::form::Form;
use crate::multi_dict::MultiDict;

/// How much a body may have of everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    content_length: Option<u64>,
    form_memory_size: Option<usize>,
    form_parts: Option<usize>,
}

impl From<&Config> for Limits {
    fn from(config: &Config) -> Self {
        Self {
            content_length: config.max_content_length,
            form_memory_size: config.max_form_memory_size,
            form_parts: config.max_form_parts,
        }
    }
}

/// How far a body has been read. What has arrived of it is kept when a reader is cancelled.
pub(crate) struct Incoming {
    content_type: String,
    announced: u64,
    limits: Limits,
    body: Option<Body>,
    read: BytesMut,
    data: Option<Result<Bytes, Error>>,
    form: Option<Result<Arc<Form>, Error>>,
}

impl Incoming {
    pub(crate) fn new(body: Body, headers: &HeaderMap, limits: Limits) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            content_type: text(header::CONTENT_TYPE).unwrap_or_default().to_owned(),
            announced: text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok()).unwrap_or(0),
            limits,
            body: Some(body),
            read: BytesMut::new(),
            data: None,
            form: None,
        }
    }

    pub(crate) fn is_multipart(&self) -> bool {
        self.mimetype().eq_ignore_ascii_case("multipart/form-data")
    }

    /// All of it. What a multipart form has consumed is not there any more, as in Flask.
    pub(crate) async fn data(&mut self) -> Result<Bytes, Error> {
        if self.data.is_none() {
            self.data = Some(self.read_rest().await);
        }
        self.data.clone().unwrap_or_else(|| Ok(Bytes::new()))
    }

    /// It as a form.
    pub(crate) async fn form(&mut self) -> Result<Arc<Form>, Error> {
        if let Some(form) = &self.form {
            return form.clone();
        }
        let form = if self.is_multipart() { self.read_multipart().await } else { self.read_urlencoded().await };
        let form = form.map(Arc::new);
        self.form = Some(form.clone());
        form
    }

    /// A body with all of this one: what was read already, and what was not streams through it.
    pub(crate) async fn hand_on(&mut self) -> Result<Body, Error> {
        match &self.data {
            Some(data) => Ok(Body::from(data.clone()?)),
            None if self.read.is_empty() => Ok(self.body.take().unwrap_or_default()),
            None => Ok(Body::from(self.data().await?)),
        }
    }

    fn mimetype(&self) -> &str {
        self.content_type.split(';').next().unwrap_or_default().trim()
    }

    async fn read_rest(&mut self) -> Result<Bytes, Error> {
        // Refused before a byte is read, so that a client that waits for leave to send need not send.
        check_size(self.announced, self.limits)?;
        let Some(body) = &mut self.body else { return Ok(Bytes::new()) };
        while let Some(chunk) = body.next_chunk().await {
            // Kept in `self`: a reader that is cancelled here leaves what has arrived to the next.
            self.read.extend_from_slice(&chunk.map_err(broken_off)?);
            check_size(self.read.len() as u64, self.limits)?;
        }
        self.body = None;
        Ok(std::mem::take(&mut self.read).freeze())
    }

    async fn read_urlencoded(&mut self) -> Result<Form, Error> {
        if !self.mimetype().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Ok(Form::default());
        }
        let data = self.data().await?;
        if self.limits.form_memory_size.is_some_and(|most| data.len() > most) {
            return Err(Error::status(413).with_message("The form is too large."));
        }
        Ok(Form { fields: MultiDict::parse(&data), ..Form::default() })
    }

    async fn read_multipart(&mut self) -> Result<Form, Error> {
        // Without a boundary there are no parts; Flask has an empty form too.
        let Ok(boundary) = multer::parse_boundary(&self.content_type) else { return Ok(Form::default()) };
        check_size(self.announced, self.limits)?;
        let body = match &self.data {
            Some(data) => Body::from(data.clone()?),
            None => self.body.take().unwrap_or_default(),
        };
        // Should the reader be cancelled on the way, what is left is no form any more.
        self.form = Some(Err(Error::status(400).with_message("The form was given up while it was being read.")));
        // The parts go to where they are kept, and nowhere is the body as a whole.
        self.data.get_or_insert(Ok(Bytes::new()));
        let limits = self.limits;
        Form::read(limited(body, limits), boundary, limits.form_memory_size, limits.form_parts).await
    }
}

/// The chunks of a body, as long as they are not too many.
fn limited(body: Body, limits: Limits) -> impl Stream<Item = Result<Bytes, Error>> + Send + 'static {
    stream::try_unfold((body, 0_u64), move |(mut body, seen)| async move {
        let Some(chunk) = body.next_chunk().await else { return Ok(None) };
        let chunk = chunk.map_err(broken_off)?;
        let seen = seen + chunk.len() as u64;
        check_size(seen, limits)?;
        Ok(Some((chunk, (body, seen))))
    })
}

fn check_size(size: u64, limits: Limits) -> Result<(), Error> {
    match limits.content_length {
        Some(most) if size > most => {
            Err(Error::status(413).with_message(format!("The body may have {most} bytes at most.")))
        }
        _ => Ok(()),
    }
}

fn broken_off(error: Error) -> Error {
    Error::status(400).with_message(format!("The body broke off: {error}."))
}
