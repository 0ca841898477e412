//! Seeded differences, found and named by the command: two apps, and all that is between.

use std::collections::BTreeMap;
use std::fs;

use costrel::{App, Body, HeaderName, HeaderValue, IntoView, Response};
use costrel_shadow::add_command;
use rstest::rstest;
use serde_json::Value;

use crate::support::Server;

/// A page with flashes, a form and cookies.
const PAGE: &str = "200
Content-Type: text/html; charset=utf-8
Vary: Cookie, Accept
Cache-Control: no-cache
ETag: \"v1\"
Set-Cookie: theme=dark; Path=/; HttpOnly; SameSite=Lax
Set-Cookie: seen=1; Max-Age=60; Path=/
Set-Cookie: session=eyJfZmxhc2hlcyI6W1sibSIsIlNhdmVkIl1dLCJ1IjoxfQ.aaaaaa.bbbb; HttpOnly; Path=/

<!doctype html>
<title>Blog</title>
<ul class=flash><li>Saved.</li></ul>
<p>Hello <b>Ada</b> <i>Lovelace</i>.</p>
<form method=post><input name=token value=\"abc\"></form>
<pre>a
  b</pre>";

const JSON: &str = r#"200
Content-Type: application/json

{"name": "Ada", "age": 36, "tags": ["a", "b"], "none": null}"#;

const REDIRECT: &str = "302
Location: /users?page=2

";

const TEXT: &str = "200
Content-Type: text/plain; charset=utf-8

one  line
another
";

