//! The functions that the prose of the book names are there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::papers::{Paper, all, prose, quoted, root};

/// Functions of Rust, of other crates, and of the apps in examples.
const OTHERS: [&str; 27] = [
    "add_filter",
    "add_global",
    "add_test",
    "body_mut",
    "dateformat",
    "db",
    "deduct_when",
    "exempt_when",
    "expired",
    "f",
    "from_safe_string",
    "from_secs",
    "getlist",
    "headers_mut",
    "int",
    "into",
    "is_revoked",
    "is_some",
    "serde",
    "starts_with",
    "status_mut",
    "then_some",
    "unwrap",
    "unwrap_or",
    "with_context",
    "any",
    "string",
];

#[test]
fn every_function_that_the_prose_names_is_there() {
    let known = functions();
    let papers = all();
    let pages = papers.iter().filter(|paper| {
        let path = paper.path.to_string_lossy();
        // The names of laws are no functions, and the page of laws is made by a test.
        path.contains("ext-kit") && !path.ends_with("laws.md")
            || path.ends_with("README.md") && paper.path.parent() == Some(&root())
    });
    let unknown: Vec<_> = pages
        .flat_map(|page| {
            names(page)
                .filter(|name| !known.contains(name))
                .map(|name| format!("{}: {name}", page.path.display()))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
}

/// What stands in front of a bracket in the quoted code of a page; the first cell of a row has the names of others.
fn names(page: &Paper) -> impl Iterator<Item = String> {
    let ours = prose(&page.text)
        .map(|line| line.strip_prefix('|').map_or(line, |row| row.split_once(" | ").map_or("", |(_, rest)| rest)));
    let code: Vec<_> = ours.flat_map(quoted).map(str::to_owned).collect();
    code.into_iter().flat_map(|code| called(&code)).filter(|name| !OTHERS.contains(&name.as_str()))
}

fn called(code: &str) -> Vec<String> {
    let parts = code.split('(').collect::<Vec<_>>();
    let in_front = parts[..parts.len() - 1].iter();
    let is_part = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    let names = in_front.map(|part| {
        let begin = part.trim_end_matches(is_part).len();
        // `HttpException(..)` is a type, whose name the other tests' programs use.
        if part[..begin].ends_with(|letter: char| letter.is_ascii_uppercase()) { "" } else { &part[begin..] }
    });
    names.filter(|name| name.starts_with(|letter: char| letter.is_ascii_lowercase())).map(str::to_owned).collect()
}

/// The names of the repository's functions and macros.
fn functions() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for folder in ["core", "ext-kit/src", "sample-extensions", "compat-tests/src"] {
        collect(&root().join(folder), &mut found);
    }
    found
}

fn collect(folder: &Path, found: &mut BTreeSet<String>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            for rest in text.split("fn ").skip(1).chain(text.split("macro_rules! ").skip(1)) {
                let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
                found.insert(rest.chars().take_while(|letter| is_part(*letter)).collect());
            }
        }
    }
}

#[test]
fn names_stand_in_front_of_brackets() {
    assert_eq!(called("app.route(\"/\", f(x)); Ok(()); <int(min=1):n>"), ["route", "f", "int"]);
    assert_eq!(called("`no call`"), [""; 0]);
}
