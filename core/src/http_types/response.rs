//! The values that views return, and the responses they become.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use http_body::Body as _;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;

use super::body::Body;
use super::html::{escape, page_head};
use crate::error::Error;
use crate::execution::IntoOutcome;

/// The response to a request: the `http` crate's type with Costrel's [`Body`].
pub type Response = http::Response<Body>;

/// A value that a view may return. The rules are those of Flask's `make_response`, as far as types can express them:
///
/// | returned | becomes |
/// |---|---|
/// | `&'static str`, `String` | 200, `text/html; charset=utf-8` |
/// | `Bytes`, `Vec<u8>`, `&'static [u8]`, [`Body`] | 200, `text/html; charset=utf-8` |
/// | [`Json`] | 200, `application/json` |
/// | `(body, status)` | the body with that status (a number or a `StatusCode`) |
/// | `(body, headers)` | the body with these headers |
/// | `(body, status, headers)` | both |
/// | [`Response`] | itself |
/// | `Result<any of these, E>` | that value's response, or the error for the error handlers |
///
/// ```
/// use costrel::App;
///
/// let mut app = App::new("docs");
/// app.route("/created", || ("made", 201, [("X-Id", "7")]));
///
/// let response = app.test_client().get("/created").wait()?;
/// assert_eq!(response.status(), 201);
/// assert_eq!(response.header("X-Id"), Some("7"));
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// Book: [Quickstart](../costrel_book/start/quickstart/index.html).
#[diagnostic::on_unimplemented(
    message = "a view cannot return `{Self}`",
    label = "not a response",
    note = "return `&str`, `String`, bytes, `Json(value)`, `Body`, `Response`, a tuple `(body, status)`, \
            `(body, headers)` or `(body, status, headers)`, or a `Result` of one of these",
    note = "Flask's `None` (an empty return) has no meaning here; for an empty answer return `(\"\", 204)`"
)]
pub trait IntoResponse {
    /// Makes the response.
    ///
    /// # Errors
    /// The error that the view returned, or the reason why the value cannot become a response.
    #[doc(alias = "make_response")]
    fn into_response(self) -> Result<Response, Error>;
}

impl<T: IntoResponse> IntoOutcome<Response> for T {
    fn into_outcome(self) -> Result<Response, Error> {
        self.into_response()
    }
}

/// The outcome of a hook that may answer early: `()` and `None` let the request go on, `Some(response)` answers it.
impl IntoOutcome<Option<Response>> for () {
    fn into_outcome(self) -> Result<Option<Response>, Error> {
        Ok(None)
    }
}

impl IntoOutcome<Option<Response>> for Response {
    fn into_outcome(self) -> Result<Option<Response>, Error> {
        Ok(Some(self))
    }
}

impl<T: IntoResponse> IntoOutcome<Option<Response>> for Option<T> {
    fn into_outcome(self) -> Result<Option<Response>, Error> {
        self.map(IntoResponse::into_response).transpose()
    }
}

impl<T: IntoOutcome<Option<Response>>, E: Into<Error>> IntoOutcome<Option<Response>> for Result<T, E> {
    fn into_outcome(self) -> Result<Option<Response>, Error> {
        self.map_err(Into::into)?.into_outcome()
    }
}

impl IntoResponse for Response {
    fn into_response(self) -> Result<Response, Error> {
        Ok(self)
    }
}

impl<T: IntoResponse, E: Into<Error>> IntoResponse for Result<T, E> {
    fn into_response(self) -> Result<Response, Error> {
        self.map_err(Into::into)?.into_response()
    }
}

impl IntoResponse for Body {
    fn into_response(self) -> Result<Response, Error> {
        Ok(with_content_type(self, "text/html; charset=utf-8"))
    }
}

impl IntoResponse for &'static str {
    fn into_response(self) -> Result<Response, Error> {
        Body::from(self).into_response()
    }
}

impl IntoResponse for String {
    fn into_response(self) -> Result<Response, Error> {
        Body::from(self).into_response()
    }
}

impl IntoResponse for Bytes {
    fn into_response(self) -> Result<Response, Error> {
        Body::from(self).into_response()
    }
}

impl IntoResponse for Vec<u8> {
    fn into_response(self) -> Result<Response, Error> {
        Body::from(self).into_response()
    }
}

impl IntoResponse for &'static [u8] {
    fn into_response(self) -> Result<Response, Error> {
        Body::from(self).into_response()
    }
}

/// A value sent as JSON: compact, with a newline at the end, as Flask's `jsonify` writes it.
///
/// ```
/// use costrel::{App, Json};
///
/// let mut app = App::new("docs");
/// app.route("/", || Json([1, 2]));
/// assert_eq!(app.test_client().get("/").wait()?.text(), "[1,2]\n");
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// Book: [JSON](../costrel_book/json/index.html).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Result<Response, Error> {
        let mut text = serde_json::to_vec(&self.0)?;
        text.push(b'\n');
        Ok(with_content_type(text.into(), "application/json"))
    }
}

/// Returns `value` as a JSON response, as a view that returns [`Json`] does; Flask's `jsonify`.
///
/// ```
/// let response = costrel::jsonify(["a"])?;
/// assert_eq!(response.headers()["content-type"], "application/json");
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Errors
/// If `value` cannot be written as JSON.
pub fn jsonify(value: impl Serialize) -> Result<Response, Error> {
    Json(value).into_response()
}

/// Sends the client to `location` with status 302, as released Flask does.
///
/// ```
/// let response = costrel::redirect("/login")?;
/// assert_eq!((response.status().as_u16(), &response.headers()["location"]), (302, &"/login".parse().unwrap()));
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Errors
/// No `location` causes one, because characters that no URL may hold are quoted.
pub fn redirect(location: &str) -> Result<Response, Error> {
    redirect_with(location, StatusCode::FOUND)
}

