//! Seeded differences, each found and named; and what is none.

use costrel::http::HeaderMap;
use costrel::{HeaderName, HeaderValue, StatusCode};
use costrel_shadow::{Answer, Rules, compare};
use rstest::rstest;

/// A response from its text: the status, the headers, an empty line, the body.
fn answer(text: &str) -> Answer {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let status = StatusCode::from_bytes(lines.next().unwrap().as_bytes()).unwrap();
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        headers.append(HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    Answer { status, headers, body: body.to_owned().into(), error: None }
}

fn parts(old: &str, new: &str, rules: &str) -> Vec<String> {
    let rules = Rules::parse(rules).unwrap();
    compare(&answer(old), &answer(new), &rules).into_iter().map(|difference| difference.part).collect()
}

/// A page with all that a page of Flask's tutorial has, and cookies.
const PAGE: &str = "200
Content-Type: text/html; charset=utf-8
Vary: Cookie, Accept
Cache-Control: no-cache
ETag: \"v1\"
Set-Cookie: theme=dark; Path=/; HttpOnly; SameSite=Lax
Set-Cookie: seen=1; Expires=Thu, 31 Dec 2026 15:51:00 GMT; Max-Age=60; Path=/
Set-Cookie: session=eyJfZmxhc2hlcyI6W1sibSIsIlNhdmVkIl1dLCJ1IjoxfQ.aaaaaa.bbbb; HttpOnly; Path=/

<!doctype html>
<title>Blog</title>
<style>p::before { content: \"a  b\" }</style>
<ul class=flash>
  <li>Saved.</li>
</ul>
<p>Hello <b>Ada</b> <i>Lovelace</i>, welcome.</p>
<form method=post action=\"/edit?a=1&amp;b=2\"><input name=title value=\"First\"></form>
<pre>a
  b</pre>
<script>let n = 1 < 2;</script>
";

#[rstest]
#[case::status("200\n", "404\n", "status")]
#[case::missing_header("ETag: \"v1\"\n", "", "header etag")]
#[case::additional_header("ETag: \"v1\"\n", "ETag: \"v1\"\nX-New: 1\n", "header x-new")]
#[case::header("no-cache", "no-store", "header cache-control")]
#[case::doubled_header("ETag: \"v1\"\n", "ETag: \"v1\"\nETag: \"v1\"\n", "header etag")]
#[case::vary("Cookie, Accept", "Cookie", "header vary")]
#[case::charset("charset=utf-8", "charset=latin-1", "header content-type")]
#[case::missing_cookie("Set-Cookie: theme=dark; Path=/; HttpOnly; SameSite=Lax\n", "", "cookie theme")]
#[case::cookie_value("theme=dark", "theme=light", "cookie theme: value")]
#[case::cookie_flag("; HttpOnly; SameSite", "; SameSite", "cookie theme: HttpOnly")]
#[case::cookie_same_site("SameSite=Lax", "SameSite=None", "cookie theme: SameSite")]
#[case::cookie_secure("SameSite=Lax", "SameSite=Lax; Secure", "cookie theme: Secure")]
#[case::cookie_path("dark; Path=/", "dark; Path=/a", "cookie theme: Path")]
#[case::cookie_age("Max-Age=60", "Max-Age=61", "cookie seen: Max-Age")]
#[case::cookie_deleted("Thu, 31 Dec 2026 15:51:00", "Thu, 01 Jan 1970 00:00:00", "cookie seen: Expires")]
#[case::session(
    "eyJfZmxhc2hlcyI6W1sibSIsIlNhdmVkIl1dLCJ1IjoxfQ",
    "eyJfZmxhc2hlcyI6W1sibSIsIlNhdmVkIl1dLCJ1IjoyfQ",
    "session /u"
)]
#[case::flash_in_the_session("eyJfZmxhc2hlcyI6W1sibSIsIlNhdmVkIl1dLCJ1IjoxfQ", "eyJ1IjoxfQ", "session /_flashes")]
#[case::missing_flash("  <li>Saved.</li>\n", "", "missing element <li>")]
#[case::additional_flash("  <li>Saved.</li>\n", "<li>Saved.</li><li>Saved.</li>", "additional element <li>")]
#[case::text("Hello", "Hallo", "text")]
#[case::escaping("<b>Ada</b>", "&lt;b&gt;Ada&lt;/b&gt;", "text")]
#[case::attribute("value=\"First\"", "value=\"Last\"", "attribute value of <input>")]
#[case::missing_attribute("method=post ", "", "attribute method of <form>")]
#[case::query("a=1&amp;b=2", "b=2&amp;a=1", "attribute action of <form>")]
#[case::element("<title>Blog</title>", "<h1>Blog</h1>", "element <title>")]
#[case::space_between_words("</b> <i>", "</b><i>", "missing text")]
#[case::space_in_preformatted_text("\n  b", "\n b", "whitespace in preformatted text")]
#[case::script("n = 1 < 2", "n = 1 > 2", "text")]
#[case::space_in_a_script("n = 1 < 2;", "n = 1 <  2;", "whitespace in preformatted text")]
#[case::space_in_a_style("a  b", "a b", "whitespace in preformatted text")]
#[case::hard_space("<li>Saved.</li>", "<li>\u{a0}Saved.</li>", "text")]
#[case::hard_space_alone("<title>Blog</title>", "<title>Blog</title><td>&nbsp;</td>", "additional element <td>")]
#[case::doctype("<!doctype html>\n", "", "missing element <!doctype html>")]
fn a_difference_of_a_page_is_found_and_named(#[case] from: &str, #[case] to: &str, #[case] part: &str) {
    assert!(PAGE.contains(from));
    let found = parts(PAGE, &PAGE.replacen(from, to, 1), "");
    assert_eq!(found.first().map(String::as_str), Some(part), "{found:?}");
    assert!(!parts(&PAGE.replacen(from, to, 1), PAGE, "").is_empty(), "the other way round");
}

