//! Conditions and ranges of requests for files (RFC 9110, sections 13 to 15), in views of both colours.

use std::fs;
use std::time::{Duration, UNIX_EPOCH};

use costrel::testing::TestResponse;
use costrel::{App, Method, send_file};
use rstest::rstest;

const DATE: &str = "Tue, 14 Nov 2023 22:13:20 GMT";
const BEFORE: &str = "Tue, 14 Nov 2023 22:13:19 GMT";
const AFTER: &str = "Tue, 14 Nov 2023 22:13:21 GMT";

/// Asks for a file of twelve bytes, whose ETag is `"v"` and whose date is `DATE`.
fn ask(sync: bool, method: &str, headers: &[(&str, &str)]) -> TestResponse {
    ask_for("hello, world", sync, method, headers)
}

fn ask_for(content: &str, sync: bool, method: &str, headers: &[(&str, &str)]) -> TestResponse {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.txt");
    fs::write(&path, content).unwrap();
    // Half a second more, because files are more exact than dates in headers.
    let modified = UNIX_EPOCH + Duration::from_millis(1_700_000_000_500);
    let file = move || send_file(&path).etag("v").last_modified(modified);
    let mut app = App::new("test");
    let rule = app.rule("/").methods(["GET", "POST"]);
    if sync {
        rule.view(move || file().wait());
    } else {
        rule.view(move || file().into_future());
    }
    let method: Method = method.parse().unwrap();
    let request = app.test_client().open(method, "/");
    headers.iter().fold(request, |request, (name, value)| request.header(name, value)).wait().unwrap()
}

#[rstest]
#[case::suffix("bytes=-5", 206, "world", "bytes 7-11/12")]
#[case::suffix_beyond_the_beginning("bytes=-100", 206, "hello, world", "bytes 0-11/12")]
#[case::suffix_of_nothing("bytes=-0", 416, "", "bytes */12")]
#[case::first_and_last("bytes=0-0", 206, "h", "bytes 0-0/12")]
#[case::to_the_end("bytes=11-", 206, "d", "bytes 11-11/12")]
#[case::beyond_the_end("bytes=7-99999999999999999999999", 206, "world", "bytes 7-11/12")]
#[case::behind_the_end("bytes=12-", 416, "", "bytes */12")]
#[case::far_behind_the_end("bytes=99999999999999999999999-", 416, "", "bytes */12")]
#[case::one_within_and_one_without("bytes=0-1, 50-60", 206, "he", "bytes 0-1/12")]
#[case::all_without("bytes=50-60,-0", 416, "", "bytes */12")]
#[case::several("bytes=0-1,3-4", 200, "hello, world", "")]
#[case::several_that_overlap("bytes=0-,0-,0-", 200, "hello, world", "")]
#[case::empty_elements("bytes=,0-1,", 206, "he", "bytes 0-1/12")]
#[case::unit_in_capitals("Bytes=0-1", 206, "he", "bytes 0-1/12")]
#[case::backwards("bytes=5-2", 416, "", "bytes */12")]
#[case::no_numbers("bytes=x-y", 416, "", "bytes */12")]
#[case::sign("bytes=+1-2", 416, "", "bytes */12")]
#[case::other_unit("lines=0-1", 200, "hello, world", "")]
#[case::no_unit("0-1", 200, "hello, world", "")]
fn a_range_is_honoured(
    #[values(true, false)] sync: bool,
    #[case] range: &str,
    #[case] status: u16,
    #[case] text: &str,
    #[case] content_range: &str,
) {
    let response = ask(sync, "GET", &[("range", range)]);
    assert_eq!(response.status(), status);
    assert_eq!(response.header("content-range").unwrap_or_default(), content_range);
    if status != 416 {
        assert_eq!((response.text().as_str(), response.header("etag")), (text, Some("\"v\"")));
        assert_eq!(response.header("content-length"), Some(&*text.len().to_string()));
    }
}

/// An empty file has no part, so any range of it is ignored.
#[rstest]
fn an_empty_file_is_sent_whole(#[values("bytes=0-", "bytes=-5", "bytes=5-")] range: &str) {
    let response = ask_for("", false, "GET", &[("range", range)]);
    assert_eq!((response.status().as_u16(), response.header("content-range")), (200, None));
}

/// A range is for GET alone.
#[rstest]
fn the_range_of_a_head_is_ignored(#[values(true, false)] sync: bool, #[values("bytes=0-3", "bytes=99-")] range: &str) {
    let response = ask(sync, "HEAD", &[("range", range)]);
    assert_eq!((response.status().as_u16(), response.header("content-length")), (200, Some("12")));
    assert_eq!((response.text().as_str(), response.header("content-range")), ("", None));
}

