//! The types of HTTP traffic: requests, responses, bodies, cookies, forms.

mod proxy_fix;
mod forwarded;
mod host;
mod debug_page;
mod error_page;
mod abort;
mod watch;
mod request_headers;
mod accept;
mod authorization;
mod request;
mod decoded_path;
mod looks;
mod peer;
mod request_body;
mod patient_body;
#[cfg(feature = "multipart")]
mod multipart;
mod form;
mod multi_dict;
mod cookies;
mod header_list;
mod event_stream;
mod vary;
mod response;
mod html;
mod body;
mod spool;

pub(crate) use abort::take_aborted;
pub use abort::{IntoAbort, abort, abort_with};
pub use accept::Accept;
pub use authorization::Authorization;
pub use body::{Body, IntoChunk};
pub(crate) use cookies::epoch;
pub use cookies::{delete_cookie, set_cookie};
pub(crate) use debug_page::debug_page;
pub(crate) use decoded_path::decoded_path;
pub(crate) use error_page::error_page;
pub(crate) use event_stream::has_events;
pub use event_stream::{Event, EventStream};
pub use form::{FileStorage, Files, secure_filename};
pub(crate) use host::{needs_host, no_host, settle_host};
pub use html::escape;
pub use looks::Looks;
pub use multi_dict::MultiDict;
pub use peer::ScriptRoot;
pub(crate) use peer::{Peer, Scheme};
pub(crate) use proxy_fix::apply_proxy_fix;
pub use request::Request;
pub(crate) use request::RouteInfo;
pub(crate) use response::frame_for_wire;
pub use response::{IntoResponse, Json, Response, ResponsePart, jsonify, redirect, redirect_with};
#[cfg(feature = "files")]
pub(crate) use spool::{chunks_of, read_chunk};
pub use vary::add_vary;
pub use watch::Watch;
