//! The example `flaskr`: what of it needs no Flask. `compat-tests/flask-live` has it with Flask and Redis.

#[path = "../../examples/flaskr.rs"]
#[expect(dead_code, reason = "the example's main function")]
mod example;

use costrel_flaskr::create_app;
use costrel_legacy::legacy;
use serde_json::json;

use crate::support::{RawOld, response};

/// The front counts the posts to the blog; those to the login are the old app's to count.
#[test]
fn of_a_hundred_posts_to_the_blog_the_next_is_one_too_many() {
    let (raw, _) = RawOld::answering(response("old"));
    let data = tempfile::tempdir().unwrap();
    let mut app = create_app(Some(json!({ "DATABASE": data.path().join("flaskr.sqlite") }))).unwrap();
    example::move_half(&mut app, &legacy(&raw.url)).unwrap();
    let client = app.test_client();
    let post = |path: &str| client.post(path).wait().unwrap().status().as_u16();
    for _ in 0..100 {
        assert_eq!((post("/create"), post("/auth/login")), (302, 200));
    }
    assert_eq!((post("/create"), post("/1/delete"), post("/auth/login")), (429, 429, 200));
    assert_eq!(client.get("/create").wait().unwrap().status(), 302);
}
