//! Folders of templates and static files: on disk, or embedded in the program.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
#[cfg(feature = "files")]
use std::sync::OnceLock;

use bytes::Bytes;

/// A folder of templates or static files, for [`App::template_folder`](crate::App) and
/// [`App::static_folder`](crate::App): a path on disk, or files that are embedded in the program, so that it is deployed as
/// one file.
///
/// ```
/// use costrel::App;
/// use costrel::Folder;
///
/// let mut app = App::new("docs");
/// app.static_folder("/static", Folder::embedded([("style.css", "body { margin: 0 }")])); // `include_str!("static/style.css")`
/// let page = app.test_client().get("/static/style.css").wait()?;
/// assert_eq!(page.header("content-type"), Some("text/css; charset=utf-8"));
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// The crate [rust-embed](https://docs.rs/rust-embed) embeds a folder in a release build, and reads it from disk while one
/// develops:
///
/// ```ignore
/// #[derive(rust_embed::Embed)]
/// #[folder = "templates"]
/// struct Templates;
///
/// app.template_folder(Folder::embedded(Templates::iter().map(|name| (name.clone(), Templates::get(&name).unwrap().data))));
/// ```
#[derive(Clone, Debug)]
pub struct Folder(pub(super) Place);

/// Where the files of a folder are.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Disk(PathBuf),
    Program(Arc<BTreeMap<String, Embedded>>),
}

/// An embedded file.
#[derive(Clone, Debug)]
pub(super) struct Embedded {
    pub(super) bytes: Bytes,
    /// The file's tag, made when it is first sent, because its bytes never change.
    #[cfg(feature = "files")]
    pub(super) tag: Arc<OnceLock<String>>,
}

impl Folder {
    /// A folder of these files: pairs of a path below the folder, with slashes, and the content.
    pub fn embedded<N: Into<String>, C: Embed>(files: impl IntoIterator<Item = (N, C)>) -> Self {
        let files = files.into_iter().map(|(name, content)| (name.into(), Embedded::new(content.into_bytes())));
        Self(Place::Program(Arc::new(files.collect())))
    }
}

impl Embedded {
    fn new(bytes: Bytes) -> Self {
        Self {
            bytes,
            #[cfg(feature = "files")]
            tag: Arc::default(),
        }
    }
}

/// The content of an embedded file: text or bytes.
pub trait Embed {
    /// Returns the content.
    fn into_bytes(self) -> Bytes;
}

impl Embed for &'static str {
    fn into_bytes(self) -> Bytes {
        Bytes::from_static(self.as_bytes())
    }
}

impl Embed for &'static [u8] {
    fn into_bytes(self) -> Bytes {
        Bytes::from_static(self)
    }
}

impl Embed for Cow<'static, [u8]> {
    fn into_bytes(self) -> Bytes {
        match self {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => bytes.into(),
        }
    }
}

impl From<PathBuf> for Folder {
    fn from(path: PathBuf) -> Self {
        Self(Place::Disk(path))
    }
}

impl From<&PathBuf> for Folder {
    fn from(path: &PathBuf) -> Self {
        path.clone().into()
    }
}

impl From<&Path> for Folder {
    fn from(path: &Path) -> Self {
        path.to_owned().into()
    }
}

impl From<&str> for Folder {
    fn from(path: &str) -> Self {
        PathBuf::from(path).into()
    }
}

impl From<String> for Folder {
    fn from(path: String) -> Self {
        PathBuf::from(path).into()
    }
}
