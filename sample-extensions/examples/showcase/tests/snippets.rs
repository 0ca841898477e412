//! Tests of the pages under `/snippets`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use costrel::testing::{TestApp, TestClient};
use costrel_showcase::create_app;
use serde_json::{Value, json};
use tokio::time::Instant;

/// The showcase while it serves.
struct Serving(TestApp);

impl Serving {
    fn start() -> (Self, TestClient) {
        let test_app = create_app().unwrap().test_app();
        test_app.startup().wait().unwrap();
        let client = test_app.test_client();
        (Self(test_app), client)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.shutdown().wait().unwrap();
    }
}

fn get(client: &TestClient, path: &str) -> Value {
    client.get(path).wait().unwrap().json().unwrap()
}

#[test]
fn every_link_works() {
    let (_serving, client) = Serving::start();
    let page = client.get("/snippets/").wait().unwrap().text();
    let links: Vec<_> = page.split("href=\"").skip(2).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(links.len(), 12);
    for link in links.into_iter().filter(|link| !link.contains("stream")) {
        assert_eq!(client.get(link).wait().unwrap().status(), 200, "{link}");
    }
}

#[test]
fn apis_are_called_concurrently() {
    let (_serving, client) = Serving::start();
    let all = get(&client, "/snippets/aggregate");
    assert_eq!(all["users"], json!(["Ada", "Grace"]));
    assert_eq!(all["comments"][0]["text"], "Hear, hear");
    assert_eq!(get(&client, "/snippets/data"), all["users"]);
}

#[test]
fn the_database_is_asked_either_way() {
    let (_serving, client) = Serving::start();
    let users = get(&client, "/snippets/db/users");
    assert_eq!(users, json!([{ "id": 2, "name": "Grace" }, { "id": 1, "name": "Ada" }]));
    if std::env::var_os("SHOWCASE_DATABASE_URL").is_none() {
        assert_eq!(get(&client, "/snippets/db/sync/users"), users);
    }
    assert_eq!(get(&client, "/snippets/db/users/1"), json!({ "id": 1, "name": "Ada" }));
    let missing = client.get("/snippets/db/users/9").wait().unwrap();
    assert_eq!((missing.status().as_u16(), missing.json::<Value>().unwrap()), (404, json!({ "error": "Not found" })));
}

#[test]
fn without_a_start_up_it_says_that_it_does_not_serve() {
    let client = create_app().unwrap().test_client();
    assert_eq!(client.get("/snippets/db/users").wait().unwrap().status(), 503);
    assert_eq!(client.get("/snippets/aggregate").wait().unwrap().status(), 503);
}

#[test]
fn a_class_view_creates_reads_updates_and_deletes() {
    let client = create_app().unwrap().test_client();
    let created = client.post("/snippets/users").json(&json!({ "name": "Ada" })).wait().unwrap();
    assert_eq!((created.status().as_u16(), created.json::<Value>().unwrap()), (201, json!({ "id": 1, "name": "Ada" })));
    let put = client.put("/snippets/users/1").json(&json!({ "name": "Grace" })).wait().unwrap();
    assert_eq!(put.json::<Value>().unwrap()["name"], "Grace");
    assert_eq!(get(&client, "/snippets/users"), json!([{ "id": 1, "name": "Grace" }]));
    assert_eq!(client.delete("/snippets/users/1").wait().unwrap().status(), 204);
    assert_eq!(client.get("/snippets/users/1").wait().unwrap().status(), 404);
    assert_eq!(client.put("/snippets/users").wait().unwrap().status(), 405);
}

#[test]
fn hooks_measure_the_time() {
    let client = create_app().unwrap().test_client();
    let response = client.get("/snippets/sync").wait().unwrap();
    assert!(response.header("x-request-duration").unwrap().parse::<f64>().unwrap() >= 0.0);
    assert_eq!(client.get("/").wait().unwrap().header("x-request-duration"), None);
}

/// Tokio's paused clock advances when all tasks wait, even for a worker, so the elapsed time has only a lower bound.
#[tokio::test(start_paused = true)]
async fn waiting_is_done_by_the_clock() {
    let client = create_app().unwrap().test_client();
    let begun = Instant::now();
    assert_eq!(client.get("/snippets/hello").await.unwrap().text(), "Hello, Async World!");
    assert_eq!(client.get("/snippets/async").await.unwrap().text(), "Async response");
    assert!(begun.elapsed().as_secs() >= 2);
    assert_eq!(client.get("/snippets/with-timeout?seconds=4").await.unwrap().status(), 200);
    assert_eq!(client.get("/snippets/with-timeout?seconds=60").await.unwrap().status(), 504);
    assert!(begun.elapsed().as_secs() >= 11);
    let events = client.get("/snippets/stream").header("last-event-id", "7").await.unwrap();
    assert_eq!(events.text(), "id: 8\ndata: 8\n\nid: 9\ndata: 9\n\n");
    assert!(begun.elapsed().as_secs() >= 13);
}

#[test]
fn an_iterator_is_streamed_too() {
    let client = create_app().unwrap().test_client();
    let events = client.get("/snippets/stream/sync").header("last-event-id", "8").wait().unwrap();
    assert_eq!(
        (events.header("content-type"), events.text().as_str()),
        (Some("text/event-stream"), "id: 9\ndata: 9\n\n")
    );
}

#[tokio::test(start_paused = true)]
async fn an_email_is_sent_after_the_answer() {
    let test_app = create_app().unwrap().test_app();
    let client = test_app.test_client();
    let email = json!({ "to": "ada@example.org", "subject": "Hello", "body": "..." });
    let queued = client.post("/snippets/send-email").json(&email).await.unwrap();
    assert_eq!(queued.status(), 202);
    assert_eq!(client.post("/snippets/send-email").json(&json!({})).await.unwrap().status(), 400);
}

#[test]
fn safe_operations_and_computations() {
    let client = create_app().unwrap().test_client();
    assert_eq!(get(&client, "/snippets/safe"), json!({ "result": 42 }));
    assert_eq!(client.get("/snippets/safe?fail=1").wait().unwrap().status(), 500);
    assert_eq!(client.get("/snippets/compute").wait().unwrap().text(), "2480437");
    assert_eq!(client.get("/snippets/sync").wait().unwrap().text(), "Sync response");
    assert_eq!(client.post("/snippets/process").wait().unwrap().status(), 302);
}

#[test]
fn the_echo_answers() {
    let client = create_app().unwrap().test_client();
    let echo = client.websocket("/snippets/echo").wait().unwrap();
    echo.send("hello").wait().unwrap();
    assert_eq!(echo.receive().wait().unwrap().text(), Some("hello"));
}
