//! Forms and files, in views of both colours.

use std::time::Duration;

use costrel::{
    App, Body, Bytes, Callable, Error, FileStorage, Files, IntoResponse, IntoView, Json, MultiDict, Request, request,
    testing::{TestClient, TestRequest},
};
use futures_util::stream;
use rstest::rstest;

fn describe(fields: &MultiDict, files: &Files) -> String {
    let fields = fields.iter().map(|(name, value)| format!("{name}={value}"));
    let files = files.iter().map(|file| {
        format!("{}:{}:{}:{}", file.name(), file.filename(), file.content_type().unwrap_or("-"), file.size())
    });
    fields.chain(files).collect::<Vec<_>>().join(" ")
}

fn client(configure: fn(&mut App)) -> TestClient {
    let mut app = App::new("test");
    configure(&mut app);
    app.post("/sync", || {
        let (fields, files) = (request().form().wait()?, request().files().wait()?);
        Ok::<_, Error>(describe(&fields, &files))
    });
    app.post("/async", async || {
        let (fields, files) = (request().form().await?, request().files().await?);
        Ok::<_, Error>(describe(&fields, &files))
    });
    app.post("/sum/sync", || {
        let bytes = request().files().wait()?.get("f").ok_or(Error::status(400))?.read().wait()?;
        Ok::<_, Error>(bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>().to_string())
    });
    app.post("/sum/async", async || {
        let bytes = request().files().await?.get("f").ok_or(Error::status(400))?.read().await?;
        Ok::<_, Error>(bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>().to_string())
    });
    app.rule("/values")
        .methods(["GET", "POST"])
        .view(async || Ok::<_, Error>(describe(&request().values().await?, &Files::default())));
    app.post("/json/silent", async || Ok::<_, Error>(Json(request().get_json_silent::<i32>().await?)));
    app.post("/json/silent/sync", || Ok::<_, Error>(Json(request().get_json_silent::<i32>().wait()?)));
    app.post("/json/forced/async", async || Ok::<_, Error>(Json(request().get_json_forced::<i32>().await?)));
    app.post("/json/forced", || Ok::<_, Error>(Json(request().get_json_forced::<i32>().wait()?)));
    app.test_client()
}

fn send(request: TestRequest) -> (u16, String) {
    let response = request.wait().unwrap();
    (response.status().as_u16(), response.text())
}

#[rstest]
fn fields_and_files_arrive(#[values("/sync", "/async")] path: &str) {
    let client = client(|_| ());
    let form = || client.post(path).form(&[("a", "1"), ("b", "x y")]);
    assert_eq!(send(form()), (200, "a=1 b=x y".into()));
    let with_file = form().file("photo", "me.png", "image/png", b"12345").file("photo", "", "text/plain", b"");
    assert_eq!(send(with_file), (200, "a=1 b=x y photo:me.png:image/png:5 photo::text/plain:0".into()));
    assert_eq!(send(client.post(path).body("a=1")), (200, String::new()));
}

/// A file that is too large for memory is kept on disk, and is read back unchanged.
#[rstest]
fn a_large_file_goes_by_way_of_the_disk(#[values("/sum/sync", "/sum/async")] path: &str) {
    let bytes: Vec<u8> = (0..2_000_000_u32).map(|n| (n % 251) as u8).collect();
    let sum: u64 = bytes.iter().map(|byte| u64::from(*byte)).sum();
    let client = client(|_| ());
    assert_eq!(send(client.post(path).file("f", "large", "text/plain", &bytes)), (200, sum.to_string()));
}

/// Large files of one form are apart, in whatever order they are read.
#[rstest]
#[case::sync(|file: &FileStorage| file.read().wait())]
#[case::saved(|file: &FileStorage| {
    let folder = tempfile::tempdir()?;
    file.save(folder.path().join("saved")).wait()?;
    Ok(std::fs::read(folder.path().join("saved"))?.into())
})]
fn several_large_files_go_by_way_of_the_disk(#[case] read: fn(&FileStorage) -> Result<Bytes, Error>) {
    let sizes = [600_000, 10, 1_500_000, 512_001, 0];
    let mut app = App::new("test");
    app.post("/", move || {
        let files = request().files().wait()?;
        let mut right = Vec::new();
        for n in [3, 0, 4, 2, 1, 0] {
            let file = files.iter().nth(n).ok_or(Error::status(400))?;
            let letter = b"abcde"[n];
            let bytes = read(file)?;
            right.push(bytes.len() == sizes[n] && bytes.iter().all(|byte| *byte == letter));
        }
        Ok::<_, Error>(format!("{right:?}"))
    });
    let request = sizes.iter().zip(*b"abcde").fold(app.test_client().post("/"), |request, (size, letter)| {
        request.file("f", "large", "text/plain", vec![letter; *size])
    });
    assert_eq!(send(request), (200, "[true, true, true, true, true, true]".into()));
}

