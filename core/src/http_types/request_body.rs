//! The body of a request while it is being read.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
#[cfg(feature = "multipart")]
use futures_util::StreamExt;
use futures_util::{Stream, stream};
use http::HeaderMap;
use http::header;
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::body::Body;
use super::form::Form;
use super::multi_dict::MultiDict;
#[cfg(feature = "multipart")]
use super::multipart::{boundary, read_multipart};
use super::patient_body::{PatientBody, too_slow};
use super::spool::Spool;
use crate::config::Config;
use crate::error::{Error, ErrorKind};
use crate::execution::timeout;

/// The limits on a request's body: bytes, form memory, form parts and time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyLimits {
    content_length: Option<u64>,
    form_memory_size: Option<usize>,
    #[cfg_attr(not(feature = "multipart"), expect(dead_code, reason = "only multipart forms have parts"))]
    form_parts: Option<usize>,
    time: Option<Duration>,
}

impl From<&Config> for BodyLimits {
    fn from(config: &Config) -> Self {
        Self {
            content_length: config.max_content_length,
            form_memory_size: config.max_form_memory_size,
            form_parts: config.max_form_parts,
            time: config.server.body_timeout,
        }
    }
}

/// The body of a request and how far it has been read. Bytes that have arrived are kept when a reader is cancelled.
pub(super) struct RequestBody {
    content_type: String,
    announced: u64,
    limits: BodyLimits,
    body: Option<Body>,
    read: BytesMut,
    /// Whether the body was read as a multipart form, so that its bytes are gone.
    is_form: bool,
    /// A multipart body that was read ahead, to be parsed as a form or returned as bytes.
    ahead: Option<Spool>,
    data: Option<Result<Bytes, Error>>,
    form: Option<Result<Arc<Form>, Error>>,
}

