//! Laws about streamed bodies, and about clients that leave.

use std::time::Duration;

use costrel::{
    Body, Bytes, Colour, Error, HeaderMap, HeaderName, HeaderValue, IntoResponse, IntoView, Method, Response,
    StatusCode, View,
};
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::time::timeout;

use super::LawText;
use super::bodies::next_chunk;
use crate::fixture::{Cell, Client, Host, Probe, Subject};
use crate::verdict::{Checked, Failure, applies_if, expect};

/// The timeout for the first chunk; only a decorator that holds the stream back reaches it.
const FIRST_CHUNK_WITHIN: Duration = Duration::from_secs(3);

pub(super) const A_STREAMED_BODY_IS_NOT_BUFFERED: LawText = LawText {
    why: "A decorator that collects the body delays events and fills the memory.",
    remedy: "Leave the body alone, or map it frame by frame.",
    how: "The view makes the second chunk only after the client has received the first.",
};

pub(super) async fn a_streamed_body_is_not_buffered(cell: Cell) -> Checked {
    applies_if(!cell.candidate.changes_answers(), "the candidate makes another body of it")?;
    let stage = cell
        .stage_with(|app, probe| {
            app.rule("/stream/<name>")
                .methods(["GET", "POST"])
                .view(cell.decorate(streaming_view(cell.subject, probe)).named("stream"));
        })
        .await?;
    let client = stage.allowed().await?.with_header("accept-encoding", "identity");
    let first = timeout(FIRST_CHUNK_WITHIN, async {
        let (response, connection) = client.begin(client.verb(), "/stream/ada").await?;
        let mut body = response.into_body();
        let first = next_chunk(&mut body).await?;
        Ok::<_, Error>((first, body, connection))
    });
    let Ok(first) = first.await else {
        return Err(
            Failure::sentence("the first chunk", "to arrive before the second is made", "nothing arrived").into()
        );
    };
    let (first, mut body, _connection) = first?;
    expect("the first chunk", first, "one ")?;
    stage.probe.open(1);
    expect("the second chunk", next_chunk(&mut body).await?, "two")?;
    expect("what comes after it", next_chunk(&mut body).await?, "")?;
    Ok(())
}

pub(super) const A_BROKEN_BODY_STAYS_BROKEN: LawText = LawText {
    why: "Every cache on the way keeps half a file if it looks like a whole one.",
    remedy: "Pass on the error of a body as you pass on its chunks.",
    how: "A stream fails after its first chunk; the client must not get a success whose body ends normally.",
};

pub(super) async fn a_broken_body_stays_broken(cell: Cell) -> Checked {
    let stage = cell
        .stage_with(|app, probe| {
            let probe = probe.clone();
            let chunks = || stream::iter([Ok("one "), Err(Error::from_boxed("the subject broke off".into()))]);
            let view = of_colour(cell.subject, move || {
                probe.ran();
                Body::from_stream(chunks()).into_response()
            });
            app.rule("/broken/<name>").methods(["GET", "POST"]).view(cell.decorate(view).named("broken"));
        })
        .await?;
    let reply = stage.allowed().await?.ask("/broken/ada").await;
    expect("whether the view ran", stage.probe.runs() > 0, true)?;
    match reply {
        Ok(reply) if reply.status.is_success() => {
            let expected = "an error, because the body broke off";
            Err(Failure::sentence("a body that broke off", expected, format!("it ended well, as {:?}", reply.text()))
                .into())
        }
        // The client gets an error response or a cut connection, so it sees that the body is broken.
        Ok(_) | Err(_) => Ok(()),
    }
}

pub(super) const TRAILERS_ARRIVE: LawText = LawText {
    why: "gRPC's status and many checksums come after the body, in a frame that is not data.",
    remedy: "Map the frames of a body, not its data: `http_body_util::BodyExt::map_frame`.",
    how: "A stream ends with a trailer, which the client must receive after the data.",
};

pub(super) async fn trailers_arrive(cell: Cell) -> Checked {
    applies_if(!cell.candidate.changes_answers(), "the candidate makes another body of it")?;
    let stage = cell
        .stage_with(|app, _| {
            let view = of_colour(cell.subject, || (with_trailers(), [("trailer", "x-compat-trailer")]).into_response());
            app.rule("/trailers/<name>").methods(["GET", "POST"]).view(cell.decorate(view).named("trailers"));
        })
        .await?;
    let client = stage.allowed().await?.with_header("te", "trailers").with_header("accept-encoding", "identity");
    let (response, _connection) = client.begin(client.verb(), "/trailers/ada").await?;
    let collected = BodyExt::collect(response.into_body()).await?;
    let checksum = collected.trailers().and_then(|trailers| trailers.get("x-compat-trailer")).cloned();
    expect("the trailer after the body", checksum, Some(HeaderValue::from_static("1")))?;
    Ok(())
}

fn with_trailers() -> Body {
    let trailers = HeaderMap::from_iter([(HeaderName::from_static("x-compat-trailer"), HeaderValue::from_static("1"))]);
    let frames = [Frame::data(Bytes::from_static(b"one")), Frame::trailers(trailers)];
    Body::new(StreamBody::new(stream::iter(frames.map(Ok::<_, Error>))))
}

