//! The helpers that views call: files, templates, URLs, flashed messages. Flask's `helpers`.

#[cfg(feature = "templates")]
mod templates;
#[cfg(feature = "templates")]
mod template_files;
#[cfg(feature = "templates")]
mod template_names;
#[cfg(feature = "templates")]
mod template_globals;
#[cfg(feature = "templates")]
mod on_demand;
#[cfg(feature = "templates")]
mod template_functions;
#[cfg(feature = "templates")]
mod jinja;
#[cfg(feature = "templates")]
mod urlize;
#[cfg(feature = "files")]
mod make_conditional;
#[cfg(feature = "files")]
mod files;
#[cfg(feature = "files")]
mod file_body;
#[cfg(any(feature = "files", feature = "templates"))]
mod folder;
#[cfg(feature = "files")]
mod conditions;
mod flash;
mod serializer;
mod url_for;
mod stream_with_context;

#[cfg(feature = "files")]
pub(crate) use files::send_from_folder;
#[cfg(feature = "files")]
pub use files::{SendFile, send_file, send_from_directory};
pub use flash::{flash, get_flashed_messages};
#[cfg(any(feature = "files", feature = "templates"))]
pub use folder::{Embed, Folder};
#[cfg(feature = "files")]
pub use make_conditional::{add_etag, make_conditional};
pub use serializer::Serializer;
pub use stream_with_context::stream_with_context;
#[cfg(feature = "templates")]
pub(crate) use template_files::{check, load};
#[cfg(feature = "templates")]
pub(crate) use template_functions::callable_in_templates;
#[cfg(feature = "templates")]
pub(crate) use templates::environment;
#[cfg(feature = "templates")]
pub use templates::{render_template, render_template_string};
pub use url_for::{UrlFor, url_for};
