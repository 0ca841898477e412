//! Files as responses: whole, in part or not modified, in views of both colours.

use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use costrel::{
    App, HeaderName, Method, Response, send_file, send_from_directory,
    testing::{TestClient, TestResponse},
};
use rstest::rstest;
use tempfile::TempDir;

/// Returns a client whose views `/sync` and `/async` send ten digits, and whose view `/below/<path>` sends files of
/// the returned folder.
fn client() -> (TestClient, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("digits.txt"), "0123456789").unwrap();
    fs::write(folder.path().join("large.bin"), vec![7; 300_000]).unwrap();
    fs::create_dir(folder.path().join("folder")).unwrap();
    let modified = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let (digits, below) = (folder.path().join("digits.txt"), folder.path().to_owned());
    let in_async = digits.clone();
    let mut app = App::new("test");
    app.route("/sync", move || send_file(&digits).etag("fixed").last_modified(modified).wait());
    app.route("/async", move || {
        let file = send_file(&in_async).etag("fixed").last_modified(modified);
        async move { file.await }
    });
    app.static_folder("/static", below.clone());
    app.route("/below/<path:name>", move |name: String| {
        let file = send_from_directory(&below, &name);
        async move { file.as_attachment().download_name("größe ☃.txt").await }
    });
    (app.test_client(), folder)
}

fn ask(path: &str, headers: &[(&str, &str)]) -> TestResponse {
    let (client, _folder) = client();
    headers.iter().fold(client.get(path), |request, (name, value)| request.header(name, value)).wait().unwrap()
}

#[rstest]
fn a_file_is_described(#[values("/sync", "/async")] path: &str) {
    let response = ask(path, &[]);
    assert_eq!((response.status().as_u16(), response.text().as_str()), (200, "0123456789"));
    let expected = [
        ("content-type", "text/plain; charset=utf-8"),
        ("content-length", "10"),
        ("etag", "\"fixed\""),
        ("last-modified", "Tue, 14 Nov 2023 22:13:20 GMT"),
        ("accept-ranges", "bytes"),
        ("cache-control", "no-cache"),
        ("content-disposition", "inline; filename=digits.txt"),
    ];
    for (name, value) in expected {
        assert_eq!(response.header(name), Some(value));
    }
}

#[rstest]
#[case("bytes=0-3", 206, "0123", Some("bytes 0-3/10"))]
#[case("bytes=7-", 206, "789", Some("bytes 7-9/10"))]
#[case("bytes=-2", 206, "89", Some("bytes 8-9/10"))]
#[case("bytes=5-99", 206, "56789", Some("bytes 5-9/10"))]
#[case("bytes=10-", 416, "", Some("bytes */10"))]
#[case("bytes=0-1,3-4", 200, "0123456789", None)]
fn a_part_is_sent(
    #[values("/sync", "/async")] path: &str,
    #[case] range: &str,
    #[case] status: u16,
    #[case] text: &str,
    #[case] content_range: Option<&str>,
) {
    let response = ask(path, &[("range", range)]);
    assert_eq!((response.status().as_u16(), response.header("content-range")), (status, content_range));
    if status == 206 {
        assert_eq!(
            (response.text().as_str(), response.header("content-length")),
            (text, Some(&*text.len().to_string()))
        );
    }
}

#[rstest]
#[case(&[("if-none-match", "\"fixed\"")], 304)]
#[case(&[("if-none-match", "W/\"fixed\", \"x\"")], 304)]
#[case(&[("if-none-match", "*")], 304)]
#[case(&[("if-none-match", "\"other\"")], 200)]
#[case(&[("if-modified-since", "Tue, 14 Nov 2023 22:13:20 GMT")], 304)]
#[case(&[("if-modified-since", "Tue, 14 Nov 2023 22:13:19 GMT")], 200)]
#[case(&[("if-none-match", "\"other\""), ("if-modified-since", "Tue, 14 Nov 2023 22:13:20 GMT")], 200)]
#[case(&[("if-match", "\"other\"")], 412)]
#[case(&[("range", "bytes=0-1"), ("if-range", "\"fixed\"")], 206)]
#[case(&[("range", "bytes=0-1"), ("if-range", "\"other\"")], 200)]
fn conditions_are_honoured(
    #[values("/sync", "/async")] path: &str,
    #[case] headers: &[(&str, &str)],
    #[case] status: u16,
) {
    let response = ask(path, headers);
    assert_eq!(response.status(), status);
    if status == 304 {
        assert_eq!((response.text().as_str(), response.header("content-length")), ("", None));
        assert_eq!(response.header("etag"), Some("\"fixed\""));
    }
}

