//! The pages of the book, their order and their blocks.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use costrel::{App, Response};

use crate::papers::{blocks, page, read, root};

#[test]
fn the_summary_lists_every_page_once() {
    let summary = page("SUMMARY.md");
    for path in every_page() {
        assert_eq!(summary.matches(&format!("]({path})")).count(), 1, "SUMMARY.md and {path}");
    }
}

#[test]
fn the_documentation_has_every_page_once() {
    let library = read("ext-kit/book/lib.rs");
    for path in every_page() {
        assert_eq!(library.matches(&format!("\"/{path}\"")).count(), 1, "lib.rs and {path}");
    }
}

#[test]
fn a_page_begins_with_the_title_of_the_summary() {
    let summary = page("SUMMARY.md");
    for path in every_page() {
        let title = summary.split(&format!("]({path})")).next().unwrap().rsplit('[').next().unwrap();
        assert_eq!(page(&path).lines().next(), Some(format!("# {title}").as_str()), "{path}");
    }
}

/// A reader copies what is seen, so that a page hides at most one line of a block.
#[test]
fn a_block_hides_at_most_one_line() {
    for path in every_page() {
        for (line, block) in blocks(&page(&path)) {
            let hidden = block.iter().filter(|line| line.starts_with("# ") || **line == "#").count();
            assert!(hidden <= 1, "{path}:{line} hides {hidden} lines");
        }
    }
}

/// A forge and a book colour a block by its language, and take one without for text.
#[test]
fn a_block_says_its_language() {
    for path in every_page() {
        let (text, mut is_code) = (page(&path), false);
        for (number, line) in text.lines().enumerate().filter(|(_, line)| line.starts_with("```")) {
            is_code ^= true;
            assert!(!is_code || line.len() > 3, "{path}:{} begins a block without a language", number + 1);
        }
    }
}

/// A picture is for those who see it, in the light and in the dark and on a telephone; its page says the rest.
#[test]
fn a_picture_fits_a_telephone_and_is_told_in_words() {
    let folder = root().join("ext-kit/book/src/img");
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let (name, svg) = (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap());
        let view = svg.split("viewBox=\"0 0 ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
        assert!(view.parse::<u32>().unwrap() <= 400, "{name} is {view} wide");
        assert!(svg.contains("<title"), "{name} has no title");
        assert!(
            svg.contains("prefers-color-scheme:dark") || svg.contains("prefers-color-scheme: dark"),
            "{name} is light alone"
        );
        let shown: Vec<_> =
            every_page().into_iter().filter(|path| page(path).contains(&format!("img/{name})"))).collect();
        assert_eq!(shown.len(), 1, "{name} is on {shown:?}");
        assert!(page(&shown[0]).contains("*In the picture*"), "{} does not tell {name}", shown[0]);
    }
}

/// The timeline in the book is one that `trace` made, of an app with the same functions: only times differ.
#[test]
fn the_timeline_is_one_that_trace_makes() {
    let mut app = App::new("showcase");
    app.config.threads = None;
    app.before_request(begin_transaction).before_request(load_user);
    app.after_request(add_headers).teardown_request(end_transaction);
    app.route("/live/hooks/sync/", report);
    let traced = app.test_client().get("/live/hooks/sync/").traced().wait().unwrap();
    let made = traced.trace().unwrap().to_svg();
    assert_eq!(form_of(&read("ext-kit/book/src/img/trace.svg")), form_of(&made));
}

fn begin_transaction() {}

fn load_user() {}

fn report() -> &'static str {
    "report"
}

fn add_headers(response: Response) -> Response {
    response
}

fn end_transaction() {}

/// The style and the texts of a timeline, without bars and numbers: what stays from run to run.
fn form_of(svg: &str) -> Vec<String> {
    let elements = svg
        .trim_end()
        .split('<')
        .filter(|element| !element.starts_with("rect class=\"w") && !element.starts_with("path"));
    let units = [" µs", " ms", " s"];
    let without_numbers = |element: &str| element.replace(|letter: char| letter.is_ascii_digit() || letter == '.', "");
    elements.map(|element| units.iter().fold(without_numbers(element), |text, unit| text.replace(unit, ""))).collect()
}

/// The paths of the pages in `src`.
pub(crate) fn every_page() -> Vec<String> {
    let mut found = BTreeSet::new();
    let source = root().join("ext-kit/book/src");
    collect(&source, &source, &mut found);
    found.remove("SUMMARY.md");
    found.into_iter().collect()
}

fn collect(source: &Path, folder: &Path, found: &mut BTreeSet<String>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(source, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.insert(path.strip_prefix(source).unwrap().to_str().unwrap().to_owned());
        }
    }
}
