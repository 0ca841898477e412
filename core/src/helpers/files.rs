//! Files as responses: whole, in part, or not at all because the client has them.

use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use headers::{ETag, HeaderMapExt, LastModified};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::conditions::{self, Selection, Version};
use super::file_body::OpenFile;
use super::folder::{Embedded, Folder, Place};
use crate::context::{current_app, request};
use crate::error::Error;
use crate::execution::{self, Waiting};
use crate::http_types::{Body, Response};

/// Sends a file: Flask's `send_file`. `.await` it in async code, `.wait()` for it in sync code. The disk is read on
/// workers, piece by piece.
///
/// The content type follows from the file's name, the ETag from its time and size. A client that has the file already
/// gets a 304, and one that asks for a part gets that part (RFC 9110, sections 13 and 14).
///
/// ```
/// use costrel::{App, send_file};
///
/// let mut app = App::new("docs");
/// app.route("/manifest", async || send_file("Cargo.toml").as_attachment().download_name("manifest.txt").await);
/// let response = app.test_client().get("/manifest").header("range", "bytes=0-8").wait()?;
/// assert_eq!((response.status().as_u16(), response.text().as_str()), (206, "[package]"));
/// assert_eq!(response.header("content-disposition"), Some("attachment; filename=manifest.txt"));
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// Never make `path` from what a client sent; [`send_from_directory`] is for that.
///
/// # Panics
/// Outside a request, with a message that names the remedy.
#[track_caller]
pub fn send_file(path: impl AsRef<Path>) -> SendFile {
    send(Some(Content::Disk(path.as_ref().to_owned())))
}

#[track_caller]
fn send(content: Option<Content>) -> SendFile {
    let max_age = current_app().config().send_file_max_age_default;
    SendFile {
        content,
        headers: request().unwatched_headers().clone(),
        method: request().method().clone(),
        max_age,
        download_name: None,
        attachment: false,
        mimetype: None,
        etag: None,
        last_modified: None,
        conditional: true,
    }
}

/// Sends the file at `path` below `directory`, and nothing that is not below it: Flask's `send_from_directory`.
///
/// ```
/// use costrel::{App, send_from_directory};
///
/// let mut app = App::new("docs");
/// app.route("/source/<path:name>", async |name: String| send_from_directory("src", &name).await);
/// let client = app.test_client();
/// assert_eq!(client.get("/source/lib.rs").wait()?.status(), 200);
/// assert_eq!(client.get("/source/..%2FCargo.toml").wait()?.status(), 404);
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Panics
/// Outside a request, with a message that names the remedy.
#[track_caller]
pub fn send_from_directory(directory: impl AsRef<Path>, path: &str) -> SendFile {
    send(safe_join(directory.as_ref(), path).map(Content::Disk))
}

/// Sends the file at `path` in a folder, which may be embedded in the program.
#[track_caller]
pub(crate) fn send_from_folder(folder: &Folder, path: &str) -> SendFile {
    match &folder.0 {
        Place::Disk(directory) => send_from_directory(directory, path),
        Place::Program(files) => send(files.get(path).map(|file| Content::Program(path.to_owned(), file.clone()))),
    }
}

/// A file about to be sent; see [`send_file`].
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until it is awaited (async) or waited for (sync)"]
pub struct SendFile {
    /// `None` if the path leads out of its directory, or to no embedded file.
    content: Option<Content>,
    headers: HeaderMap,
    method: Method,
    max_age: Option<u64>,
    download_name: Option<String>,
    attachment: bool,
    mimetype: Option<String>,
    etag: Option<String>,
    last_modified: Option<SystemTime>,
    conditional: bool,
}

/// The content of a file about to be sent.
#[derive(Clone, Debug)]
enum Content {
    Disk(PathBuf),
    /// An embedded file with its path.
    Program(String, Embedded),
}

/// A file whose content is ready to be read.
enum Opened {
    Disk(OpenFile),
    Program(Embedded),
}

impl SendFile {
    /// Sets the name under which browsers save the file. Default: the file's own.
    pub fn download_name(mut self, name: &str) -> Self {
        self.download_name = Some(name.to_owned());
        self
    }

    /// Asks browsers to save the file instead of showing it.
    pub fn as_attachment(mut self) -> Self {
        self.attachment = true;
        self
    }

    /// Sets the content type. Default: the one that the name suggests.
    pub fn mimetype(mut self, mimetype: &str) -> Self {
        self.mimetype = Some(mimetype.to_owned());
        self
    }