#[test]
fn a_file_can_be_saved() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("saved");
    let mut app = App::new("test");
    let to = target.clone();
    app.post("/", move || request().files().wait()?.get("f").ok_or(Error::status(400))?.save(&to).wait().map(|()| ""));
    app.test_client().post("/").file("f", "../../evil", "text/plain", b"good").wait().unwrap();
    assert_eq!(std::fs::read(target).unwrap(), b"good");
}

/// The whole body, the fields and the number of parts each have a limit.
#[rstest]
fn limits_are_413(#[values("/sync", "/async")] path: &str) {
    let file = |client: &TestClient| send(client.post(path).file("f", "f", "text/plain", [b'x'; 5_000])).0;
    assert_eq!(file(&client(|app| app.config.max_content_length = Some(4_000))), 413);
    assert_eq!(file(&client(|app| app.config.max_form_memory_size = Some(10))), 200);
    let fields = |client: &TestClient| {
        let fields = client.post(path).form(&[("a", "123456"), ("b", "123456")]);
        send(fields.file("f", "f", "text/plain", b"")).0
    };
    assert_eq!(fields(&client(|app| app.config.max_form_memory_size = Some(10))), 413);
    assert_eq!(fields(&client(|app| app.config.max_form_memory_size = Some(12))), 200);
    assert_eq!(fields(&client(|app| app.config.max_form_parts = Some(2))), 413);
    assert_eq!(fields(&client(|app| app.config.max_form_parts = Some(3))), 200);
}

/// A body of unknown length is refused when it passes the limit, as a body of known length is at once.
#[rstest]
fn a_stream_without_end_is_413(#[values("/sync", "/async")] path: &str) {
    let client = client(|app| app.config.max_content_length = Some(100_000));
    let head = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n";
    let endless = stream::iter(std::iter::once(head.as_bytes()).chain(std::iter::repeat(&b"xxxxxxxxxxxxxxxx"[..])));
    let body = costrel::Body::from_stream(futures_util::StreamExt::map(endless, Ok::<_, Error>));
    let request = client.post(path).header("content-type", "multipart/form-data; boundary=b").body(body);
    assert_eq!(send(request).0, 413);
}

#[rstest]
fn a_broken_multipart_body_is_400(#[values("/sync", "/async")] path: &str) {
    let client = client(|_| ());
    let bodies = [
        "",
        "x",
        "--b",
        "--b\r\n",
        "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nunclosed",
        "--b\r\n\r\n--b--",
    ];
    for body in bodies {
        let request = client.post(path).header("content-type", "multipart/form-data; boundary=b").body(body);
        let (status, text) = send(request);
        assert!(status == 400 || (status == 200 && text.trim_matches('=').is_empty()), "{body:?}: {status} {text}");
    }
    let request = client.post(path).header("content-type", "multipart/form-data").body("no boundary");
    assert_eq!(send(request), (200, String::new()));
}

/// What is searched for its end has a limit: the head of a part, and the text before the first. So have names.
#[rstest]
#[case::preamble(|n| format!("{}\r\n--b--", "x".repeat(n)))]
#[case::endless_preamble(|n| "x".repeat(n))]
#[case::header(|n| part(&format!("X: {}\r\n", "x".repeat(n - 60)), "name=\"a\""))]
#[case::endless_header(|n| format!("--b\r\nX: {}", "x".repeat(n)))]
#[case::many_headers(|n| part(&"X: y\r\n".repeat(n / 6 - 10), "name=\"a\""))]
#[case::name(|n| part("", &format!("name=\"{}\"", "x".repeat(n - 50))))]
#[case::filename(|n| part("", &format!("name=\"a\"; filename=\"{}\"", "x".repeat(n - 70))))]
fn a_long_head_is_413(#[case] body: fn(usize) -> String, #[values("/sync", "/async")] path: &str) {
    let client = client(|_| ());
    let post = |length| {
        let request = client.post(path).header("content-type", "multipart/form-data; boundary=b").body(body(length));
        send(request).0
    };
    assert_ne!(post(16_000), 413);
    assert_eq!(post(17_000), 413);
}

