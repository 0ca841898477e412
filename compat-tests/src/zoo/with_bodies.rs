//! Wrong decorators that take a body for what it is not, or make it faster than its client reads it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use costrel::http::header;
use costrel::{Body, Bytes, Error, HeaderValue, IntoResponse, Method, Response, StatusCode, View, current_app};
use costrel_ext_kit::Decorate;
use futures_util::{Stream, StreamExt, stream};
use http_body_util::BodyDataStream;
use parking_lot::Mutex;
use tokio::sync::mpsc;

/// Changes whole bodies of a content type by `change`; leaves streams alone.
async fn changed(response: Response, kind: &str, change: fn(&[u8]) -> Vec<u8>) -> Result<Response, Error> {
    let is_kind =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|found| found.as_bytes().starts_with(kind.as_bytes()));
    if !is_kind || response.body().length().is_none() {
        return Ok(response);
    }
    let (mut head, body) = response.into_parts();
    head.headers.remove(header::CONTENT_LENGTH);
    Ok(Response::from_parts(head, change(&body.collect().await?).into()))
}

/// Takes all bodies for text, and loses what is none.
pub(super) fn takes_bodies_for_text(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let response = next.call(request).await?;
        changed(response, "", |body| String::from_utf8_lossy(body).into_owned().into_bytes()).await
    })
}

/// Takes the white space off the ends of bodies.
pub(super) fn trims_bodies(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let response = next.call(request).await?;
        changed(response, "", |body| body.trim_ascii().to_vec()).await
    })
}

/// Takes the white space out of HTML, also where it counts.
pub(super) fn squeezes_html(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let response = next.call(request).await?;
        let squeeze = |body: &[u8]| {
            let text = String::from_utf8_lossy(body).into_owned();
            text.split_whitespace().collect::<Vec<_>>().join(" ").into_bytes()
        };
        changed(response, "text/html", squeeze).await
    })
}

/// Writes JSON anew, and loses the order of its keys and the digits of its numbers.
pub(super) fn writes_json_anew(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let response = next.call(request).await?;
        let anew = |body: &[u8]| {
            serde_json::from_slice::<serde_json::Value>(body)
                .map_or_else(|_| body.to_vec(), |json| json.to_string().into())
        };
        changed(response, "application/json", anew).await
    })
}

/// Ends a stream after some kilobytes.
pub(super) fn cuts_long_streams(view: View) -> View {
    view.followed_by(|outcome| {
        let (head, body) = outcome?.into_parts();
        if body.length().is_some() {
            return Ok(Response::from_parts(head, body));
        }
        let sent = Arc::new(AtomicUsize::new(0));
        let chunks = BodyDataStream::new(body).take_while(move |chunk| {
            let bytes = chunk.as_ref().map_or(0, Bytes::len);
            std::future::ready(sent.fetch_add(bytes, Ordering::SeqCst) < 100_000)
        });
        Ok(Response::from_parts(head, Body::from_stream(chunks)))
    })
}

/// Moves streams into a channel that takes all that the view makes, however slow the client is.
pub(super) fn pumps_streams_ahead(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let (head, body) = next.call(request).await?.into_parts();
        if body.length().is_some() {
            return Ok(Response::from_parts(head, body));
        }
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut chunks = BodyDataStream::new(body);
            while let Some(chunk) = chunks.next().await {
                // The client has left, and the pump goes on.
                let _ = sender.send(chunk);
                tokio::task::yield_now().await;
            }
        });
        Ok(Response::from_parts(head, Body::from_stream(received_unbounded(receiver))))
    })
}

/// Moves streams through a task, which waits for the client but does not end when the client leaves.
pub(super) fn goes_on_with_the_stream(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let (head, body) = next.call(request).await?.into_parts();
        if body.length().is_some() {
            return Ok(Response::from_parts(head, body));
        }
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            let mut chunks = BodyDataStream::new(body);
            while let Some(chunk) = chunks.next().await {
                if sender.send(chunk).await.is_err() {
                    // Keeps the source for a client that may come back.
                    std::future::pending::<()>().await;
                }
            }
        });
        Ok(Response::from_parts(head, Body::from_stream(received(receiver))))
    })
}

type Chunk = Result<Bytes, Error>;

fn received_unbounded(receiver: mpsc::UnboundedReceiver<Chunk>) -> impl Stream<Item = Chunk> + Send + 'static {
    stream::unfold(receiver, |mut receiver| async move { receiver.recv().await.map(|chunk| (chunk, receiver)) })
}

fn received(receiver: mpsc::Receiver<Chunk>) -> impl Stream<Item = Chunk> + Send + 'static {
    stream::unfold(receiver, |mut receiver| async move { receiver.recv().await.map(|chunk| (chunk, receiver)) })
}

const TAG: &str = "\"page\"";

/// Gives each path one tag for ever, and so never shows what has changed.
pub(super) fn one_tag_for_each_path(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let knows = request.header("if-none-match") == Some(TAG) && request.method() == Method::GET;
        let mut response = next.call(request).await?;
        if response.status().is_success() {
            response.headers_mut().insert(header::ETAG, HeaderValue::from_static(TAG));
            if knows {
                *response.status_mut() = StatusCode::NOT_MODIFIED;
                *response.body_mut() = Body::empty();
            }
        }
        Ok(response)
    })
}

/// Answers a POST with 304, as if it asked for a page.
pub(super) fn answers_304_to_posts(view: View) -> View {
    let tags = Arc::new(Mutex::new(HashMap::<String, usize>::new()));
    view.wrapped_by_async(move |next, request| {
        let tags = Arc::clone(&tags);
        async move {
            let (path, asked) = (request.path().to_owned(), request.header("if-none-match").map(str::to_owned));
            let known = tags.lock().get(&path).map(|tag| format!("\"{tag}\""));
            if request.method() == Method::POST && known.is_some() && known == asked {
                return ("", 304).into_response();
            }
            let mut response = next.call(request).await?;
            if let Some(body) = response.body().as_bytes().cloned().filter(|_| response.status().is_success()) {
                let tag = body.iter().fold(7_usize, |tag, byte| tag.wrapping_mul(31).wrapping_add(usize::from(*byte)));
                tags.lock().insert(path, tag);
                response.headers_mut().insert(header::ETAG, HeaderValue::from_str(&format!("\"{tag}\""))?);
            }
            Ok(response)
        }
    })
}

/// Says that the response to HEAD has no length, as sync code.
pub(super) fn forgets_the_length_of_head(view: View) -> View {
    view.wrapped_by(|view, request| {
        let is_head = *request.method() == Method::HEAD;
        let mut response = current_app().ensure_sync(view)(request)?;
        if is_head {
            *response.body_mut() = Body::empty();
        }
        Ok(response)
    })
}
