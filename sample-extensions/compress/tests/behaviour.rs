//! Tests of `Compress`, app-wide and on one view, on views of either colour.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "behaviour/levels.rs"]
mod levels;
#[path = "behaviour/settings.rs"]
mod settings;
#[path = "behaviour/streams.rs"]
mod streams;

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use costrel::testing::TestResponse;
use costrel::{
    App, Blueprint, Bytes, IntoResponse, IntoView, Method, Request, Response, View, add_etag, make_conditional,
    send_file,
};
use costrel_compress::Compress;
use costrel_ext_kit::Clock;
use costrel_stores::{Entries, MemoryEntries};
use rstest::rstest;

/// A page that is long enough to be compressed, and short enough to be so on the event loop.
const LINE: &str = "all work and no play ";

/// Where the compression comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    App,
    View,
}

/// An app whose view returns what `view` makes, and that compresses in this place.
fn app<R>(place: Place, is_sync: bool, view: impl Fn() -> R + Clone + Send + Sync + 'static) -> App
where
    R: IntoResponse + Send + 'static,
{
    set_up(place, is_sync, Compress::new(), |_| {}, view)
}

fn set_up<R>(
    place: Place,
    is_sync: bool,
    compress: Compress,
    configure: impl FnOnce(&mut App),
    view: impl Fn() -> R + Clone + Send + Sync + 'static,
) -> App
where
    R: IntoResponse + Send + 'static,
{
    let mut app = App::new("test");
    configure(&mut app);
    app.config.set("COMPRESS_REGISTER", place == Place::App).unwrap();
    app.init(&compress).unwrap();
    let view: View = if is_sync { view.into_view() } else { (move || std::future::ready(view())).into_view() };
    let rule = app.rule("/").methods(["GET", "POST"]).endpoint("index");
    if place == Place::View {
        rule.decorate(compress.compressed()).view(view)
    } else {
        rule.view(view)
    };
    app
}

fn ask(app: App, headers: &[(&str, &str)]) -> TestResponse {
    open(app, Method::GET, headers)
}

fn open(app: App, method: Method, headers: &[(&str, &str)]) -> TestResponse {
    let request = app.test_client().open(method, "/");
    headers.iter().fold(request, |request, (name, value)| request.header(name, value)).wait().unwrap()
}

fn encoding(response: &TestResponse) -> Option<&str> {
    response.header("content-encoding")
}

/// The body as its client reads it.
fn decoded(response: &TestResponse) -> String {
    String::from_utf8(decode(encoding(response), response.data())).unwrap()
}

fn decode(encoding: Option<&str>, data: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match encoding {
        None => plain.extend_from_slice(data),
        Some("gzip") => drop(flate2::read::GzDecoder::new(data).read_to_end(&mut plain).unwrap()),
        Some("deflate") => drop(flate2::read::ZlibDecoder::new(data).read_to_end(&mut plain).unwrap()),
        Some("br") => drop(brotli::Decompressor::new(data, 4096).read_to_end(&mut plain).unwrap()),
        Some("zstd") => drop(zstd::Decoder::new(data).unwrap().read_to_end(&mut plain).unwrap()),
        Some(other) => panic!("{other}"),
    }
    plain
}

#[rstest]
#[case("gzip", Some("gzip"))]
#[case("br", Some("br"))]
#[case("deflate", Some("deflate"))]
#[case("zstd", Some("zstd"))]
#[case("GZIP", Some("gzip"))]
#[case("gzip, deflate, br, zstd", Some("zstd"))]
#[case("gzip, deflate, br;q=0.9", Some("gzip"))]
#[case("gzip;q=0.1, deflate;q=0.2", Some("deflate"))]
#[case("*", Some("zstd"))]
#[case("zstd;q=0, *", Some("br"))]
#[case("gzip;q=0.5, *;q=0.8", Some("zstd"))]
#[case("*;q=0", None)]
#[case("gzip;q=0", None)]
#[case("identity", None)]
#[case("identity, gzip", Some("gzip"))]
#[case("identity, gzip;q=0.9", None)]
#[case("identity;q=0, gzip;q=0.1", Some("gzip"))]
#[case("identity;q=0", None)]
#[case("compress", None)]
#[case("", None)]
fn the_client_chooses_the_format(
    #[case] accepts: &str,
    #[case] chosen: Option<&str>,
    #[values(Place::App, Place::View)] place: Place,
    #[values(true, false)] is_sync: bool,
) {
    let response = ask(app(place, is_sync, || LINE.repeat(60)), &[("accept-encoding", accepts)]);
    assert_eq!((encoding(&response), response.header("vary")), (chosen, Some("Accept-Encoding")));
    assert_eq!(decoded(&response), LINE.repeat(60));
    assert_eq!(response.header("content-length"), Some(&*response.data().len().to_string()));
    assert_eq!(response.data().len() < 200, chosen.is_some());
}

#[test]
fn without_the_header_a_page_stays_as_it_is() {
    let response = ask(app(Place::App, true, || LINE.repeat(60)), &[]);
    assert_eq!((encoding(&response), response.header("vary")), (None, Some("Accept-Encoding")));
}

/// A response with these headers, long enough to be compressed.
fn page(status: u16, headers: &[(&'static str, &'static str)]) -> Response {
    (LINE.repeat(60), status, headers.to_vec()).into_response().unwrap()
}

#[rstest]
#[case::short(|| LINE.repeat(23).into_response().unwrap())]
#[case::empty(|| "".into_response().unwrap())]
#[case::no_content(|| page(204, &[]))]
#[case::error(|| page(404, &[]))]
#[case::redirect(|| page(302, &[("location", "/")]))]
#[case::part(|| page(206, &[("content-range", "bytes 0-1259/5000")]))]
#[case::range(|| page(200, &[("content-range", "bytes 0-1259/5000")]))]
#[case::image(|| page(200, &[("content-type", "image/png")]))]
#[case::encoded(|| page(200, &[("content-encoding", "br")]))]
#[case::no_transform(|| page(200, &[("cache-control", "public, No-Transform")]))]
#[case::no_transform_in_a_later_line(|| page(200, &[("cache-control", "no-cache"), ("cache-control", "no-transform")]))]
#[case::digest(|| page(200, &[("repr-digest", "sha-256=:AA==:")]))]
fn some_responses_stay_as_they_are(
    #[case] view: fn() -> Response,
    #[values(Place::App, Place::View)] place: Place,
    #[values(true, false)] is_sync: bool,
) {
    let (plain, response) = (view(), ask(app(place, is_sync, view), &[("accept-encoding", "gzip, br")]));
    assert_eq!(response.headers().get("content-encoding"), plain.headers().get("content-encoding"));
    assert_eq!(response.status(), plain.status());
    if response.status() != 204 {
        assert_eq!(response.data(), plain.body().as_bytes().unwrap());
    }
    assert_eq!(response.header("vary"), Some("Accept-Encoding"));
}

#[rstest]
#[case("text/*", "text/markdown; charset=utf-8", true)]
#[case("text/*", "TEXT/Html", true)]
#[case("text/*", "application/json", false)]
#[case("*/*+json", "application/problem+json", true)]
#[case("*", "image/png", true)]
#[case("text/html,application/x-own", "application/x-own", true)]
#[case("*", "text/event-stream", false)]
fn types_have_wildcards(#[case] setting: &str, #[case] content_type: &'static str, #[case] is_compressed: bool) {
    let configure = |app: &mut App| app.config.set("COMPRESS_MIMETYPES", setting).unwrap();
    let view = move || page(200, &[("content-type", content_type)]);
    let response = ask(set_up(Place::App, true, Compress::new(), configure, view), &[("accept-encoding", "gzip")]);
    assert_eq!(encoding(&response).is_some(), is_compressed);
}

#[rstest]
fn a_tag_becomes_weak_and_still_answers(
    #[values(Place::App, Place::View)] place: Place,
    #[values(true, false)] is_sync: bool,
    #[values(true, false)] view_answers: bool,
) {
    let view = move || {
        let mut page = page(200, &[("accept-ranges", "bytes")]);
        add_etag(&mut page);
        if view_answers { make_conditional(page) } else { Ok(page) }
    };
    let app = || app(place, is_sync, view);
    let plain = ask(app(), &[]);
    let strong = plain.header("etag").unwrap();
    assert_eq!(plain.header("accept-ranges"), Some("bytes"));
    let first = ask(app(), &[("accept-encoding", "br")]);
    let weak = first.header("etag").unwrap();
    assert_eq!((weak, first.header("accept-ranges")), (&*format!("W/{strong}"), None));

    let again = ask(app(), &[("accept-encoding", "br"), ("if-none-match", weak)]);
    assert_eq!((again.status().as_u16(), again.header("etag"), again.data().len()), (304, Some(weak), 0));
    assert_eq!((encoding(&again), again.header("vary")), (None, Some("Accept-Encoding")));
    let any = ask(app(), &[("accept-encoding", "br"), ("if-none-match", "*")]);
    assert_eq!((any.status().as_u16(), any.header("etag")), (304, Some(if view_answers { strong } else { weak })));
    let wanted = ask(app(), &[("accept-encoding", "br"), ("if-match", strong)]);
    assert_eq!(wanted.status(), 200);
    let other = ask(app(), &[("accept-encoding", "br"), ("if-match", "\"other\"")]);
    assert_eq!(other.status(), 412);
    if view_answers {
        let again = ask(app(), &[("if-none-match", strong)]);
        assert_eq!((again.status().as_u16(), again.header("etag")), (304, Some(strong)));
    }
}

#[rstest]
fn conditions_may_be_left_to_the_view(#[values(true, false)] is_sync: bool) {
    let configure = |app: &mut App| app.config.set("COMPRESS_EVALUATE_CONDITIONAL_REQUEST", false).unwrap();
    let view = || page(200, &[("etag", "W/\"a\"")]);
    let app = set_up(Place::App, is_sync, Compress::new(), configure, view);
    let response = ask(app, &[("accept-encoding", "br"), ("if-none-match", "W/\"a\"")]);
    assert_eq!((response.status().as_u16(), response.header("etag")), (200, Some("W/\"a\"")));
}

#[rstest]
fn the_answer_to_head_has_the_headers_of_that_to_get(
    #[values(Place::App, Place::View)] place: Place,
    #[values(true, false)] is_sync: bool,
    #[values(0, 1, 2)] kind: usize,
) {
    let view = move || match kind {
        0 => Ok(page(200, &[("etag", "\"a\"")])),
        1 => streams::streamed(is_sync, vec![LINE.into()]).into_response(),
        _ => send_file(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).mimetype("text/plain").wait(),
    };
    // A sync wait is not for the event loop.
    let is_sync = is_sync || kind == 2;
    let asked =
        [Method::GET, Method::HEAD].map(|method| open(app(place, is_sync, view), method, &[("accept-encoding", "br")]));
    let names = ["content-encoding", "etag", "vary", "content-type", "accept-ranges"];
    let [get, head] = asked.each_ref().map(|response| names.map(|name| response.header(name)));
    assert_eq!((get, get[0], asked[1].data().len()), (head, Some("br"), 0));
    let lengths = asked.each_ref().map(|response| response.header("content-length"));
    assert!(lengths[1].is_none() || lengths[0] == lengths[1], "{lengths:?}");
}

#[test]
fn a_part_of_a_file_stays_as_it_is() {
    let view = || send_file(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).mimetype("text/plain").wait();
    let response = ask(app(Place::App, true, view), &[("accept-encoding", "br"), ("range", "bytes=0-599")]);
    assert_eq!((response.status().as_u16(), encoding(&response), response.data().len()), (206, None, 600));
}

#[rstest]
#[case(&[("vary", "Accept-Encoding, Cookie")], &["Accept-Encoding, Cookie"])]
#[case(&[("vary", "accept-encoding")], &["accept-encoding"])]
#[case(&[("vary", "*")], &["*"])]
#[case(&[("vary", "Cookie")], &["Cookie", "Accept-Encoding"])]
fn vary_is_not_doubled(#[case] headers: &'static [(&str, &str)], #[case] vary: &[&str]) {
    let response = ask(app(Place::App, true, move || page(200, headers)), &[("accept-encoding", "br")]);
    assert_eq!(response.headers().get_all("vary").iter().collect::<Vec<_>>(), vary);
}

/// A view is compressed once, however many times that is asked for.
#[rstest]
fn a_page_is_compressed_once(#[values(true, false)] is_sync: bool) {
    let compress = Compress::new();
    let (mut app, mut bp) = (App::new("test"), Blueprint::new("bp"));
    app.init(&compress).unwrap();
    bp.decorate(compress.compressed());
    let view: View = if is_sync { (|| LINE.repeat(60)).into_view() } else { (async || LINE.repeat(60)).into_view() };
    bp.rule("/").endpoint("index").decorate(compress.compressed()).view(view);
    app.register_blueprint(bp);
    let response = ask(app, &[("accept-encoding", "gzip")]);
    assert_eq!((encoding(&response), decoded(&response)), (Some("gzip"), LINE.repeat(60)));
}

#[rstest]
fn an_exempt_view_stays_as_it_is(#[values(true, false)] is_sync: bool) {
    let compress = Compress::new();
    let mut app = App::new("test");
    app.init(&compress).unwrap();
    let view: View = if is_sync { (|| LINE.repeat(60)).into_view() } else { (async || LINE.repeat(60)).into_view() };
    app.rule("/").endpoint("index").decorate(compress.exempt()).view(view);
    let response = ask(app, &[("accept-encoding", "gzip")]);
    assert_eq!((encoding(&response), response.header("vary")), (None, None));
}

#[rstest]
#[case::compressed_blueprint(true, &[None, Some("gzip")])]
#[case::exempt_blueprint(false, &[Some("gzip"), None])]
fn what_a_view_says_itself_counts_before_its_blueprint(
    #[case] is_compressed: bool,
    #[case] due: &[Option<&str>],
    #[values(true, false)] register: bool,
    #[values(true, false)] is_sync: bool,
) {
    let compress = Compress::new();
    let (mut app, mut bp) = (App::new("test"), Blueprint::new("bp"));
    app.config.set("COMPRESS_REGISTER", register).unwrap();
    app.init(&compress).unwrap();
    let view = || if is_sync { (|| LINE.repeat(60)).into_view() } else { (async || LINE.repeat(60)).into_view() };
    if is_compressed {
        bp.decorate(compress.compressed());
        bp.rule("/own").endpoint("own").decorate(compress.exempt()).view(view());
    } else {
        bp.decorate(compress.exempt());
        bp.rule("/own").endpoint("own").decorate(compress.compressed()).view(view());
    }
    bp.rule("/other").endpoint("other").view(view());
    app.register_blueprint(bp);
    let client = app.test_client();
    let pages = ["/own", "/other"].map(|path| client.get(path).header("accept-encoding", "gzip").wait().unwrap());
    assert_eq!(pages.each_ref().map(encoding), due);
}

#[rstest]
fn a_setting_counts_that_is_set_after_the_extension(
    #[values(true, false)] is_sync: bool,
    #[values(true, false)] register: bool,
) {
    let mut app = App::new("test");
    app.config.set("COMPRESS_REGISTER", !register).unwrap();
    app.init(&Compress::new()).unwrap();
    app.config.set("COMPRESS_REGISTER", register).unwrap();
    app.config.set("COMPRESS_ALGORITHM", "gzip").unwrap();
    let view: View = if is_sync { (|| LINE.repeat(60)).into_view() } else { (async || LINE.repeat(60)).into_view() };
    app.rule("/").endpoint("index").view(view);
    assert_eq!(encoding(&ask(app, &[("accept-encoding", "br, gzip")])), register.then_some("gzip"));
}

/// The formats and the condition of a file are those of GET, whether GET has it in one piece or as a stream.
#[rstest]
fn the_answer_to_head_for_a_file_is_as_that_to_get(
    #[values(0, 499, 500, 32 * 1024, 32 * 1024 + 1)] length: usize,
    #[values("gzip", "br, gzip")] accepted: &str,
    #[values("none", "the tag")] has: &str,
) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.txt"), "a".repeat(length)).unwrap();
    let path = folder.path().join("a.txt");
    let client = app(Place::App, true, move || send_file(path.clone()).wait()).test_client();
    let tag = client.get("/").wait().unwrap().header("etag").unwrap().to_owned();
    let tag = if has == "none" { String::new() } else { tag };
    let asked = [Method::GET, Method::HEAD].map(|method| {
        let request = client.open(method, "/").header("accept-encoding", accepted).header("if-none-match", &tag);
        request.wait().unwrap()
    });
    let names = ["content-encoding", "etag", "vary", "content-type", "accept-ranges"];
    let [get, head] = asked.each_ref().map(|response| (response.status(), names.map(|name| response.header(name))));
    assert_eq!(get, head);
}