impl RequestBody {
    pub(crate) fn new(body: Body, headers: &HeaderMap, limits: BodyLimits) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let length = if body.is_end_stream() { None } else { text(header::CONTENT_LENGTH) };
        Self {
            content_type: text(header::CONTENT_TYPE).unwrap_or_default().to_owned(),
            announced: length.and_then(|length| length.parse().ok()).unwrap_or(0),
            limits,
            body: Some(body),
            read: BytesMut::new(),
            is_form: false,
            ahead: None,
            data: None,
            form: None,
        }
    }

    /// Takes over the form of the earlier request that this one was made from, if that form was read already.
    pub(super) fn share_form(&mut self, earlier: &Self) {
        if earlier.is_form {
            (self.form, self.data, self.is_form) = (earlier.form.clone(), earlier.data.clone(), true);
        }
    }

    pub(super) fn is_multipart(&self) -> bool {
        self.mimetype().eq_ignore_ascii_case("multipart/form-data")
    }

    /// Whether the body can be read without waiting for the client.
    pub(super) fn is_here(&self) -> bool {
        self.data.is_some() || self.body.as_ref().is_some_and(|body| body.as_bytes().is_some_and(Bytes::is_empty))
    }

    /// Reads the whole body ahead of sync code, which must not wait for a slow client. A failure is kept.
    pub(super) async fn read_ahead(&mut self) {
        if timeout(self.limits.time, self.read_all_ahead()).await.is_none() {
            self.data = Some(Err(too_slow()));
        }
    }

    async fn read_all_ahead(&mut self) {
        if !self.is_multipart() {
            let _kept = self.read_data().await;
        } else if self.data.is_none() && self.form.is_none() && self.ahead.is_none() {
            // If this reader is cancelled on the way, later readers get this error, because a part of the body is lost.
            self.data = Some(Err(Error::status(400).with_message("Reading the body was cancelled.")));
            match self.spool().await {
                Ok(spool) => (self.ahead, self.data) = (Some(spool), None),
                Err(error) => self.data = Some(Err(error)),
            }
        }
    }

    /// Returns the whole body.
    pub(super) async fn data(&mut self) -> Result<Bytes, Error> {
        timeout(self.limits.time, self.read_data()).await.unwrap_or_else(|| Err(too_slow()))
    }

    async fn read_data(&mut self) -> Result<Bytes, Error> {
        if self.data.is_none() {
            let read = match self.ahead.clone() {
                Some(ahead) => ahead.bytes().await,
                None => self.read_rest().await,
            };
            self.data = Some(read);
        }
        self.data.clone().unwrap_or_else(|| Ok(Bytes::new()))
    }

    async fn spool(&mut self) -> Result<Spool, Error> {
        check_size(self.announced, self.limits)?;
        let body = self.body.take().unwrap_or_default();
        Spool::receive(limited(body, self.limits), &mut None).await
    }

    /// Returns the body as a form.
    pub(super) async fn form(&mut self) -> Result<Arc<Form>, Error> {
        if let Some(form) = &self.form {
            return form.clone();
        }
        let limit = self.limits.time;
        let reading =
            async { if self.is_multipart() { self.read_multipart().await } else { self.read_urlencoded().await } };
        let form = timeout(limit, reading).await.unwrap_or_else(|| Err(too_slow())).map(Arc::new);
        self.form = Some(form.clone());
        form
    }

    /// Returns a body with all bytes of this one: those read already, and the rest as a stream.
    pub(super) async fn hand_on(&mut self) -> Result<Body, Error> {
        match (&self.data, &self.ahead) {
            // `data` is empty then, as in Flask. A tower service would lose the form silently, so this is an error.
            _ if self.is_form => Ok(Body::from_stream(stream::iter([Err::<Bytes, _>(gone("read as a form"))]))),
            (Some(data), _) => Ok(Body::from(data.clone()?)),
            (None, Some(ahead)) => Ok(Body::from_stream(ahead.chunks()).with_length(ahead.size())),
            (None, None) if self.read.is_empty() => {
                check_size(self.announced, self.limits)?;
                if let Some(whole) = self.body.as_ref().and_then(Body::as_bytes) {
                    return Ok(Body::from(whole.clone()));
                }
                self.data = Some(Err(gone("handed on with `to_http`")));
                let body = self.handed_on();
                Ok(match self.limits.content_length {
                    Some(most) => at_most(body, most),
                    None => body,
                })
            }
            (None, None) => Ok(Body::from(self.data().await?)),
        }
    }

    /// Takes the body, with a limit of the time in which nothing of it arrives. The whole has none, because a service may talk
    /// for as long as it likes; the streams of gRPC may also be silent.
    fn handed_on(&mut self) -> Body {
        let body = self.body.take().unwrap_or_default();
        match self.limits.time.filter(|_| !body.is_end_stream() && !self.mimetype().starts_with("application/grpc")) {
            Some(longest) => Body::new(PatientBody::new(body, longest)),
            None => body,
        }
    }

    fn mimetype(&self) -> &str {
        self.content_type.split(';').next().unwrap_or_default().trim()
    }

    async fn read_rest(&mut self) -> Result<Bytes, Error> {
        // Refused before a byte is read, so that a client that sent `Expect: 100-continue` need not send the body.
        check_size(self.announced, self.limits)?;
        let Some(body) = &mut self.body else { return Ok(Bytes::new()) };
        while let Some(chunk) = body.next_chunk().await {
            // Kept in `self`, so that a reader that is cancelled here leaves the bytes that have arrived to the next.
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

    #[cfg(not(feature = "multipart"))]
    async fn read_multipart(&mut self) -> Result<Form, Error> {
        let message = "This server reads no multipart forms: Costrel was built without its feature `multipart`.";
        if self.is_multipart() { Err(Error::status(415).with_message(message)) } else { Ok(Form::default()) }
    }

    #[cfg(feature = "multipart")]
    async fn read_multipart(&mut self) -> Result<Form, Error> {
        // Without a boundary there are no parts, so the form is empty, as in Flask.
        let Some(boundary) = boundary(&self.content_type)? else { return Ok(Form::default()) };
        check_size(self.announced, self.limits)?;
        let body = match (&self.data, &self.ahead) {
            (Some(data), _) => Body::from(data.clone()?),
            (None, Some(ahead)) => Body::from_stream(ahead.chunks()),
            (None, None) => {
                // Bytes that a cancelled reader had received come first.
                let first = std::mem::take(&mut self.read).freeze();
                let rest = limited(self.body.take().unwrap_or_default(), self.limits);
                Body::from_stream(stream::iter([Ok(first)]).chain(rest))
            }
        };
        // If this reader is cancelled on the way, later readers get this error, because the rest is not a form.
        self.form =
            Some(Err(Error::status(400).with_message("Reading the form was cancelled, so it cannot be read again.")));
        // Only the parts are stored, not the whole body, so `data` is empty from now on, for both colours.
        self.ahead = None;
        if self.data.is_none() {
            (self.data, self.is_form) = (Some(Ok(Bytes::new())), true);
        }
        let limits = self.limits;
        read_multipart(limited(body, limits), boundary, limits.form_memory_size, limits.form_parts).await
    }
}

/// Returns the chunks of a body, and an error once they exceed the limit.
fn limited(body: Body, limits: BodyLimits) -> impl Stream<Item = Result<Bytes, Error>> + Send + 'static {
    stream::try_unfold((body, 0_u64), move |(mut body, seen)| async move {
        let Some(chunk) = body.next_chunk().await else { return Ok(None) };
        let chunk = chunk.map_err(broken_off)?;
        let seen = seen + chunk.len() as u64;
        check_size(seen, limits)?;
        Ok(Some((chunk, (body, seen))))
    })
}

