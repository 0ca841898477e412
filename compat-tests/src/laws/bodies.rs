//! Laws about bodies: their bytes, their pace and their tags.

use std::time::Duration;

use costrel::http::header;
use costrel::{Body, Bytes, Colour, Error, IntoResponse, IntoView, Response, View};
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::LawText;
use crate::fixture::{Cell, Host, Probe, Stage};
use crate::verdict::{Checked, Failure, applies_if, expect};

pub(super) const A_BODY_IS_BYTES: LawText = LawText {
    why: "A body that goes through a text, a parser or a limit on the way is another body: a picture is broken, a number has lost its digits, a download ends early.",
    remedy: "Leave bodies alone that you need not change, and change only those whose meaning you know; `Candidate::maps_answer` declares it.",
    how: "The view sends text with white space at its ends, HTML, JSON with a long number, all 256 bytes, and a stream of 320 KB; each must arrive byte by byte.",
};

/// Bodies that come to harm where they are taken for something else, each with its content type.
const BODIES: [(&str, &str, &[u8]); 4] = [
    ("text", "text/plain; charset=utf-8", b"  two\r\n\tlines \xc3\xa9 \n\n"),
    ("html", "text/html; charset=utf-8", b"<!doctype html>\n<pre>\n  a   b\n</pre>\n"),
    ("json", "application/json", b"{\"b\": 123456789012345678901234567890, \"a\": 1.0, \"b\": null}\n"),
    ("stream", "application/octet-stream", b""),
];

/// The length of the chunks of the stream, and their number.
const CHUNKS: (usize, usize) = (8_192, 40);

pub(super) async fn a_body_is_bytes(cell: Cell) -> Checked {
    applies_if(!cell.candidate.changes_answers(), "the candidate makes another body of it")?;
    let stage = with_view(&cell, "bytes", |_, name: String| {
        if name == "binary" {
            return (all_bytes(), [("content-type", "image/png")]).into_response();
        }
        let (_, kind, body) = BODIES.into_iter().find(|(known, ..)| *known == name).unwrap_or(BODIES[0]);
        let body = if name == "stream" { long_stream() } else { Body::from(body) };
        (body, [("content-type", kind)]).into_response()
    })
    .await?;
    let client = stage.allowed().await?;
    for (name, _, body) in BODIES {
        let reply = client.ask(&format!("/bytes/{name}")).await?;
        if name == "stream" {
            let is_whole = reply.body == vec![b'.'; CHUNKS.0 * CHUNKS.1];
            expect(
                "bytes of a long stream, and whether they are the view's",
                (reply.body.len(), is_whole),
                (CHUNKS.0 * CHUNKS.1, true),
            )?;
        } else {
            expect(&format!("the body of a page of {name}"), reply.text(), String::from_utf8_lossy(body))?;
        }
    }
    expect("the body of a picture", client.ask("/bytes/binary").await?.body, all_bytes())?;
    Ok(())
}

fn all_bytes() -> Bytes {
    (0..=u8::MAX).collect()
}

fn long_stream() -> Body {
    let chunk = Bytes::from(vec![b'.'; CHUNKS.0]);
    Body::from_stream(stream::iter((0..CHUNKS.1).map(move |_| Ok::<_, Error>(chunk.clone()))))
}

pub(super) const A_BODY_IS_MADE_NO_FASTER_THAN_IT_IS_READ: LawText = LawText {
    why: "A task that moves the body into a channel makes it as fast as it can, into memory, and goes on when the client has left; a download of a gigabyte is a gigabyte on the server.",
    remedy: "Map the body, frame by frame, so that it is polled when the client reads; a channel has a limit, and its task ends with its receiver.",
    how: "A client reads one chunk of 64; the view must not have made more than a few. Then the client leaves, and the source of the body must be dropped.",
};

/// The number of chunks that may be on the way.
const ON_THE_WAY: usize = 8;

/// The timeout for a step; only a candidate that holds the body back, or keeps it, reaches it.
const COMES_WITHIN: Duration = Duration::from_secs(3);

