//! The law about bodies that the candidate encodes for clients that take them so.

use costrel::http::header;
use costrel::{Colour, IntoView, View};

use super::LawText;
use super::headers::parts_of;
use crate::fixture::{Cell, Reply, Subject};
use crate::verdict::{Checked, Failure, applies_if, expect};

pub(super) const AN_ENCODED_BODY_IS_THE_SAME_BODY: LawText = LawText {
    why: "A compressor that loses or cuts a body, that compresses what is compressed already, or that a cache on the way is not told of, gives browsers pages that they cannot read.",
    remedy: "Encode only what the client accepts and the view has not encoded, encode it to its end, and add `Vary: Accept-Encoding`.",
    how: "Clients ask for a page with several `Accept-Encoding`s; decoded, it must be the view's. A page that the view has encoded itself must arrive as it is.",
};

/// Values of `Accept-Encoding`, each with an encoding that it forbids.
const ACCEPTED: [(&str, &str); 5] = [
    ("gzip", "br"),
    ("br, gzip;q=0", "gzip"),
    ("deflate", "gzip"),
    ("gzip, deflate, br", "zstd"),
    ("identity", "gzip"),
];

pub(super) async fn an_encoded_body_is_the_same_body(cell: Cell) -> Checked {
    let is_tried = matches!(
        cell.subject,
        Subject::SyncFn | Subject::AsyncFn | Subject::LargeBody | Subject::Streaming | Subject::Iterating
    );
    applies_if(is_tried, "it is tried on a few kinds of bodies")?;
    let stage = cell
        .stage_with(|app, _| {
            let view = cell.decorate(encoded_view(cell.subject.colour())).named("encoded");
            app.rule("/encoded/<name>").methods(["GET", "POST"]).view(view);
        })
        .await?;
    let client = stage.allowed().await?;
    let mut encoded = 0;
    for (accepted, forbidden) in ACCEPTED {
        let asking = client.clone().with_header("accept-encoding", accepted);
        let reply = asking.ask("/subject/ada").await?;
        let what = format!("status and body for `accept-encoding: {accepted}`");
        let (status, text) = cell.expected("ada");
        expect(&what, (reply.status, shortened(reply.text())), (status, shortened(text)))?;
        encoded += usize::from(is_encoded_as_accepted(&reply, accepted, forbidden)?);
    }
    applies_if(encoded > 0, "the candidate encodes no body")?;
    let asking = client.with_header("accept-encoding", "gzip, br");
    let (response, _connection) = asking.begin(asking.verb(), "/encoded/ada").await?;
    let own: Vec<_> = response.headers().get_all(header::CONTENT_ENCODING).iter().cloned().collect();
    expect("the `Content-Encoding` of a page that the view encoded", own, ["br"])?;
    expect("the body of a page that the view encoded", response.into_body().collect().await?, ENCODED)?;
    Ok(())
}

/// The length of a body that a failure shows.
const SHOWN: usize = 80;

fn shortened(text: String) -> (String, usize) {
    (text.chars().take(SHOWN).collect(), text.len())
}

/// Whether the response is encoded; fails if the client does not take it so, or if a cache is not told.
fn is_encoded_as_accepted(reply: &Reply, accepted: &str, forbidden: &str) -> Checked<bool> {
    let mut encodings = parts_of(&reply.headers, "content-encoding").filter(|part| part != "identity");
    let Some(encoding) = encodings.next() else { return Ok(false) };
    if encoding == forbidden || !accepted.contains(&encoding) {
        let what = format!("the `Content-Encoding` for `accept-encoding: {accepted}`");
        return Err(Failure::sentence(what, "one that the client accepts", encoding).into());
    }
    let told = parts_of(&reply.headers, "vary").any(|part| part == "accept-encoding" || part == "*");
    expect("whether `Vary` names `Accept-Encoding` where the body is encoded", told, true)?;
    Ok(true)
}

/// A stand-in for a body that the view has encoded itself, long enough for any compressor.
const ENCODED: &str = "as it is, as it is, as it is, as it is, as it is, as it is, as it is, as it is, as it is";

fn encoded_view(colour: Colour) -> View {
    let answer = || (ENCODED, [("content-encoding", "br"), ("content-type", "text/plain")]);
    match colour {
        Colour::Sync => (move |_: String| answer()).into_view(),
        Colour::Async => (move |_: String| std::future::ready(answer())).into_view(),
    }
}
