//! The helpers that views call: files, templates, URLs, flashed messages. Flask's `helpers`.

#[cfg(feature = "templates")]
mod templates;
#[cfg(feature = "templates")]
mod on_demand;
#[cfg(feature = "files")]
mod make_conditional;
#[cfg(feature = "files")]
mod files;
#[cfg(feature = "files")]
mod file_body;
#[cfg(feature = "files")]
mod conditions;
mod flash;
mod serializer;
mod url_for;
mod stream_with_context;

#[cfg(feature = "files")]
pub use files::{SendFile, send_file, send_from_directory};
pub use flash::{flash, get_flashed_messages};
#[cfg(feature = "files")]
pub use make_conditional::{add_etag, make_conditional};
pub use serializer::Serializer;
pub use stream_with_context::stream_with_context;
#[cfg(feature = "templates")]
pub(crate) use templates::{environment, load};
#[cfg(feature = "templates")]
pub use templates::{render_template, render_template_string};
pub use url_for::{UrlFor, url_for};