    /// Sets the time for which clients may keep the file without asking again. Default:
    /// `config.send_file_max_age_default`.
    #[doc(alias = "get_send_file_max_age")]
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age.as_secs());
        self
    }

    /// Sets the ETag, given without quotes. Default: made from the file's time and size.
    pub fn etag(mut self, etag: &str) -> Self {
        self.etag = Some(etag.to_owned());
        self
    }

    /// Sets the time of the last change. Default: the one that the disk has.
    pub fn last_modified(mut self, time: SystemTime) -> Self {
        self.last_modified = Some(time);
        self
    }

    /// Sets whether a client may ask for a part, or gets a 304 if it has the file already. Default: yes.
    pub fn conditional(mut self, conditional: bool) -> Self {
        self.conditional = conditional;
        self
    }

    /// Blocks until the response is there; the sync twin of `.await`.
    ///
    /// # Errors
    /// 404 if there is no such file, 412 if the client wants another version, 416 if it asks for a part that is not
    /// there; the system's error if the file is there and cannot be opened.
    pub fn wait(self) -> Result<Response, Error> {
        Waiting::new(self.respond()).wait()
    }

    async fn respond(self) -> Result<Response, Error> {
        match self.content {
            // One step for all that the disk is needed for.
            Some(Content::Disk(_)) => execution::run_sync(move || self.read()).await?,
            _ => self.read(),
        }
    }

    fn read(mut self) -> Result<Response, Error> {
        let content = self.content.clone().ok_or_else(|| Error::status(404))?;
        // Opened once, so that the headers describe the file that is sent, even if the path changes meanwhile.
        let file = content.open()?;
        let modified = self.last_modified.or(file.modified()).map(|time| time.clamp(UNIX_EPOCH, latest()));
        let length = file.length();
        let etag = self.make_etag(&file, modified)?;
        let version = Version { etag: Some(etag.clone()), modified, length };
        let mut response = Response::new(Body::empty());
        self.describe(response.headers_mut())?;
        response.headers_mut().typed_insert(etag);
        let headers = std::mem::take(&mut self.headers);
        let selected = if self.conditional { version.select(&self.method, &headers) } else { Selection::Whole };
        match selected {
            Selection::NotModified => *response.status_mut() = StatusCode::NOT_MODIFIED,
            Selection::PreconditionFailed => return Err(other_version()),
            Selection::OutOfRange => return Err(out_of_range(length)),
            Selection::Whole => self.send(&mut response, file, (0, length), modified)?,
            Selection::Part(from, to) => {
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                let shown = format!("bytes {from}-{}/{length}", to - 1);
                response.headers_mut().insert(header::CONTENT_RANGE, HeaderValue::try_from(shown)?);
                self.send(&mut response, file, (from, to), modified)?;
            }
        }
        Ok(response)
    }

    /// Sets the headers that do not depend on the file's content.
    fn describe(&self, headers: &mut HeaderMap) -> Result<(), Error> {
        let path = self.content.as_ref().map_or(Path::new(""), Content::path);
        let file_name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = self.download_name.as_deref().unwrap_or(&file_name);
        let content_type = self.mimetype.clone().unwrap_or_else(|| content_type(name));
        headers.insert(header::CONTENT_TYPE, HeaderValue::try_from(content_type)?);
        headers.insert(header::CONTENT_DISPOSITION, HeaderValue::try_from(disposition(self.attachment, name))?);
        if self.conditional {
            headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        }
        let caching = match self.max_age {
            Some(seconds) => {
                let expires = SystemTime::now().checked_add(Duration::from_secs(seconds)).unwrap_or_else(latest);
                headers.typed_insert(headers::Expires::from(expires.min(latest())));
                format!("public, max-age={seconds}")
            }
            None => "no-cache".to_owned(),
        };
        headers.insert(header::CACHE_CONTROL, HeaderValue::try_from(caching)?);
        Ok(())
    }

    fn make_etag(&self, file: &Opened, modified: Option<SystemTime>) -> Result<ETag, Error> {
        let etag = self.etag.clone().unwrap_or_else(|| match file {
            Opened::Disk(_) => {
                let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
                format!("{:x}-{:x}", since.as_nanos(), file.length())
            }
            Opened::Program(file) => file.tag.get_or_init(|| conditions::tag_of(&file.bytes)).clone(),
        });
        let wrong = || Error::from_boxed(format!("{etag:?} is not an ETag: use visible ASCII without quotes").into());
        conditions::etag(&format!("\"{etag}\"")).ok_or_else(wrong)
    }

    fn send(
        &self,
        response: &mut Response,
        file: Opened,
        (from, to): (u64, u64),
        modified: Option<SystemTime>,
    ) -> Result<(), Error> {
        if let Some(modified) = modified {
            response.headers_mut().typed_insert(LastModified::from(modified));
        }
        // Set here for HEAD, because its body is dropped before its length could be read.
        response.headers_mut().insert(header::CONTENT_LENGTH, (to - from).into());
        if self.method != Method::HEAD {
            *response.body_mut() = file.body(from, to)?;
        }
        Ok(())
    }
}

