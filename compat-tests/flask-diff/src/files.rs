//! Views that use `send_file` and `send_from_directory`; the static folder is the app's own route.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use costrel::{
    App, Blueprint, Bytes, Error, Extension, Response, SendFile, current_app, send_file, send_from_directory,
};

/// The time of the last change of the static folder's files, which the views also pass to `send_file`.
const CHANGED: Duration = Duration::from_secs(1_700_000_000);

type Sent = Result<Response, Error>;

/// The time of the last change of the static folder's files.
pub(crate) fn changed() -> SystemTime {
    UNIX_EPOCH + CHANGED
}

/// The extension with the views of this module; holds the folder that Flask has as `current_app.static_folder`.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) folder: PathBuf,
}

fn static_folder() -> Result<PathBuf, Error> {
    let files: Arc<Files> = current_app().extension()?;
    Ok(files.folder.clone())
}

fn digits() -> Result<SendFile, Error> {
    Ok(send_file(static_folder()?.join("digits.txt")).etag("fixed").last_modified(changed()))
}

fn plain() -> Sent {
    digits()?.wait()
}

async fn aged() -> Sent {
    digits()?.max_age(Duration::from_secs(60)).await
}

fn attachment() -> Sent {
    digits()?.as_attachment().wait()
}

async fn named() -> Sent {
    digits()?.as_attachment().download_name("my report.txt").await
}

fn named_unicode() -> Sent {
    digits()?.as_attachment().download_name("größe ☃.txt").wait()
}

async fn typed() -> Sent {
    digits()?.mimetype("application/x-digits").await
}

fn unconditional() -> Sent {
    digits()?.conditional(false).wait()
}

/// Returns bytes from memory, which Flask's `send_file` also takes.
async fn from_bytes() -> (Bytes, [(&'static str, &'static str); 2]) {
    let headers = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-cache")];
    (Bytes::from_static(b"in memory"), headers)
}

fn directory(name: String) -> Sent {
    send_from_directory(static_folder()?, &name).etag("fixed").last_modified(changed()).wait()
}

async fn missing() -> Sent {
    send_from_directory(static_folder()?, "missing.txt").await
}

impl Extension for Files {
    fn init_app(self, app: &mut App) -> Result<(), Error> {
        app.set_extension(self);
        let mut files = Blueprint::new("files").url_prefix("/files");
        files.route("/digits", plain);
        files.route("/aged", aged);
        files.route("/attachment", attachment);
        files.route("/named", named);
        files.route("/named-unicode", named_unicode);
        files.route("/typed", typed);
        files.route("/unconditional", unconditional);
        files.route("/bytes", from_bytes);
        files.route("/dir/<path:name>", directory);
        files.route("/missing", missing);
        app.register_blueprint(files);
        Ok(())
    }
}