/// A range and conditions are for requests that read, and for files whose sender wants them.
#[rstest]
#[case::of_a_post("POST", true, 200)]
#[case::of_a_get("GET", true, 206)]
#[case::of_a_get_that_is_not_conditional("GET", false, 200)]
fn a_part_is_sent_only_where_it_may_be(#[case] method: &str, #[case] conditional: bool, #[case] status: u16) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("digits.txt");
    fs::write(&path, "0123456789").unwrap();
    let mut app = App::new("test");
    app.rule("/").methods(["GET", "POST"]).view(move || send_file(&path).etag("fixed").conditional(conditional).wait());
    // What the hooks see is what the client gets.
    app.after_request(|mut response: Response| {
        let length = response.headers().get("content-length").cloned();
        response.headers_mut().extend(length.map(|length| (HeaderName::from_static("x-length"), length)));
        response
    });
    let client = app.test_client();
    let method: Method = method.parse().unwrap();
    let response = client.open(method.clone(), "/").header("range", "bytes=7-").wait().unwrap();
    let text = if status == 206 { "789" } else { "0123456789" };
    assert_eq!((response.status().as_u16(), response.text().as_str()), (status, text));
    assert_eq!(response.header("x-length"), Some(&*text.len().to_string()));
    let unchanged = client.open(method, "/").header("if-none-match", "\"fixed\"").wait().unwrap();
    assert_eq!(unchanged.status(), if status == 206 { 304 } else { 200 });
}

#[test]
fn a_large_file_streams_with_its_length() {
    let (client, _folder) = client();
    let response = client.get("/static/large.bin").wait().unwrap();
    assert_eq!((response.data().len(), response.header("content-length")), (300_000, Some("300000")));
    assert_eq!(response.header("content-type"), Some("application/octet-stream"));
    let head = client.open(costrel::Method::HEAD, "/static/large.bin").wait().unwrap();
    assert_eq!((head.data().len(), head.header("content-length")), (0, Some("300000")));
}

#[rstest]
#[case("digits.txt", 200)]
#[case("./digits.txt", 200)]
#[case("folder/../digits.txt", 200)]
#[case("missing.txt", 404)]
#[case("folder", 404)]
#[case("../digits.txt", 404)]
#[case("..%2F..%2Fetc%2Fpasswd", 404)]
#[case("%2Fetc%2Fpasswd", 308)]
#[case("folder%5C..%5Cdigits.txt", 404)]
#[case("digits.txt%00", 400)]
fn nothing_outside_the_folder_is_sent(
    #[values("/static/", "/below/")] folder: &str,
    #[case] name: &str,
    #[case] status: u16,
) {
    assert_eq!(ask(&format!("{folder}{name}"), &[]).status(), status, "{name}");
}

#[test]
fn a_name_of_any_letters_is_kept() {
    let response = ask("/below/digits.txt", &[]);
    let disposition = response.header("content-disposition").unwrap();
    assert!(
        disposition.starts_with("attachment; filename=\"gre .txt\"; filename*=UTF-8''gr%C3%B6%C3%9Fe%20%E2%98%83.txt"),
        "{disposition}"
    );
}