impl Content {
    fn path(&self) -> &Path {
        match self {
            Self::Disk(path) => path,
            Self::Program(path, _) => Path::new(path),
        }
    }

    fn open(&self) -> Result<Opened, Error> {
        match self {
            Self::Disk(path) => {
                Ok(Opened::Disk(OpenFile::open(path.clone()).map_err(|error| cannot_open(path, error))?))
            }
            Self::Program(_, file) => Ok(Opened::Program(file.clone())),
        }
    }
}

impl Opened {
    /// The time of the last change; an embedded file has none, because its ETag says all there is to know.
    fn modified(&self) -> Option<SystemTime> {
        match self {
            Self::Disk(file) => Some(file.metadata.modified().unwrap_or(UNIX_EPOCH)),
            Self::Program(_) => None,
        }
    }

    fn length(&self) -> u64 {
        match self {
            Self::Disk(file) => file.metadata.len(),
            Self::Program(file) => file.bytes.len() as u64,
        }
    }

    fn body(self, from: u64, to: u64) -> Result<Body, Error> {
        match self {
            Self::Disk(file) => Ok(file.body(from, to)?),
            Self::Program(file) => Ok(file.bytes.slice(usize::try_from(from)?..usize::try_from(to)?).into()),
        }
    }
}

impl IntoFuture for SendFile {
    type Output = Result<Response, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.respond())
    }
}

/// Returns the error for a file that cannot be opened. Only for one that is not there it is a 404, which caches may
/// keep; as in Flask, anything else is a 500.
fn cannot_open(path: &Path, error: io::Error) -> Error {
    use io::ErrorKind::{InvalidFilename, InvalidInput, NotADirectory, NotFound};
    if matches!(error.kind(), NotFound | NotADirectory | InvalidFilename | InvalidInput) {
        return Error::status(404);
    }
    let message = format!("cannot open {}: {error}", path.display());
    Error::from(error).with_message(message)
}

/// The last second that a header can express: the end of the year 9999.
fn latest() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(253_402_300_799)
}

/// Joins `path` to `directory`; `None` if it would lead out of it.
fn safe_join(directory: &Path, path: &str) -> Option<PathBuf> {
    let mut joined = PathBuf::new();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(part) => joined.push(part),
            Component::CurDir => {}
            Component::ParentDir => joined.pop().then_some(())?,
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    // A backslash is a letter on one system and a separator on another, so it is refused on all.
    (!path.contains('\\') && !path.contains('\0')).then(|| directory.join(joined))
}

fn content_type(name: &str) -> String {
    let guess = mime_guess::from_path(name).first_raw().unwrap_or("application/octet-stream");
    if guess.starts_with("text/") { format!("{guess}; charset=utf-8") } else { guess.to_owned() }
}

/// The characters that a header's extended value must quote (RFC 8187).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Makes `Content-Disposition`, with the name in ASCII for all clients and in UTF-8 for those that read it (RFC 6266).
fn disposition(attachment: bool, name: &str) -> String {
    let kind = if attachment { "attachment" } else { "inline" };
    let is_token = |character: char| character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character);
    let ascii: String = name.chars().filter(|character| character.is_ascii() && !character.is_control()).collect();
    let quoted = if ascii.chars().all(is_token) && !ascii.is_empty() {
        ascii.clone()
    } else {
        format!("\"{}\"", ascii.replace('\\', "\\\\").replace('"', "\\\""))
    };
    if ascii == name {
        return format!("{kind}; filename={quoted}");
    }
    format!("{kind}; filename={quoted}; filename*=UTF-8''{}", utf8_percent_encode(name, RESERVED))
}

pub(super) fn other_version() -> Error {
    Error::status(412).with_message("The file is another version than the request's condition asks for.")
}

fn out_of_range(length: u64) -> Error {
    let error = Error::status(416).with_message("The file has no such part.");
    match HeaderValue::try_from(format!("bytes */{length}")) {
        Ok(shown) => error.with_header(header::CONTENT_RANGE, shown),
        Err(_) => error,
    }
}