/// The key says where a page is kept, and its bytes whether it is that page.
#[rstest]
fn a_page_that_is_the_same_again_is_not_compressed_again(
    #[values(true, false)] key_is_sync: bool,
    #[values(10, 1000)] lines: usize,
) {
    let clock = Clock::manual();
    let store = Arc::new(MemoryEntries::new().clock(clock.clone()));
    let compress = Compress::new();
    let compress = if key_is_sync {
        compress.cache(store.clone(), |request: Request| request.path().to_owned())
    } else {
        compress.cache(store.clone(), async |request: Request| request.path().to_owned())
    };
    let text = Arc::new(parking_lot::Mutex::new(format!("{LINE}{LINE}").repeat(lines * 5)));
    let shown = text.clone();
    let client = set_up(Place::App, true, compress, |_| {}, move || shown.lock().clone()).test_client();
    let page = || client.get("/").header("accept-encoding", "br").wait().unwrap();
    let first = page();
    let key = "costrel_compress_test br;/";
    let kept = store.get(key).wait().unwrap().unwrap();
    assert_eq!(&kept[32..], first.data());
    clock.advance(Duration::from_secs(299));
    assert!(store.get(key).wait().unwrap().is_some());
    clock.advance(Duration::from_secs(1));
    assert!(store.get(key).wait().unwrap().is_none(), "kept for longer than 300 s");
    // Shows that the second page is what was kept.
    let marked: Bytes = [&kept[..32], b"kept"].concat().into();
    store.set(key, marked, None).wait().unwrap();
    assert_eq!(page().data(), "kept");
    *text.lock() = LINE.repeat(90);
    assert_eq!(decoded(&page()), LINE.repeat(90));
    assert_eq!(
        client.get("/").header("accept-encoding", "gzip").wait().unwrap().header("content-encoding"),
        Some("gzip")
    );
}

#[tokio::test]
async fn the_decorator_is_a_layer_on_axum() {
    use axum::{Router, body::Body, http::Request, routing::get};
    use costrel_ext_kit::tower::DecoratorLayer;
    use tower::ServiceExt;

    let (compress, mut app) = (Compress::new(), App::new("layer"));
    app.config.set("COMPRESS_ALGORITHM_STREAMING", ["gzip"]).unwrap();
    app.init(&compress).unwrap();
    let layer = DecoratorLayer::new(app, compress.compressed()).unwrap();
    let router = Router::new().route("/", get(async || LINE.repeat(60))).layer(layer);
    let request = Request::get("/").header("host", "a").header("accept-encoding", "gzip").body(Body::empty()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let data = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    assert_eq!(decode(Some("gzip"), &data), LINE.repeat(60).as_bytes());
}