#[rstest]
#[case::this_etag("\"v\"", 206)]
#[case::other_etag("\"w\"", 200)]
#[case::weak_etag("W/\"v\"", 200)]
#[case::etag_without_quotes("v", 200)]
#[case::several_etags("\"v\", \"w\"", 200)]
#[case::this_date(DATE, 206)]
#[case::date_before(BEFORE, 200)]
#[case::date_after(AFTER, 200)]
#[case::nonsense("soon", 200)]
#[case::nothing("", 200)]
fn a_range_is_for_the_version_that_is_named(
    #[values(true, false)] sync: bool,
    #[case] condition: &str,
    #[case] status: u16,
) {
    assert_eq!(ask(sync, "GET", &[("range", "bytes=0-1"), ("if-range", condition)]).status(), status);
    assert_eq!(ask(sync, "GET", &[("if-range", condition)]).status(), 200);
}

#[rstest]
#[case::match_this(&[("if-match", "\"v\"")], 200)]
#[case::match_any(&[("if-match", "*")], 200)]
#[case::match_one_of(&[("if-match", "\"a,b\", \"v\"")], 200)]
#[case::match_other(&[("if-match", "\"w\"")], 412)]
#[case::match_weak(&[("if-match", "W/\"v\"")], 412)]
#[case::match_nonsense(&[("if-match", "v")], 412)]
#[case::match_other_with_range(&[("if-match", "\"w\""), ("range", "bytes=0-1")], 412)]
#[case::match_goes_before_unmodified(&[("if-match", "\"v\""), ("if-unmodified-since", BEFORE)], 200)]
#[case::unmodified_since_its_date(&[("if-unmodified-since", DATE)], 200)]
#[case::unmodified_after(&[("if-unmodified-since", AFTER)], 200)]
#[case::modified_since(&[("if-unmodified-since", BEFORE)], 412)]
#[case::unmodified_since_nonsense(&[("if-unmodified-since", "soon")], 200)]
#[case::unmodified_twice(&[("if-unmodified-since", BEFORE), ("if-unmodified-since", BEFORE)], 200)]
#[case::none_match_this(&[("if-none-match", "\"v\"")], 304)]
#[case::none_match_weak(&[("if-none-match", "W/\"v\"")], 304)]
#[case::none_match_any(&[("if-none-match", "*")], 304)]
#[case::none_match_one_of(&[("if-none-match", "\"a\"")  , ("if-none-match", "\"v\"")], 304)]
#[case::none_match_other(&[("if-none-match", "\"w\"")], 200)]
#[case::none_match_nonsense(&[("if-none-match", "v")], 200)]
#[case::none_match_this_with_range(&[("if-none-match", "\"v\""), ("range", "bytes=0-1")], 304)]
#[case::none_match_other_with_range(&[("if-none-match", "\"w\""), ("range", "bytes=0-1")], 206)]
#[case::none_match_this_with_a_range_behind_the_end(&[("if-none-match", "\"v\""), ("range", "bytes=50-")], 304)]
#[case::none_match_goes_before_modified(&[("if-none-match", "\"w\""), ("if-modified-since", DATE)], 200)]
#[case::match_goes_before_none_match(&[("if-match", "\"w\""), ("if-none-match", "\"v\"")], 412)]
#[case::modified_since_its_date(&[("if-modified-since", DATE)], 304)]
#[case::modified_before(&[("if-modified-since", BEFORE)], 200)]
#[case::modified_after(&[("if-modified-since", AFTER)], 304)]
#[case::modified_since_nonsense(&[("if-modified-since", "soon")], 200)]
#[case::modified_since_another_form(&[("if-modified-since", "Tuesday, 14-Nov-23 22:13:20 GMT")], 304)]
#[case::modified_with_range(&[("if-modified-since", DATE), ("range", "bytes=0-1")], 304)]
fn a_condition_is_honoured(
    #[values(true, false)] sync: bool,
    #[values("GET", "HEAD")] method: &str,
    #[case] headers: &[(&str, &str)],
    #[case] status: u16,
) {
    let expected = if method == "HEAD" && status == 206 { 200 } else { status };
    let response = ask(sync, method, headers);
    assert_eq!(response.status(), expected);
    if status == 304 {
        assert_eq!((response.text().as_str(), response.header("content-type")), ("", None));
        assert_eq!((response.header("etag"), response.header("cache-control")), (Some("\"v\""), Some("no-cache")));
    }
    // A POST has done its work before the file is sent, so it has no conditions.
    assert_eq!(ask(sync, "POST", headers).status(), 200);
}

/// A date does not count beside a list of tags, even one that is none; RFC 9110, 13.1.3.
#[rstest]
fn a_date_does_not_count_beside_tags(
    #[values(true, false)] sync: bool,
    #[values("\"a b\"", "\"other\"", "no tag")] tags: &str,
) {
    let response = ask(sync, "GET", &[("if-none-match", tags), ("if-modified-since", AFTER)]);
    assert_eq!(response.status(), 200);
}
