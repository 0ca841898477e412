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
    for rule in client.application().rules().iter().filter(|rule| !rule.rule.starts_with("/snippets/")) {
        let path = rule.rule.replace("<name>", "Ada");
        let led_to = page.contains(&format!("href=\"{path}\"")) || page.contains(&format!("action=\"{path}\""));
        assert!(led_to, "no way to {path}");
    }
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