fn part(headers: &str, options: &str) -> String {
    format!("--b\r\n{headers}Content-Disposition: form-data; {options}\r\n\r\n1\r\n--b--")
}

/// The names of a form take memory too: of fields, files, and their types. They may take 16 KB in any case.
#[rstest]
#[case::field("name=\"{}\"")]
#[case::file("name=\"a\"; filename=\"{}\"")]
#[case::content_type("name=\"a\"; filename=\"b\"\r\nContent-Type: {}")]
fn names_count_as_memory(#[case] options: &str, #[values("/sync", "/async")] path: &str) {
    let options = &options.replace("{}", &"x".repeat(9_000));
    let post = |client: TestClient| {
        let body = format!("{0}{0}--b--", part("", options).trim_end_matches("--b--"));
        send(client.post(path).header("content-type", "multipart/form-data; boundary=b").body(body)).0
    };
    assert_eq!(post(client(|app| app.config.max_form_memory_size = Some(19_000))), 200);
    assert_eq!(post(client(|app| app.config.max_form_memory_size = Some(17_000))), 413);
}

/// A part is a file if it has a file name, in whichever form; a name inside quotes is none.
#[rstest]
#[case::extended("name=\"a\"; filename*=UTF-8''na%C3%AFve", "a:na\u{ef}ve:-:1")]
#[case::in_quotes("filename=\"x; name=evil\"; name=\"a\"", "a:x; name=evil:-:1")]
#[case::quote("name=\"a\\\"b\"", "a\"b=1")]
#[case::unquoted("name=a", "a=1")]
#[case::nameless("x=y", "=1")]
fn the_names_of_a_part_are_read(
    #[case] options: &str,
    #[case] expected: &str,
    #[values("/sync", "/async")] path: &str,
) {
    let request = client(|_| ()).post(path).header("content-type", "Multipart/Form-Data; Boundary=\"b\"");
    assert_eq!(send(request.body(part("", options))), (200, expected.to_owned()));
}

#[rstest]
fn a_boundary_has_70_bytes_at_most(#[values("/sync", "/async")] path: &str) {
    let client = client(|_| ());
    for (length, status) in [(70, 200), (71, 400)] {
        let boundary = "b".repeat(length);
        let request = client.post(path).header("content-type", &format!("multipart/form-data; boundary={boundary}"));
        assert_eq!(send(request.body(format!("--{boundary}--"))).0, status);
    }
}

#[test]
fn values_are_the_query_and_the_form() {
    let client = client(|_| ());
    assert_eq!(send(client.post("/values?a=1").form(&[("a", "2"), ("b", "3")])).1, "a=1 a=2 b=3");
    assert_eq!(send(client.get("/values?a=1")).1, "a=1");
}

#[test]
fn json_may_be_silent_or_forced() {
    let client = client(|_| ());
    assert_eq!(send(client.post("/json/silent").json(&7)).1, "7\n");
    assert_eq!(send(client.post("/json/silent").body("7")).1, "null\n");
    assert_eq!(send(client.post("/json/silent").header("content-type", "application/json").body("{")).1, "null\n");
    for path in ["/json/forced", "/json/forced/async"] {
        assert_eq!(send(client.post(path).header("content-type", "text/plain").body("7")).1, "7\n");
    }
    assert_eq!(send(client.post("/json/silent/sync").body("7")).1, "null\n");
    assert_eq!(send(client.post("/json/forced").body("{")).0, 400);
}