#[rstest]
#[case::spaces_between_blocks("  <li>Saved.</li>\n", "<li>\n Saved.\n</li>")]
#[case::order_of_attributes("name=title value=\"First\"", "value='First' name=title")]
#[case::case_of_tags("<title>Blog</title>", "<TITLE>Blog</TITLE>")]
#[case::comment("Hello", "Hel<!-- new -->lo")]
#[case::self_closing("value=\"First\"", "value=\"First\" /")]
#[case::entity("welcome.", "welcome&#46;")]
#[case::order_of_vary("Cookie, Accept", "accept,cookie")]
#[case::order_of_cookie_attributes("; HttpOnly; SameSite=Lax", "; samesite=lax; httponly")]
#[case::date_of_a_cookie("31 Dec 2026 15:51:00", "31 Dec 2026 15:52:00")]
#[case::signature("aaaaaa.bbbb", "aaaaab.cccc")]
#[case::server("ETag: \"v1\"\n", "ETag: \"v1\"\nServer: other\nDate: now\nVia: 1.1 x\nContent-Length: 9\n")]
fn what_says_the_same_is_no_difference(#[case] from: &str, #[case] to: &str) {
    assert!(PAGE.contains(from));
    assert_eq!(parts(PAGE, &PAGE.replacen(from, to, 1), ""), [""; 0]);
}

const JSON: &str =
    r#"{"user": {"name": "Ada", "age": 36, "tags": ["a", "b"]}, "at": "2026-11-30T10:00:00", "none": null}"#;

#[rstest]
#[case::value(r#""Ada""#, r#""Bob""#, "", "JSON /user/name")]
#[case::type_of_a_number("36", r#""36""#, "", "JSON /user/age")]
#[case::missing_key(r#", "none": null"#, "", "", "JSON /none")]
#[case::additional_key(r#""none": null"#, r#""none": null, "more": 1"#, "", "JSON /more")]
#[case::order_of_a_list(r#"["a", "b"]"#, r#"["b", "a"]"#, "", "JSON /user/tags/0")]
#[case::length_of_a_list(r#"["a", "b"]"#, r#"["a"]"#, "", "JSON /user/tags/1")]
#[case::order_of_keys(
    r#""name": "Ada", "age": 36"#,
    r#""age": 36, "name": "Ada""#,
    "json_order = true",
    "JSON: order of keys"
)]
#[case::no_json("}", "", "", "line 1")]
fn a_difference_of_json_is_found_and_named(
    #[case] from: &str,
    #[case] to: &str,
    #[case] rules: &str,
    #[case] part: &str,
) {
    assert!(JSON.contains(from));
    let json = |body: &str| format!("200\nContent-Type: application/json\n\n{body}");
    let found = parts(&json(JSON), &json(&JSON.replace(from, to)), rules);
    assert_eq!(found.first().map(String::as_str), Some(part), "{found:?}");
}

