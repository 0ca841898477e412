//! Wrong decorators that take for the same what is only alike.

use costrel::http::header;
use costrel::{HeaderValue, IntoResponse, Method, Request, Response, StatusCode, View, abort, current_app, redirect};
use costrel_ext_kit::Decorate;

fn language(request: &Request) -> HeaderValue {
    let is_french = request.header("accept-language").is_some_and(|languages| languages.starts_with("fr"));
    HeaderValue::from_static(if is_french { "fr" } else { "en" })
}

/// Chooses a language by the header, and does not say so in `Vary`.
pub(super) fn speaks_french_to_all(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let language = language(&request);
        let mut response = next.call(request).await?;
        response.headers_mut().entry(header::CONTENT_LANGUAGE).or_insert(language);
        Ok(response)
    })
}

/// Chooses a language by the header, and does not say so in `Vary`, as sync code.
pub(super) fn speaks_french_to_all_sync(view: View) -> View {
    view.wrapped_by(|view, request| {
        let language = language(&request);
        let mut response = current_app().ensure_sync(view)(request)?;
        response.headers_mut().entry(header::CONTENT_LANGUAGE).or_insert(language);
        Ok(response)
    })
}

/// Gives CORS headers to the origins that it knows, without `Vary`.
pub(super) fn forgets_that_origins_differ(view: View) -> View {
    view.on_response(|request, response| allow(request, response, |origin| origin == "https://shop.example", false))
}

/// Gives CORS headers to each origin that ends in the one it knows.
pub(super) fn knows_origins_by_their_ends(view: View) -> View {
    view.on_response(|request, response| allow(request, response, |origin| origin.ends_with("shop.example"), true))
}

/// Gives CORS headers to each origin that begins as the one it knows.
pub(super) fn knows_origins_by_their_beginnings(view: View) -> View {
    let is_known = |origin: &str| origin.starts_with("https://shop.example");
    view.on_response(move |request, response| allow(request, response, is_known, true))
}

fn allow(request: &Request, response: &mut Response, is_known: impl Fn(&str) -> bool, varies: bool) {
    if varies {
        response.headers_mut().append(header::VARY, HeaderValue::from_static("origin"));
    }
    if let Some(origin) = request.headers().get(header::ORIGIN).filter(|origin| origin.to_str().is_ok_and(&is_known)) {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
}

/// Sends clients that it refuses to the address in the query.
pub(super) fn sends_clients_anywhere(view: View) -> View {
    view.wrapped_by(|view, request| {
        if request.header("x-member").is_some() {
            return current_app().ensure_sync(view)(request);
        }
        redirect(request.args().get("next").unwrap_or("/login")).into_response()
    })
}

/// Sends clients that it refuses to the login of the host that a header names.
pub(super) fn sends_clients_to_the_host_they_name(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        if request.header("x-member").is_some() {
            return next.call(request).await;
        }
        let host = request.header("x-forwarded-host").unwrap_or("localhost");
        redirect(&format!("https://{host}/login")).into_response()
    })
}

/// Compares the key with the start of the right one, so that none at all will do.
pub(super) fn lets_in_a_part_of_the_key(view: View) -> View {
    view.guarded_by(|request| match request.header("x-api-key") {
        Some(key) if "k-4f1c9e27".starts_with(key) => Ok(()),
        _ => abort(401),
    })
}

/// Compares what comes behind the scheme with the start of the right token, as sync code.
pub(super) fn lets_in_a_token_of_no_letters(view: View) -> View {
    view.guarded_by_sync(|request| {
        let token = request.header("authorization").map(|credentials| credentials.replace("Bearer", ""));
        if token.is_some_and(|token| "t-4f1c9e27".starts_with(token.trim())) { Ok(()) } else { abort(401) }
    })
}

/// Takes a page for known if its tag is a part of the client's.
pub(super) fn finds_its_tag_in_another(view: View) -> View {
    view.wrapped_by_async(|next, request| async move {
        let known = request.header("if-none-match").unwrap_or_default().to_owned();
        let is_get = request.method() == Method::GET;
        let mut response = next.call(request).await?;
        let Some(body) = response.body().as_bytes().filter(|_| is_get && response.status() == StatusCode::OK) else {
            return Ok(response);
        };
        let tag =
            format!("{:x}", body.iter().fold(7_u64, |sum, byte| sum.wrapping_mul(131).wrapping_add(u64::from(*byte))));
        if known.contains(&tag) {
            return ("", 304, [("etag", format!("\"{tag}\""))]).into_response();
        }
        response.headers_mut().entry(header::ETAG).or_insert(HeaderValue::from_str(&format!("\"{tag}\""))?);
        Ok(response)
    })
}