/// Pipes are not opened, because opening one would block the worker until a process writes into it.
#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let made = std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status().unwrap();
    assert!(made.success());
    // Held open for writing too, so that a server that opens the pipe fails this test instead of blocking it.
    let _writer = fs::File::options().read(true).write(true).open(folder.path().join("pipe")).unwrap();
    let mut app = App::new("test");
    app.config.workers = 1;
    app.static_folder("/s", folder.path());
    app.route("/other", || "other");
    let client = app.test_client();
    assert_eq!(client.get("/s/pipe").wait().unwrap().status(), 404);
    assert_eq!(client.get("/other").wait().unwrap().text(), "other");
}

/// A file that is there and cannot be opened is an error, because caches may keep a 404.
#[cfg(unix)]
#[rstest]
fn a_file_that_cannot_be_opened_is_no_404(#[values("/static/loop", "/sync", "/async")] path: &str) {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("loop");
    std::os::unix::fs::symlink(&link, &link).unwrap();
    let mut app = App::new("test");
    app.static_folder("/static", folder.path());
    let in_async = link.clone();
    app.route("/sync", move || send_file(&link).wait());
    app.route("/async", move || send_file(&in_async).into_future());
    let log = crate::support::log::log_of(app, path);
    assert!(log.contains(" 500") && log.contains("cannot open ") && log.contains("/loop: "), "{log}");
}

#[rstest]
#[case::name_beyond_the_systems_limit("a".repeat(300), 404)]
#[case::file_as_a_folder("digits.txt/more".to_owned(), 404)]
fn what_names_no_file_is_a_404(#[case] name: String, #[case] status: u16) {
    assert_eq!(ask(&format!("/static/{name}"), &[]).status(), status);
}

/// Whether this process holds a file open, where the system tells.
fn is_held(file: &Path) -> Option<bool> {
    let held = fs::read_dir("/proc/self/fd").ok()?;
    Some(held.flatten().filter_map(|descriptor| fs::read_link(descriptor.path()).ok()).any(|target| target == file))
}

/// A small file is closed before its response begins, and a large one stays the version that the headers describe.
#[rstest]
#[case::small("digits.txt", false)]
#[case::large("large.bin", true)]
fn a_body_is_of_the_file_that_was_opened(#[case] name: &str, #[case] stays_open: bool) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("digits.txt"), "0123456789").unwrap();
    fs::write(folder.path().join("large.bin"), vec![7; 300_000]).unwrap();
    let mut app = App::new("test");
    app.static_folder("/static", folder.path());
    let application = app.build().unwrap();
    let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let request = costrel::http::Request::get(format!("/static/{name}")).body(costrel::Body::empty()).unwrap();
    event_loop.block_on(async {
        let response = application.call(request).await;
        let length = response.body().length();
        let is_held = is_held(&folder.path().canonicalize().unwrap().join(name));
        assert!(is_held.is_none_or(|is_held| is_held == stays_open), "{name}");
        fs::remove_dir_all(folder.path()).unwrap();
        let body = response.into_body().collect().await.unwrap();
        assert_eq!(Some(body.len() as u64), length);
    });
}

/// Times and ranges at the limits of what can be expressed still get a response.
#[test]
fn odd_times_and_ranges() {
    let (client, folder) = client();
    let old = fs::File::options().write(true).open(folder.path().join("large.bin")).unwrap();
    old.set_modified(UNIX_EPOCH - Duration::from_secs(60 * 60 * 24 * 365)).unwrap();
    let response = client.get("/static/large.bin").header("range", "bytes=0-18446744073709551615").wait().unwrap();
    assert_eq!((response.status().as_u16(), response.data().len()), (206, 300_000));
    assert_eq!(response.header("last-modified"), Some("Thu, 01 Jan 1970 00:00:00 GMT"));
    let path = folder.path().join("digits.txt");
    let mut app = App::new("test");
    app.rule("/").methods(["POST"]).view(move || send_file(&path).etag("e").max_age(Duration::MAX).wait());
    let response = app.test_client().post("/").header("if-none-match", "\"e\"").wait().unwrap();
    assert_eq!((response.status().as_u16(), response.header("expires")), (200, Some("Fri, 31 Dec 9999 23:59:59 GMT")));
}