/// In both colours the body can be read before it is read as a form, and not afterwards.
#[rstest]
fn a_body_is_there_until_it_is_read_as_a_form(#[values(true, false)] sync: bool) {
    let mut app = App::new("test");
    if sync {
        app.post("/before", || {
            let (data, files) = (request().get_data().wait()?, request().files().wait()?);
            Ok::<_, Error>(format!("{} {}", data.len() > 100, files.iter().count()))
        });
        app.post("/after", || {
            request().form().wait()?;
            request().get_data().wait().map(|data| data.len().to_string())
        });
        app.post("/after/http", || {
            request().form().wait()?;
            let handed_on = costrel::async_to_sync(|()| async { request().to_http().await })(())??;
            costrel::async_to_sync(|body: costrel::Body| body.collect())(handed_on.into_body())?.map(|_| "")
        });
        app.post("/http", || {
            let again = request().with_http(costrel::async_to_sync(|()| async { request().to_http().await })(())??);
            again.files().wait().map(|files| files.iter().count().to_string())
        });
    } else {
        app.post("/before", async || {
            let (data, files) = (request().get_data().await?, request().files().await?);
            Ok::<_, Error>(format!("{} {}", data.len() > 100, files.iter().count()))
        });
        app.post("/after", async || {
            request().form().await?;
            request().get_data().await.map(|data| data.len().to_string())
        });
        app.post("/after/http", async || {
            request().form().await?;
            request().to_http().await?.into_body().collect().await.map(|_| "")
        });
        app.post("/http", async || {
            let again = request().with_http(request().to_http().await?);
            again.files().await.map(|files| files.iter().count().to_string())
        });
    }
    let client = app.test_client();
    for size in [10, 900_000] {
        let post = |path: &str| client.post(path).file("f", "f", "text/plain", vec![b'x'; size]).wait().unwrap();
        assert_eq!([post("/before").text(), post("/http").text()], ["true 1", "1"]);
        // Reading gives an empty body, as in Flask. Handing the request on would lose the body, so that is an error.
        assert_eq!(post("/after").text(), "0");
        assert!(
            post("/after/http").error().unwrap().message().contains("it was read as a form; call `get_data()` first")
        );
    }
}

/// Data that a cancelled reader had received is still part of the form.
#[tokio::test]
async fn a_form_is_whole_after_a_reader_was_cancelled() {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel::<Result<String, Error>>();
    let part = |name: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{name}\r\n");
    sender.send(Ok(part("a"))).unwrap();
    let (sender, rest) = (std::sync::Mutex::new(Some(sender)), part("b") + "--b--\r\n");
    let sender = std::sync::Arc::new(sender);
    let mut app = App::new("test");
    // Where each request holds a thread, the whole body is there before the view begins.
    app.config.threads = None;
    app.post("/", move || {
        let (sender, rest) = (sender.lock().unwrap().take().unwrap(), rest.clone());
        async move {
            let mut reading = request().get_data();
            assert!(futures_util::poll!(&mut reading).is_pending(), "the first part is there, the second is not");
            drop(reading);
            sender.send(Ok(rest)).unwrap();
            drop(sender);
            Ok::<_, Error>(describe(&request().form().await?, &Files::default()))
        }
    });
    let stream = stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
    let client = app.test_client();
    let request = client.post("/").header("content-type", "multipart/form-data; boundary=b");
    assert_eq!(request.body(costrel::Body::from_stream(stream)).await.unwrap().text(), "a=a b=b");
}

/// A file, large or small, can be read in a task that has no context.
#[tokio::test]
async fn a_file_can_be_read_in_a_task() {
    let mut app = App::new("test");
    app.post("/", async || {
        let file = request().files().await?.get("f").cloned().ok_or(Error::status(400))?;
        let task = tokio::spawn(async move { file.read().await });
        Ok::<_, Error>(task.await??.len().to_string())
    });
    let client = app.test_client();
    for size in [10, 900_000] {
        let sent = client.post("/").file("f", "f", "text/plain", vec![b'x'; size]).await.unwrap();
        assert_eq!(sent.text(), size.to_string());
    }
}

/// A part of the body is lost when its reader is cancelled, so the next reader gets an error and not an empty body.
#[test]
fn a_form_whose_reader_was_cancelled_is_no_empty_body() {
    let view = (|| request().get_data().wait()).into_view();
    let inner = view.clone();
    let impatient = Callable::new_async(move |request: Request| {
        let inner = inner.clone();
        async move {
            match tokio::time::timeout(Duration::from_millis(50), inner.call(request.clone())).await {
                Ok(answered) => answered,
                Err(_) => request.get_data().await?.into_response(),
            }
        }
    });
    let mut app = App::new("test");
    // Where each request holds a thread, the body is read before the decorator runs.
    app.config.threads = None;
    app.rule("/").methods(["POST"]).endpoint("view").view(view.wrapped("impatient", impatient));
    let first = futures_util::StreamExt::chain(stream::iter([Ok::<_, Error>("--b\r\n")]), stream::pending());
    let request = app.test_client().post("/").header("content-type", "multipart/form-data; boundary=b");
    let (status, text) = send(request.body(Body::from_stream(first)));
    assert!(status == 400 && text.contains("cancelled"), "{status} {text}");
}
