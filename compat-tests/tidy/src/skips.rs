//! What is skipped for want of a tool: said in one form, a failure where the tool is required, and required in CI.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::source::root;

/// The tools that CI does not bring.
const NOT_BROUGHT: [&str; 2] = ["browser", "mdbook"];

/// The files that may skip something.
fn files_that_skip() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in [".ci", "compat-tests", "sample-extensions", "core", "ext-kit"] {
        collect(&root().join(folder), &mut found);
    }
    found
}

fn collect(folder: &Path, found: &mut Vec<(String, String)>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && !["target", "tidy", "corpus"].contains(&name.as_str()) {
            collect(&path, found);
        } else if let Some(text) = fs::read_to_string(&path).ok().filter(|text| text.contains("SKIPPED: ")) {
            let is_program = name == "run" || path.extension().is_some_and(|kind| kind == "rs" || kind == "py");
            found.extend(is_program.then(|| (path.display().to_string(), text)));
        }
    }
}

#[test]
fn a_skip_fails_where_its_tool_is_required() {
    let files = files_that_skip();
    assert!(files.len() >= 6, "{} files skip something", files.len());
    let deaf: Vec<_> =
        files.iter().filter(|(_, text)| !text.contains("COSTREL_REQUIRES")).map(|(path, _)| path).collect();
    assert!(deaf.is_empty(), "these skip without a look at COSTREL_REQUIRES: {deaf:?}");
    // The harness keeps what a passing test prints.
    let unseen: Vec<_> =
        files.iter().filter(|(_, text)| text.contains("println!(\"SKIPPED")).map(|(path, _)| path).collect();
    assert!(unseen.is_empty(), "these skip where no reader sees it: {unseen:?}");
}

#[test]
fn continuous_integration_requires_what_it_brings() {
    let mut skipped = BTreeSet::from(["nginx".to_owned(), "haproxy".to_owned()]); // named by a variable in main.py
    for (_, text) in files_that_skip() {
        let names =
            text.split("SKIPPED: ").skip(1).filter_map(|rest| rest.split_once(" (")).map(|(name, _)| name.to_owned());
        skipped.extend(names.filter(|name| name.chars().all(char::is_alphanumeric)));
    }
    skipped.retain(|name| !NOT_BROUGHT.contains(&name.as_str()));
    let script = fs::read_to_string(root().join(".ci/run")).unwrap();
    let required = script.split("COSTREL_REQUIRES=").nth(1).unwrap().lines().next().unwrap();
    assert_eq!(required.split(',').map(str::to_owned).collect::<BTreeSet<_>>(), skipped);
}