#[test]
fn the_same_json_is_no_difference() {
    let json = |body: &str| format!("200\nContent-Type: application/json\n\n{body}");
    let spaced = r#"{"none":null,"at":"2026-11-30T10:00:00","user":{"tags":["a","b"],"age":36.0,"name":"\u0041da"}}"#;
    assert_eq!(parts(&json(JSON), &json(spaced), ""), [""; 0]);
    assert_eq!(parts(&json("9007199254740993"), &json("9007199254740992"), ""), ["JSON /"]);
}

#[rstest]
#[case("200\nContent-Type: text/plain\n\na\nb", "200\nContent-Type: text/plain\n\na\nb\n", "line 3")]
#[case("200\nContent-Type: text/plain\n\na b", "200\nContent-Type: text/plain\n\na  b", "line 1")]
#[case("302\nLocation: /a", "302\nLocation: /b", "header location")]
#[case("200\nContent-Length: 7", "200\nContent-Length: 8", "header content-length")]
#[case("304\nLast-Modified: Mon, 30 Nov 2026 00:00:00 GMT", "304", "header last-modified")]
fn other_differences_are_found_and_named(#[case] old: &str, #[case] new: &str, #[case] part: &str) {
    assert_eq!(parts(old, new, ""), [part]);
}

/// Flask's permanent session has `Expires` alone: what counts is the time from the response on.
#[rstest]
#[case::other_days("Thu, 31 Dec 2026 00:00:00 GMT", "Tue, 01 Dec 2026 00:00:00 GMT", &["cookie session: Expires"])]
#[case::a_minute_less("Thu, 31 Dec 2026 00:00:00 GMT", "Wed, 30 Dec 2026 23:59:10 GMT", &["cookie session: Expires"])]
#[case::no_date("Thu, 31 Dec 2026 00:00:00 GMT", "soon", &["cookie session: Expires"])]
#[case::a_moment_later("Thu, 31 Dec 2026 00:00:00 GMT", "Thu, 31 Dec 2026 00:00:04 GMT", &[])]
#[case::ended("Thu, 31 Dec 2026 00:00:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", &["cookie session: Expires"])]
fn the_end_of_a_cookie_is_compared(#[case] old: &str, #[case] new: &str, #[case] expected: &[&str]) {
    let page = |expires: &str| {
        format!("200\nDate: Mon, 30 Nov 2026 00:00:00 GMT\nSet-Cookie: session=a; Expires={expires}; Path=/\n\n")
    };
    assert_eq!(parts(&page(old), &page(new), ""), expected);
    let without_date = |expires| page(expires).replace("Date: Mon, 30 Nov 2026 00:00:00 GMT\n", "");
    assert_eq!(parts(&without_date(old), &page(new), ""), expected, "one has no date");
    assert_eq!(parts(&without_date(old), &without_date(new), ""), expected, "none has a date");
}

/// The order of what `Cache-Control` says, and the case of its names, say nothing.
#[test]
fn cache_control_is_a_set() {
    let page = |control: &str| format!("200\nCache-Control: {control}\n\n");
    assert_eq!(parts(&page("no-cache, private"), &page("private, No-Cache"), ""), [""; 0]);
    assert_eq!(parts(&page("no-cache, private"), &page("no-cache"), ""), ["header cache-control"]);
}

/// A space between elements in a line is seen, whichever elements they are.
#[rstest]
fn a_space_in_a_line_is_seen(#[values("var", "output", "svg", "my-element", "b")] name: &str) {
    let page =
        |space: &str| format!("200\nContent-Type: text/html\n\n<p><{name}>a</{name}>{space}<{name}>b</{name}></p>");
    assert_eq!(parts(&page(" "), &page(""), ""), ["missing text"]);
    assert_eq!(parts(&page(" "), &page("\n  "), ""), [""; 0]);
}

