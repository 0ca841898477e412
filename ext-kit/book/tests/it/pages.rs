//! The pages of the book, their order and their blocks.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

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
    for path in every_page().into_iter().filter(|path| !path.starts_with("guide/")) {
        for (line, block) in blocks(&page(&path)) {
            let hidden = block.iter().filter(|line| line.starts_with("# ") || **line == "#").count();
            assert!(hidden <= 1, "{path}:{line} hides {hidden} lines");
        }
    }
}

/// The paths of the pages in `src`.
fn every_page() -> Vec<String> {
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