pub(super) async fn a_body_is_made_no_faster_than_it_is_read(cell: Cell) -> Checked {
    applies_if(!cell.candidate.changes_answers(), "the candidate makes another body of it")?;
    applies_if(cell.host == Host::InProcess, "what a socket has taken is not known")?;
    let stage = with_view(&cell, "pace", |probe, _| {
        let (probe, kept) = (probe.clone(), probe.drop_counter());
        let chunks = stream::iter(0..64).map(move |n| {
            let _kept = &kept;
            probe.note("made");
            Ok::<_, Error>(format!("{n} "))
        });
        Body::from_stream(chunks).into_response()
    })
    .await?;
    let client = stage.allowed().await?.with_header("accept-encoding", "identity");
    let (response, _connection) = client.begin(client.verb(), "/pace/ada").await?;
    let mut body = response.into_body();
    let first = timeout(COMES_WITHIN, body.frame()).await;
    first.map_err(|_| Failure::sentence("the first chunk", "to come", "it did not"))?;
    // A task that makes the body by itself gets its turns meanwhile.
    for _ in 0..200 {
        yield_now().await;
    }
    let made = stage.probe.count("made");
    if made > ON_THE_WAY {
        let what = "chunks that were made while the client read one";
        return Err(Failure::sentence(what, &format!("{ON_THE_WAY} at most"), made.to_string()).into());
    }
    drop(body);
    if timeout(COMES_WITHIN, stage.probe.wait_for("dropped", 1)).await.is_err() {
        let what = "the source of a body whose client has left";
        return Err(Failure::sentence(what, "to be dropped", "it is kept").into());
    }
    Ok(())
}

pub(super) const A_TAG_IS_OF_ITS_PAGE: LawText = LawText {
    why: "A browser that sends an `ETag` back and gets a 304 shows the old page; a POST that gets one was never carried out.",
    remedy: "Make the tag from the body, and answer 304 to GET and HEAD alone.",
    how: "The view makes another page in each run. A GET with the tag of the page before must get the new page, unless the candidate keeps pages; a POST with the newest tag must run the view; and a tag of which the page's is a part is another.",
};

pub(super) async fn a_tag_is_of_its_page(cell: Cell) -> Checked {
    let stage = with_view(&cell, "tags", |probe, name| match &*name {
        "same" => "a page that stays".into_response(),
        _ => format!("page {}", probe.count("tagged")).into_response(),
    });
    let stage = stage.await?;
    let client = stage.allowed().await?;
    let tag = |reply: &crate::fixture::Reply| {
        reply.headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned)
    };
    let Some(first) = tag(&client.get("/tags/ada").await?) else {
        return applies_if(false, "the candidate gives no page a tag");
    };
    let mut newest = first.clone();
    if !cell.candidate.declared.shares_runs {
        let reply = client.clone().with_header("if-none-match", &first).get("/tags/ada").await?;
        expect("the status of GET with the tag of an older page", reply.status, costrel::StatusCode::OK)?;
        newest = tag(&reply).unwrap_or(newest);
    }
    let runs = stage.probe.runs();
    let reply = client.with_header("if-none-match", &newest).post("/tags/ada").await?;
    expect("runs of the view for a POST with a tag", stage.probe.runs() - runs, 1)?;
    expect("the status of a POST with a tag", reply.status, costrel::StatusCode::OK)?;
    let client = stage.allowed().await?;
    let Some(own) = tag(&client.get("/tags/same").await?) else { return Ok(()) };
    let longer = format!("{}-longer\"", own.trim_end_matches('"'));
    let reply = client.with_header("if-none-match", &longer).get("/tags/same").await?;
    let what = "whether a GET with a tag of which the page's is a part gets the page";
    expect(what, reply.status != costrel::StatusCode::NOT_MODIFIED, true)?;
    Ok(())
}

/// Serves a view on `/<rule>/<name>` that answers with `answer`.
async fn with_view(
    cell: &Cell,
    rule: &'static str,
    answer: impl Fn(&Probe, String) -> Result<Response, Error> + Clone + Send + Sync + 'static,
) -> Result<Stage, Error> {
    cell.stage_with(|app, probe| {
        let probe = probe.clone();
        let answer = move |name: String| {
            probe.ran();
            probe.note("tagged");
            answer(&probe, name)
        };
        let view: View = match cell.subject.colour() {
            Colour::Sync => answer.into_view(),
            Colour::Async => (move |name: String| std::future::ready(answer(name))).into_view(),
        };
        app.rule(&format!("/{rule}/<name>")).methods(["GET", "POST"]).view(cell.decorate(view).named(rule));
    })
    .await
}

/// Returns the next chunk that is not empty; an empty one at the end.
pub(super) async fn next_chunk(body: &mut Body) -> Result<Bytes, Error> {
    while let Some(frame) = body.frame().await {
        if let Some(chunk) = frame?.into_data().ok().filter(|chunk| !chunk.is_empty()) {
            return Ok(chunk);
        }
    }
    Ok(Bytes::new())
}