/// The characters that a URL must quote. `%` is not one of them, so text that is quoted already stays as it is.
const UNSAFE_IN_LOCATION: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');

/// Sends the client to `location` with another status, such as 303 or 308.
///
/// ```
/// let response = costrel::redirect_with("/login", costrel::StatusCode::SEE_OTHER)?;
/// assert_eq!(response.status(), 303);
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Errors
/// No `location` causes one, because characters that no URL may hold are quoted.
pub fn redirect_with(location: &str, status: StatusCode) -> Result<Response, Error> {
    let location = utf8_percent_encode(location, UNSAFE_IN_LOCATION).to_string();
    let shown = escape(&location);
    let page = format!("{}<p>Continue at <a href=\"{shown}\">{shown}</a>.</p>\n", page_head(status));
    let mut response = (page, status).into_response()?;
    response.headers_mut().insert(header::LOCATION, HeaderValue::try_from(location)?);
    Ok(response)
}

pub(super) fn with_content_type(body: Body, content_type: &'static str) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Makes the response fit for the wire: removes a body that must not be sent and headers that contradict it.
///
/// `states_length` sets `Content-Length` if the length is known. Our own server needs no header, because it asks the
/// body; other hosts and the test client look at it.
pub(crate) fn frame_for_wire(response: &mut Response, method: &Method, states_length: bool) {
    let bodiless = response.status().is_informational()
        || matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if bodiless {
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(header::CONTENT_LENGTH);
        if response.status() == StatusCode::NOT_MODIFIED {
            // A 304 has no headers that describe the body, because the client keeps those of its cached response.
            for name in
                [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::CONTENT_LANGUAGE, header::LAST_MODIFIED]
            {
                response.headers_mut().remove(name);
            }
        }
        return;
    }
    if response.status() == StatusCode::RESET_CONTENT {
        *response.body_mut() = Body::empty();
    }
    let length = response.body().size_hint().exact();
    if method == Method::HEAD {
        let stated = length == Some(0) && response.headers().contains_key(header::CONTENT_LENGTH);
        set_framing(response, length.filter(|_| !stated), stated || length.is_none());
        *response.body_mut() = Body::empty();
    } else {
        set_framing(response, length.filter(|_| states_length), false);
    }
}

/// Sets the headers that frame the body. A wrong one would corrupt the next response on the connection, so those that
/// the app set are removed; `keeps_length` keeps its `Content-Length`.
fn set_framing(response: &mut Response, length: Option<u64>, keeps_length: bool) {
    let headers = response.headers_mut();
    // A scan of the names costs less than look-ups, because most responses have few.
    if headers.keys().any(|name| name == header::TRANSFER_ENCODING) {
        headers.remove(header::TRANSFER_ENCODING);
    }
    if !keeps_length && headers.keys().any(|name| name == header::CONTENT_LENGTH) {
        headers.remove(header::CONTENT_LENGTH);
    }
    if let Some(length) = length {
        headers.insert(header::CONTENT_LENGTH, length.into());
    }
}

/// A status or headers, beside the body in a view's tuple.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a status nor headers",
    note = "beside the body, a view's tuple takes a status (201, StatusCode::CREATED) or headers \
            ([(\"X-Name\", \"value\")], a Vec of pairs, a HeaderMap)"
)]
pub trait ResponsePart {
    /// Applies the status or the headers to the response.
    ///
    /// # Errors
    /// If the value is not a valid status or header.
    fn apply(self, response: &mut Response) -> Result<(), Error>;
}

impl<T: IntoResponse, P: ResponsePart> IntoResponse for (T, P) {
    fn into_response(self) -> Result<Response, Error> {
        let mut response = self.0.into_response()?;
        self.1.apply(&mut response)?;
        Ok(response)
    }
}

impl<T: IntoResponse, S: ResponsePart, H: ResponsePart> IntoResponse for (T, S, H) {
    fn into_response(self) -> Result<Response, Error> {
        let mut response = (self.0, self.1).into_response()?;
        self.2.apply(&mut response)?;
        Ok(response)
    }
}

impl ResponsePart for StatusCode {
    fn apply(self, response: &mut Response) -> Result<(), Error> {
        *response.status_mut() = self;
        Ok(())
    }
}

impl ResponsePart for u16 {
    fn apply(self, response: &mut Response) -> Result<(), Error> {
        StatusCode::from_u16(self)?.apply(response)
    }
}

/// Replaces headers that the body set; a name given twice is sent twice.
impl ResponsePart for HeaderMap {
    fn apply(self, response: &mut Response) -> Result<(), Error> {
        response.headers_mut().extend(self);
        Ok(())
    }
}

impl<N, V> ResponsePart for Vec<(N, V)>
where
    HeaderName: TryFrom<N, Error: Into<Error>>,
    HeaderValue: TryFrom<V, Error: Into<Error>>,
{
    fn apply(self, response: &mut Response) -> Result<(), Error> {
        let mut headers = HeaderMap::with_capacity(self.len());
        for (name, value) in self {
            let name = HeaderName::try_from(name).map_err(Into::into)?;
            headers.append(name, HeaderValue::try_from(value).map_err(Into::into)?);
        }
        headers.apply(response)
    }
}

impl<N, V, const COUNT: usize> ResponsePart for [(N, V); COUNT]
where
    Vec<(N, V)>: ResponsePart,
{
    fn apply(self, response: &mut Response) -> Result<(), Error> {
        Vec::from(self).apply(response)
    }
}
