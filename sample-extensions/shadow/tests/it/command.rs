//! The command `shadow`, and its reports.

use std::fs;

use costrel::{App, Error, request};
use costrel_shadow::{Shadow, add_command};

use crate::support::Server;

fn old() -> Server {
    let mut app = App::new("old");
    app.rule("/same").endpoint("same").view(|| "same");
    app.rule("/host").endpoint("host").view(|| request().host().to_owned());
    app.rule("/<name>").endpoint("page").view(|name: String| format!("<p>{name} & old"));
    Server::start(app)
}

fn create_app() -> Result<App, Error> {
    let mut app = App::new("new");
    app.rule("/same").endpoint("same").view(async || "same");
    app.rule("/host").endpoint("host").view(async || "shop.example");
    app.rule("/<name>").endpoint("page").view(|name: String| format!("<p>{name} & <b>new</b>"));
    add_command(&mut app, create_app);
    Ok(app)
}

fn shadow(options: &[&str]) -> Result<(), Error> {
    let url = old();
    let words: Vec<_> = ["--old", &url.url()].iter().chain(options).map(ToString::to_string).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    create_app()?.build()?.invoke("shadow", words).wait()
}

#[test]
fn the_command_succeeds_if_all_is_equal_and_fails_otherwise() {
    assert!(shadow(&["/same", "/same?x=1"]).is_ok());
    assert!(shadow(&["/same", "/other"]).unwrap_err().message().contains("1 requests were not answered alike"));
    assert!(shadow(&[]).unwrap_err().message().contains("required"));
    assert!(shadow(&["other"]).unwrap_err().message().contains("is not a path"));
    assert!(shadow(&["/host"]).is_err());
    assert!(shadow(&["--host", "shop.example", "/host"]).is_ok());
    assert!(shadow(&["--host", "a b", "/host"]).unwrap_err().message().contains("\"a b\" is no host"));
    let twin = old();
    assert!(shadow(&["--new", &twin.url(), "/other"]).is_ok());
}

#[test]
fn files_are_read_and_reports_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let log = "1.1.1.1 - - [x] \"GET /same HTTP/1.1\" 200 1 \"-\" \"-\"\n1.1.1.1 - - [x] \"POST /same HTTP/1.1\" 200 1 \"-\" \"-\"\n";
    fs::write(file("access.log"), log.repeat(3)).unwrap();
    let (json, html) = (file("report.json"), file("report.html"));
    shadow(&["--log", &file("access.log"), "--ready", "3", "--json", &json, "--html", &html]).unwrap();
    let report: serde_json::Value = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
    assert_eq!((&report["rules"][0]["rule"], &report["rules"][0]["equal"]), (&"GET same".into(), &3.into()));
    assert_eq!(report["rules"][1]["skipped"], 3);
    assert!(fs::read_to_string(html).unwrap().contains("1 of 2 rules are ready to switch"));
    let har = r#"{"log": {"entries": [{"request": {"method": "GET", "url": "http://a/other"}}]}}"#;
    fs::write(file("a.har"), har).unwrap();
    fs::write(file("rules.toml"), "[[mask]]\nwhere = 'body'\npattern = 'old|<b>new</b>'\n").unwrap();
    assert!(shadow(&["--har", &file("a.har")]).is_err());
    shadow(&["--har", &file("a.har"), "--rules", &file("rules.toml")]).unwrap();
    assert!(shadow(&["--har", &file("none.har")]).unwrap_err().message().contains("none.har"));
    assert!(shadow(&["--har", &file("a.har"), "--rules", &file("a.har")]).unwrap_err().message().contains("a.har"));
}

/// What is left out of a record is counted and said, wherever the report is read.
#[test]
fn what_is_left_out_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let entry = |url: &str| format!(r#"{{"request": {{"method": "GET", "url": "{url}"}}}}"#);
    let entries = ["data:,x", "https://shop.example/same", "https://fonts.example/"].map(entry).join(",");
    fs::write(file("a.har"), format!(r#"{{"log": {{"entries": [{entries}]}}}}"#)).unwrap();
    let (json, html) = (file("report.json"), file("report.html"));
    shadow(&["--har", &file("a.har"), "--json", &json, "--html", &html]).unwrap();
    let report: serde_json::Value = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
    let expected = serde_json::json!([
        {"why": "with an address of `data:`", "count": 1, "first": "entry 1"},
        {"why": "for another host than shop.example", "count": 1, "first": "entry 3"},
    ]);
    assert_eq!((&report["left_out"], &report["rules"][0]["equal"]), (&expected, &1.into()));
    assert!(fs::read_to_string(html).unwrap().contains("1 for another host than shop.example (first: entry 3)"));
    let error = shadow(&["--har", &file("a.har"), "--host", "other.example"]).unwrap_err();
    assert!(error.message().contains("a.har: all requests of the HAR file are left out"), "{error}");
    assert!(error.message().contains("2 for another host than other.example (first: entry 2)"), "{error}");
}

/// The page shows what differs as text, for it is made of what two apps have sent.
#[test]
fn the_page_escapes_what_it_shows() {
    let old = old();
    let shadow = Shadow::new(&old.url());
    let mut app = create_app().unwrap();
    app.rule("/shadow/").endpoint("shadow").view({
        let shadow = shadow.clone();
        move || shadow.report().page()
    });
    app.rule("/compare").endpoint("compare").view({
        move || {
            let shadow = shadow.clone();
            async move {
                let new = create_app()?.build()?;
                let recorded = costrel_shadow::Recorded::new(costrel::Method::GET, "/other")?;
                shadow.replay(&new, &[recorded], |_| ()).await.map(|_| "compared")
            }
        }
    });
    let client = app.test_client();
    assert!(client.get("/shadow/").wait().unwrap().text().contains("No request was compared yet"));
    assert_eq!(client.get("/compare").wait().unwrap().text(), "compared");
    let page = client.get("/shadow/").wait().unwrap();
    assert_eq!(
        (page.header("content-type"), page.header("cache-control")),
        (Some("text/html; charset=utf-8"), Some("no-store"))
    );
    assert!(page.text().contains("&lt;b&gt;") && !page.text().contains("<b>"), "{}", page.text());
}
