//! Methods of a request that read what its headers say of its client.

use http::header;

use super::accept::{Accept, AcceptKind};
use super::authorization::Authorization;
use super::request::Request;

impl Request {
    /// The media types that the client accepts, best first: `Accept`.
    pub fn accept_mimetypes(&self) -> Accept {
        self.accept(AcceptKind::Mimetype, header::ACCEPT.as_str())
    }

    /// The languages that the client accepts, best first: `Accept-Language`. A tag such as `en-GB` and its language `en`
    /// match each other.
    pub fn accept_languages(&self) -> Accept {
        self.accept(AcceptKind::Language, header::ACCEPT_LANGUAGE.as_str())
    }

    /// The content codings that the client accepts, best first: `Accept-Encoding`.
    pub fn accept_encodings(&self) -> Accept {
        self.accept(AcceptKind::Token, header::ACCEPT_ENCODING.as_str())
    }

    /// The character sets that the client accepts, best first: `Accept-Charset`.
    pub fn accept_charsets(&self) -> Accept {
        self.accept(AcceptKind::Token, header::ACCEPT_CHARSET.as_str())
    }

    fn accept(&self, kind: AcceptKind, name: &str) -> Accept {
        Accept::parse(kind, self.header_values(name))
    }

    /// The credentials that the client sent: `Authorization`. `None` without them, or if they cannot be read.
    pub fn authorization(&self) -> Option<Authorization> {
        Authorization::parse(self.header(header::AUTHORIZATION.as_str())?)
    }

    /// The program that the client says it is: `User-Agent`.
    pub fn user_agent(&self) -> Option<&str> {
        self.header(header::USER_AGENT.as_str())
    }

    /// The address of the page from which the client says it comes: `Referer`.
    pub fn referrer(&self) -> Option<&str> {
        self.header(header::REFERER.as_str())
    }

    /// The id of the last event of an [`EventStream`](crate::EventStream) that the client got before it reconnected.
    pub fn last_event_id(&self) -> Option<&str> {
        self.header("last-event-id")
    }
}
