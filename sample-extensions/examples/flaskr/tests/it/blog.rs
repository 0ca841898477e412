//! The tutorial's `test_blog.py`.

use rstest::rstest;

use crate::support::Flaskr;

#[test]
fn the_index_shows_posts_and_what_the_user_may_do() {
    let flaskr = Flaskr::new();
    let page = flaskr.get("/").text();
    assert!(page.contains("Log In") && page.contains("Register"), "{page}");
    let page = flaskr.logged_in().get("/").text();
    for shown in ["Log Out", "test title", "by test on 2018-01-01", "test\nbody", "href=\"/1/update\""] {
        assert!(page.contains(shown), "{shown} is missing: {page}");
    }
}

#[rstest]
fn only_users_change_posts(#[values("/create", "/1/update", "/1/delete")] path: &str) {
    assert_eq!(Flaskr::new().post(path, &[]).header("location"), Some("/auth/login"));
}

#[test]
fn only_its_author_changes_a_post() {
    let flaskr = Flaskr::new().logged_in();
    flaskr.sql("UPDATE post SET author_id = 2 WHERE id = 1");
    assert_eq!(flaskr.post("/1/update", &[]).status(), 403);
    assert_eq!(flaskr.post("/1/delete", &[]).status(), 403);
    assert!(!flaskr.get("/").text().contains("href=\"/1/update\""));
}

#[rstest]
fn a_post_that_is_not_there_is_a_404(#[values("/2/update", "/2/delete")] path: &str) {
    assert_eq!(Flaskr::new().logged_in().post(path, &[]).status(), 404);
}

#[test]
fn a_user_writes_a_post() {
    let flaskr = Flaskr::new().logged_in();
    assert_eq!(flaskr.get("/create").status(), 200);
    flaskr.post("/create", &[("title", "created"), ("body", "")]);
    assert_eq!(flaskr.number("SELECT count(id) FROM post"), 2);
}

#[test]
fn an_author_changes_a_post() {
    let flaskr = Flaskr::new().logged_in();
    assert!(flaskr.get("/1/update").text().contains("value=\"test title\""));
    flaskr.post("/1/update", &[("title", "updated"), ("body", "")]);
    assert_eq!(flaskr.text("SELECT title FROM post WHERE id = 1"), "updated");
}

#[rstest]
fn a_post_needs_a_title(#[values("/create", "/1/update")] path: &str) {
    let page = Flaskr::new().logged_in().post(path, &[("title", ""), ("body", "kept")]).text();
    assert!(page.contains("Title is required.") && page.contains(">kept</textarea>"), "{page}");
}

#[test]
fn an_author_deletes_a_post() {
    let flaskr = Flaskr::new().logged_in();
    assert_eq!(flaskr.post("/1/delete", &[]).header("location"), Some("/"));
    assert_eq!(flaskr.number("SELECT count(*) FROM post WHERE id = 1"), 0);
}