/// Returns the body with its trailers, and an error once it is longer than `most` bytes.
fn at_most(body: Body, most: u64) -> Body {
    let limited = Limited::new(body, usize::try_from(most).unwrap_or(usize::MAX));
    Body::new(limited.map_err(move |error| if error.is::<LengthLimitError>() { too_long(most).into() } else { error }))
}

fn too_long(most: u64) -> Error {
    Error::status(413).with_message(format!("The body may have {most} bytes at most."))
}

fn check_size(size: u64, limits: BodyLimits) -> Result<(), Error> {
    match limits.content_length {
        Some(most) if size > most => Err(too_long(most)),
        _ => Ok(()),
    }
}

fn gone(how: &str) -> Error {
    let message = format!("the body has been consumed: it was {how}; call `get_data()` first, which keeps it");
    Error::new(ErrorKind::Other, message)
}

fn broken_off(error: Error) -> Error {
    // An error that has a status is our own, for a body that is too long.
    if error.http_status().is_some() {
        return error;
    }
    Error::status(400).with_message(format!("The client broke off the body: {error}."))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use rstest::rstest;
    use tokio::time::sleep;

    use super::*;

    /// A body that is handed on may take its time, but for its silences; the streams of gRPC may be silent too.
    #[rstest]
    #[case::slow("text/plain", 59, true)]
    #[case::silent("text/plain", 61, false)]
    #[case::grpc("application/grpc+proto", 600, true)]
    #[tokio::test(start_paused = true)]
    async fn each_silence_of_a_body_that_is_handed_on_has_its_time(
        #[case] content_type: &'static str,
        #[case] pause: u64,
        #[case] arrives: bool,
    ) -> Result<(), Error> {
        let parts = stream::iter([".", ".", "."]).then(move |part| async move {
            sleep(Duration::from_secs(pause)).await;
            Ok::<_, Error>(part)
        });
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        let limits = BodyLimits::from(&Config::default());
        let read = RequestBody::new(Body::from_stream(parts), &headers, limits).hand_on().await?.collect().await;
        assert_eq!(
            read.map_err(|error| error.status_code().as_u16()),
            if arrives { Ok("...".into()) } else { Err(408) }
        );
        Ok(())
    }
}