/// A response of the old app, and what the new one has in its place.
struct Seed {
    /// The endpoint and the path.
    name: &'static str,
    old: &'static str,
    change: [&'static str; 2],
    /// The parts that must be named.
    parts: &'static str,
}

const fn seed(name: &'static str, old: &'static str, change: [&'static str; 2], parts: &'static str) -> Seed {
    Seed { name, old, change, parts }
}

const SEEDS: [Seed; 28] = [
    seed("status", PAGE, ["200\n", "404\n"], "status"),
    seed("missing_header", PAGE, ["ETag: \"v1\"\n", ""], "header etag"),
    seed("additional_header", PAGE, ["ETag", "X-New: 1\nETag"], "header x-new"),
    seed("doubled_header", PAGE, ["ETag: \"v1\"\n", "ETag: \"v1\"\nETag: \"v1\"\n"], "header etag"),
    seed("header", PAGE, ["no-cache", "no-store"], "header cache-control"),
    seed("vary", PAGE, ["Cookie, Accept", "Cookie"], "header vary"),
    seed("charset", PAGE, ["charset=utf-8", "charset=latin-1"], "header content-type"),
    seed("location", REDIRECT, ["page=2", "page=3"], "header location"),
    seed("missing_cookie", PAGE, ["Set-Cookie: seen=1; Max-Age=60; Path=/\n", ""], "cookie seen"),
    seed("cookie", PAGE, ["theme=dark", "theme=light"], "cookie theme: value"),
    seed("cookie_flag", PAGE, ["; HttpOnly; SameSite", "; SameSite"], "cookie theme: HttpOnly"),
    seed("cookie_same_site", PAGE, ["SameSite=Lax", "SameSite=None"], "cookie theme: SameSite"),
    seed("cookie_path", PAGE, ["dark; Path=/", "dark; Path=/a"], "cookie theme: Path"),
    seed("cookie_age", PAGE, ["Max-Age=60", "Max-Age=61"], "cookie seen: Max-Age"),
    seed("session", PAGE, ["LCJ1IjoxfQ", "LCJ1IjoyfQ"], "session /u"),
    seed("missing_flash", PAGE, ["<li>Saved.</li>", ""], "missing element <li>"),
    seed("additional_flash", PAGE, ["</li></ul>", "</li><li>Saved.</li></ul>"], "additional element <li>"),
    seed("escaping", PAGE, ["<b>Ada</b>", "&lt;b&gt;Ada&lt;/b&gt;"], "text, missing element <b>"),
    seed("attribute", PAGE, ["value=\"abc\"", "value=\"abd\""], "attribute value of <input>"),
    seed("missing_attribute", PAGE, [" method=post", ""], "attribute method of <form>"),
    seed("space_between_words", PAGE, ["</b> <i>", "</b><i>"], "missing text"),
    seed("space_in_pre", PAGE, ["  b", " b"], "whitespace in preformatted text"),
    seed("json_value", JSON, ["Ada", "Bob"], "JSON /name"),
    seed("json_type", JSON, ["36", "\"36\""], "JSON /age"),
    seed("json_missing_key", JSON, [", \"none\": null", ""], "JSON /none"),
    seed("json_list", JSON, ["[\"a\", \"b\"]", "[\"b\", \"a\"]"], "JSON /tags/0, JSON /tags/1"),
    seed(
        "json_order",
        JSON,
        ["\"name\": \"Ada\", \"age\": 36", "\"age\": 36, \"name\": \"Ada\""],
        "JSON: order of keys",
    ),
    seed("space_in_text", TEXT, ["one  line", "one line"], "line 1"),
];

/// A response from its text: the status, the headers, an empty line, the body.
fn response(text: &str) -> Response {
    let (head, body) = text.split_once("\n\n").unwrap();
    let mut lines = head.lines();
    let mut response = Response::new(Body::from(body.to_owned()));
    *response.status_mut() = lines.next().unwrap().parse().unwrap();
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        response.headers_mut().append(HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    response
}

/// An app with a rule for each seed, and one for the page as it is.
fn app(name: &str, is_sync: bool, text_of: impl Fn(&Seed) -> String) -> App {
    let mut app = App::new(name);
    let unchanged = seed("unchanged", PAGE, ["", ""], "");
    for seed in SEEDS.iter().chain([&unchanged]) {
        let text = text_of(seed);
        assert!(seed.old.contains(seed.change[0]), "{}", seed.name);
        let view = move || response(&text);
        let view = if is_sync { view.into_view() } else { (move || std::future::ready(view())).into_view() };
        app.rule(&format!("/{}", seed.name)).endpoint(seed.name).view(view);
    }
    app
}

#[rstest]
fn each_seeded_difference_is_found_and_named(#[values(true, false)] is_sync: bool) {
    let old = Server::start(app("old", !is_sync, |seed| seed.old.to_owned()));
    let create_app = move || {
        let changed = |seed: &Seed| seed.old.replacen(seed.change[0], seed.change[1], 1);
        Ok(app("new", is_sync, changed))
    };
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    fs::write(file("rules.toml"), "json_order = true").unwrap();
    let (url, rules, json) = (old.url(), file("rules.toml"), file("report.json"));
    let mut words = vec!["--old", &url, "--rules", &rules, "--json", &json, "/unchanged"];
    let paths: Vec<_> = SEEDS.iter().map(|seed| format!("/{}", seed.name)).collect();
    words.extend(paths.iter().map(String::as_str));
    let mut commanding = App::new("new");
    add_command(&mut commanding, create_app);
    let error = commanding.build().unwrap().invoke("shadow", words).wait().unwrap_err();
    assert_eq!(error.message(), format!("{} requests were not answered alike", SEEDS.len()));
    let mut expected: BTreeMap<_, _> =
        SEEDS.iter().map(|seed| (format!("GET {}", seed.name), seed.parts.to_owned())).collect();
    expected.insert("GET unchanged".into(), String::new());
    assert_eq!(named(&fs::read_to_string(json).unwrap()), expected);
}

/// The parts that a report names, by rule: all differences of the rule's one request.
fn named(report: &str) -> BTreeMap<String, String> {
    let report: Value = serde_json::from_str(report).unwrap();
    let parts = |rule: &Value| {
        let differences = rule["examples"][0]["differences"].as_array().cloned().unwrap_or_default();
        differences.iter().map(|found| found["part"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(", ")
    };
    let rules = report["rules"].as_array().unwrap();
    rules.iter().map(|rule| (rule["rule"].as_str().unwrap().to_owned(), parts(rule))).collect()
}
