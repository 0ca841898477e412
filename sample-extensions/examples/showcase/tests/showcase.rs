//! Tests of the showcase's pages.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use costrel::testing::TestClient;
use costrel_showcase::create_app;
use rstest::rstest;

fn client() -> TestClient {
    create_app().unwrap().test_client()
}

#[test]
fn the_front_page_leads_to_every_route() {
    let client = client();
    let page = client.get("/").wait().unwrap().text();
    let has_own_page = |rule: &str| rule.starts_with("/snippets/") || rule.starts_with("/live/") && rule != "/live/";
    for rule in client.application().rules().iter().filter(|rule| !has_own_page(&rule.rule)) {
        let path = rule.rule.replace("<name>", "Ada");
        let led_to = page.contains(&format!("href=\"{path}\"")) || page.contains(&format!("action=\"{path}\""));
        assert!(led_to, "no way to {path}");
    }
}

#[test]
fn the_live_page_leads_to_all_that_it_shows() {
    let client = client();
    let page = client.get("/live/").wait().unwrap().text();
    for rule in client.application().rules().iter().filter(|rule| rule.rule.starts_with("/live/")) {
        let (path, colour) = (&*rule.rule, rule.rule.rsplit('/').next().unwrap());
        // The script completes the addresses of streams and sockets with the colour.
        let stem = path.strip_suffix(colour).filter(|_| matches!(colour, "sync" | "async")).unwrap_or(path);
        assert!(path == "/live/" || page.contains(path) || page.contains(&format!("\"{stem}\"")), "no way to {path}");
    }
}

#[rstest]
#[case("/live/view/sync", 1)]
#[case("/live/view/async", 0)]
#[case("/live/hooks/sync/", 1)]
#[case("/live/hooks/async/", 0)]
#[case("/live/mixed/sync", 1)]
#[case("/live/mixed/async", 1)]
fn the_live_page_shows_the_last_request_with_its_crossings(#[case] path: &str, #[case] crossings: usize) {
    let client = client();
    assert_eq!(client.get(&format!("/live/trace?of={path}")).wait().unwrap().status(), 404);
    client.get(path).wait().unwrap();
    let picture = client.get(&format!("/live/trace?of={path}")).wait().unwrap();
    assert_eq!(picture.header("content-type"), Some("image/svg+xml"));
    assert_eq!(picture.text().matches("crosses to worker").count(), crossings, "{}", picture.text());
}

#[rstest]
fn a_live_socket_says_where_it_runs(#[values("sync", "async")] colour: &str) {
    let socket = client().websocket(&format!("/live/echo/{colour}")).wait().unwrap();
    socket.send("hello").wait().unwrap();
    let said = socket.receive().wait().unwrap();
    let thread = if colour == "sync" { "a worker" } else { "the event loop" };
    assert_eq!(said.text(), Some(&*format!("hello (on {thread})")));
}

#[rstest]
fn a_protected_page_asks_for_a_name_and_then_shows_it(#[values("/me/sync", "/me/async")] path: &str) {
    let client = client();
    let sent = client.get(path).wait().unwrap();
    let login = sent.header("location").unwrap().to_owned();
    assert_eq!((sent.status().as_u16(), login.starts_with("/login?next=")), (302, true));
    let back = client.post(&login).form(&[("name", "<Ada>")]).wait().unwrap();
    assert_eq!(back.header("location"), Some(path));
    assert!(client.get(path).wait().unwrap().text().contains("&lt;Ada&gt;"));
    client.post("/logout").wait().unwrap();
    assert_eq!(client.get(path).wait().unwrap().status(), 302);
}

#[test]
fn signing_in_leads_nowhere_else() {
    let sent = client().post("/login?next=//evil.example").form(&[("name", "Ada")]).wait().unwrap();
    assert_eq!(sent.header("location"), Some("/me/async"));
    assert_eq!(client().post("/login").form(&[("name", " ")]).wait().unwrap().status(), 400);
}

#[rstest]
fn a_cached_page_shows_that_it_is(#[values("/cached/sync", "/cached/async")] path: &str) {
    let client = client();
    assert!(client.get(path).wait().unwrap().text().contains("<code>miss</code>"));
    assert!(client.get(path).wait().unwrap().text().contains("<code>hit</code>"));
}

#[rstest]
fn a_limited_page_ends_in_a_readable_429(#[values("/limited/sync", "/limited/async")] path: &str) {
    let client = client();
    for _ in 0..3 {
        assert_eq!(client.get(path).wait().unwrap().status(), 200);
    }
    let refused = client.get(path).wait().unwrap();
    assert_eq!((refused.status().as_u16(), refused.header("retry-after")), (429, Some("60")));
    assert!(refused.text().contains("the limit here is 3 per 1 minute"), "{}", refused.text());
}

#[test]
fn all_three_together_let_the_signed_in_through() {
    let client = client();
    assert_eq!(client.get("/report").wait().unwrap().status(), 302);
    assert!(client.get("/login").wait().unwrap().text().contains("Please log in to access this page."));
    client.post("/login").form(&[("name", "Ada")]).wait().unwrap();
    assert_eq!(client.get("/report").wait().unwrap().header("x-cache"), Some("miss"));
    assert_eq!(client.get("/report").wait().unwrap().header("x-cache"), Some("hit"));
}

#[test]
fn an_unknown_address_is_a_page_too() {
    let missing = client().get("/%3Cscript%3E").wait().unwrap();
    assert!(missing.text().contains("&lt;script&gt;") && !missing.text().contains("<script>"));
    assert_eq!(client().get("/nowhere").wait().unwrap().status(), 404);
}