/// A line goes on behind what shows nothing, and so do its spaces.
#[rstest]
#[case::one_less("a {}b", "a{}b", 1)]
#[case::one_less_between_elements("<b>a</b> {}<b>b</b>", "<b>a</b>{}<b>b</b>", 1)]
#[case::on_the_other_side("a {}b", "a{} b", 0)]
#[case::on_both_sides("a {} b", "a{} b", 0)]
#[case::on_the_other_side_of_elements("<b>a</b> {}<b>b</b>", "<b>a</b>{}\n<b>b</b>", 0)]
#[case::at_the_beginning_of_a_line("{} a", "{}a", 0)]
#[case::at_its_end("a {} ", "a{}", 0)]
fn a_line_goes_on_behind_what_shows_nothing(
    #[case] old: &str,
    #[case] new: &str,
    #[case] differences: usize,
    #[values("<wbr>", "<link rel=x>", "<meta><track>", "<script> 1 </script>", "<template> <p>x</template>")]
    hidden: &str,
) {
    let page = |body: &str| format!("200\nContent-Type: text/html\n\n<p>{}</p>", body.replace("{}", hidden));
    assert_eq!(parts(&page(old), &page(new), "").len(), differences);
    assert_eq!(parts(&page(new), &page(old), "").len(), differences);
}

#[test]
fn bytes_are_compared_too() {
    let bytes = |body: &'static [u8]| Answer { body: body.into(), ..answer("200") };
    let found = compare(&bytes(b"\xff\x00a"), &bytes(b"\xff\x01a"), &Rules::default());
    assert_eq!((found[0].part.as_str(), found[0].old.as_str()), ("body", "3 bytes; from 1: 00 61"));
}

#[rstest]
#[case::header("ignore_headers = ['ETag']", "ETag: \"v1\"", "ETag: \"v2\"")]
#[case::part_of_a_header("[[mask]]\nwhere = 'header etag'\npattern = 'v.'", "ETag: \"v1\"", "ETag: \"v2\"")]
#[case::cookie("[[mask]]\nwhere = 'cookie theme'", "theme=dark", "theme=light")]
#[case::token("[[mask]]\nwhere = 'body'\npattern = 'value=\"[^\"]*\"'", "value=\"First\"", "value=\"Second\"")]
#[case::session("[[mask]]\nwhere = 'json /u'", "LCJ1IjoxfQ", "LCJ1IjoyfQ")]
fn what_is_masked_may_differ(#[case] rules: &str, #[case] from: &str, #[case] to: &str) {
    assert!(PAGE.contains(from));
    assert_eq!(parts(PAGE, &PAGE.replacen(from, to, 1), rules), [""; 0]);
    assert!(!parts(PAGE, &PAGE.replacen(from, to, 1), "").is_empty());
}