/// Builds a view of the subject's colour that returns the result of `answer`.
fn of_colour(subject: Subject, answer: impl Fn() -> Result<Response, Error> + Clone + Send + Sync + 'static) -> View {
    match subject.colour() {
        Colour::Sync => (move |_: String| answer()).into_view(),
        Colour::Async => (move |_: String| std::future::ready(answer())).into_view(),
    }
}

pub(super) const A_CLIENT_THAT_LEAVES_ENDS_THE_VIEW_ONCE: LawText = LawText {
    why: "A view that runs on after its client has left wastes the server; a teardown that runs twice closes what is not open.",
    remedy: "Call the view in place: a task of its own runs on after the client has left.",
    how: "A client leaves while the view waits; the view and the teardown must each end once, and the next request must be answered.",
};

pub(super) async fn a_client_that_leaves_ends_the_view_once(cell: Cell) -> Checked {
    applies_if(
        matches!(cell.subject, Subject::AsyncWaiting),
        "only a view that waits can be cancelled while it waits",
    )?;
    for method in [Method::GET, Method::POST] {
        leaves_once(&cell, &method).await?;
    }
    Ok(())
}

async fn leaves_once(cell: &Cell, method: &Method) -> Checked {
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    let earlier = stage.probe.count("teardown");
    let mut leaving = {
        let (client, method) = (client.clone(), method.clone());
        tokio::spawn(async move { client.visit(&method, "/subject/hold").await })
    };
    tokio::select! {
        () = stage.probe.wait_for("held", 1) => leaving.abort(),
        _ = &mut leaving => {
            let expected = "to come to the view";
            return Err(Failure::sentence("the request that the view is to hold", expected, "it was answered without a run of the view").into());
        }
    }
    stage.probe.wait_for("dropped", 1).await;
    stage.probe.wait_for("teardown", earlier + 1).await;
    let reply = client.visit(method, "/subject/ada").await?;
    expect("status and body of the next request", (reply.status, reply.text()), cell.expected("ada"))?;
    expect("drops of the view that was left", stage.probe.drops(), 1)?;
    expect("teardowns of both requests", stage.probe.count("teardown") - earlier, 2)?;
    Ok(())
}

pub(super) const A_BODY_LEFT_UNREAD_HARMS_NO_LATER_REQUEST: LawText = LawText {
    why: "A view need not read the body it gets, and a refusal does not. A decorator that keeps the request, or reads half of it, leaves the rest on the connection, where the next request waits behind it.",
    remedy: "Let go of the request with the response, and read a body whole or not at all.",
    how: "A client sends a POST whose body the view does not read, let in and refused, then GET over the same connection, unless the server has closed it; both must be answered.",
};

/// The body that is left unread: more than one packet.
const UNREAD: usize = 40_000;

pub(super) async fn a_body_left_unread_harms_no_later_request(cell: Cell) -> Checked {
    applies_if(cell.host != Host::InProcess, "there is no connection")?;
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    if !client.has_body() {
        let seen = both_over_one_connection(&client.with_body("x".repeat(UNREAD))).await?;
        let own = |name| Some(cell.expected(name));
        expect("status and body of a POST whose body was not read", Some(&seen[0]), own("ada").as_ref())?;
        expect("status and body of the request after it", seen.get(1), own("bob").as_ref().filter(|_| seen.len() > 1))?;
    }
    if cell.candidate.can_deny() && cell.candidate.may_refuse(&Method::POST) {
        let runs = stage.probe.runs();
        both_over_one_connection(&stage.denied().await?.with_body("x".repeat(UNREAD))).await?;
        let refused_get = cell.candidate.may_refuse(&Method::GET);
        expect("runs of the view for a refused POST", (stage.probe.runs() - runs).min(usize::from(refused_get)), 0)?;
    }
    Ok(())
}

/// Returns what a POST and a GET over one connection get; the POST alone, if the server has closed the connection.
async fn both_over_one_connection(client: &Client) -> Checked<Vec<(StatusCode, String)>> {
    let both = timeout(FIRST_CHUNK_WITHIN, client.post_and_get("/subject/ada", "/subject/bob")).await;
    let late = |_| Failure::sentence("a POST whose body is not read, and GET after it", "to be answered", "no answer");
    Ok(both.map_err(late)??.into_iter().map(|reply| (reply.status, reply.text())).collect())
}

/// Builds a view that sends `one `, and sends `two` only when the gate opens.
fn streaming_view(subject: Subject, probe: &Probe) -> View {
    let probe = probe.clone();
    let body = move || {
        let chunks = stream::unfold(0, move |chunk| {
            let probe = probe.clone();
            async move {
                match chunk {
                    0 => Some((Ok::<_, Error>("one "), 1)),
                    1 => {
                        probe.hold().await;
                        Some((Ok("two"), 2))
                    }
                    _ => None,
                }
            }
        });
        Body::from_stream(chunks)
    };
    of_colour(subject, move || body.clone()().into_response())
}