#[test]
fn a_masked_value_must_be_there_nevertheless() {
    let json = |body: &str| format!("200\nContent-Type: application/json\n\n{body}");
    let rules = "[[mask]]\nwhere = 'json /items/*/at'";
    let one = json(r#"{"items": [{"at": 1}, {"at": 2}]}"#);
    assert_eq!(parts(&one, &json(r#"{"items": [{"at": 3}, {"at": 4}]}"#), rules), [""; 0]);
    assert_eq!(parts(&one, &json(r#"{"items": [{"at": 3}, {}]}"#), rules), ["JSON /items/1/at"]);
}

#[rstest]
#[case("unknown = 1", "unknown field `unknown`")]
#[case("[[mask]]\nwhere = 'json user'", "write `body`, `header etag`, `cookie id` or `json /user/*/age`")]
#[case("[[mask]]\nwhere = 'body'\npattern = '('", "\"(\"")]
fn wrong_rules_are_an_error(#[case] rules: &str, #[case] said: &str) {
    let error = Rules::parse(rules).unwrap_err();
    assert!(error.message().contains(said), "{error}");
}

/// Two pages of which one ends before the other, or that have nothing in common: the comparison ends, and finds each part.
#[rstest]
#[case("<p>a", "<p>a<b>b</b>", &["additional element <b>"])]
#[case("<p>a & old", "<p>a & <b>new</b>", &["text", "additional element <b>"])]
#[case("<p>a<p>b<p>c", "<p>a", &["missing element <p>"])]
#[case("", "<p>a", &["additional element <p>"])]
#[case("<i>x</i>", "y", &["element <i>", "missing text"])]
fn pages_of_other_lengths_are_compared(#[case] old: &str, #[case] new: &str, #[case] expected: &[&str]) {
    let page = |body: &str| format!("200\nContent-Type: text/html\n\n{body}");
    assert_eq!(parts(&page(old), &page(new), ""), expected);
    let long = format!("<ul>{}</ul>", "<li>x</li>".repeat(500));
    assert!(!parts(&page(old), &page(&long), "").is_empty() && !parts(&page(&long), &page(new), "").is_empty());
}

/// Where responses must be written alike, what says the same is a difference.
#[rstest]
#[case::header("no-cache", "No-Cache", "header cache-control")]
#[case::parameters("text/html; charset", "text/html;charset", "header content-type")]
#[case::additional_values("ETag: \"v1\"\n", "ETag: \"v1\"\nX-A: 1\nX-A: 2\n", "header x-a")]
#[case::length("ETag: \"v1\"\n", "ETag: \"v1\"\nContent-Length: 9\n", "header content-length")]
#[case::age("ETag: \"v1\"\n", "ETag: \"v1\"\nAge: 9\n", "header age")]
#[case::via("ETag: \"v1\"\n", "ETag: \"v1\"\nVia: 1.1 x\n", "header via")]
#[case::date_of_a_cookie("31 Dec 2026 15:51:00", "31 Dec 2026 15:51:01", "header set-cookie")]
#[case::case_of_a_cookie_attribute("SameSite=Lax", "samesite=lax", "header set-cookie")]
#[case::signature("aaaaaa.bbbb", "aaaaab.cccc", "header set-cookie")]
#[case::order_of_cookies(
    "Set-Cookie: theme=dark; Path=/; HttpOnly; SameSite=Lax\n",
    "Set-Cookie: seen=1; Expires=Thu, 31 Dec 2026 15:51:00 GMT; Max-Age=60; Path=/\n\
     Set-Cookie: theme=dark; Path=/; HttpOnly; SameSite=Lax\n",
    "header set-cookie"
)]
#[case::space("  <li>Saved.</li>", " <li>Saved.</li>", "line 5")]
#[case::case_of_tags("<title>Blog</title>", "<TITLE>Blog</TITLE>", "line 2")]
#[case::comment("Hello", "Hel<!-- new -->lo", "line 7")]
fn what_says_the_same_is_a_difference_where_it_must_be_written_alike(
    #[case] from: &str,
    #[case] to: &str,
    #[case] part: &str,
) {
    assert!(PAGE.contains(from));
    assert_eq!(parts(PAGE, &PAGE.replacen(from, to, 1), "exact = true"), [part]);
}

#[rstest]
#[case::order_of_vary("Cookie, Accept", "accept,cookie")]
#[case::order_of_cookie_attributes("; HttpOnly; SameSite=Lax", "; SameSite=Lax; HttpOnly")]
#[case::server("ETag: \"v1\"\n", "ETag: \"v1\"\nServer: other\nDate: now\nConnection: close\n")]
fn what_is_another_each_time_is_no_difference_where_it_must_be_written_alike(#[case] from: &str, #[case] to: &str) {
    assert!(PAGE.contains(from));
    assert_eq!(parts(PAGE, &PAGE.replacen(from, to, 1), "exact = true"), [""; 0]);
}

/// JSON byte by byte, values of a header one by one, and what is not text.
#[test]
fn exact_answers_are_the_same_bytes() {
    let json = |body: &str| format!("200\nContent-Type: application/json\n\n{body}");
    assert_eq!(parts(&json("{\"a\":1}"), &json("{\"a\": 1}"), "exact = true"), ["line 1"]);
    assert_eq!(parts("200\nX-A: 1\nX-A: 2", "200\nX-A: 1, 2", "exact = true"), ["header x-a"]);
    assert_eq!(parts("200\nX-A: 1\nX-A: 2", "200\nX-A: 2\nX-A: 1", "exact = true"), ["header x-a"]);
    assert_eq!(parts("200\nETag: 1", "200\nETag: 2", "exact = true\nignore_headers = ['etag']"), [""; 0]);
    let bytes = |body: &'static [u8]| Answer { body: body.into(), ..answer("200") };
    let exact = Rules { exact: true, ..Rules::default() };
    let found = compare(&bytes(b"\xff\x00"), &bytes(b"\xff\x01"), &exact);
    assert_eq!((found.len(), &*found[0].part), (1, "body"));
}
