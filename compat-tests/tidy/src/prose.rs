//! Comments and papers: what they may cite, and words they do without.

use std::fs;
use std::path::Path;

use crate::source::{Source, every_source, files, root};

/// Words for an actor that does not exist; the client, the caller, the server or a task does.
const WITHOUT_AN_ACTOR: [&str; 4] = ["nobody", "somebody", "whoever", "anybody"];

/// How the first line of a doc comment does not begin, because a summary table shows it without its neighbours.
const WITHOUT_A_NOUN: [&str; 6] = ["The same", "It ", "Its ", "Those ", "Nobody", "Whoever"];

/// How the first line does not begin either in the crates whose reference people read most.
const WITHOUT_A_NOUN_IN_THE_REFERENCE: [&str; 3] = ["What ", "This ", "These "];

#[test]
fn comments_name_their_actors() {
    let mut found = Vec::new();
    for source in every_source() {
        for line in comments(&source) {
            let lower = line.to_lowercase();
            let words = || lower.split(|end: char| !end.is_alphanumeric());
            if WITHOUT_AN_ACTOR.iter().any(|word| words().any(|used| used == *word)) {
                found.push(format!("{}: {}", source.path.display(), line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn documentation_begins_with_its_noun() {
    let mut found = Vec::new();
    for source in every_source() {
        let mut is_first = true;
        for line in source.text.lines().map(str::trim) {
            let doc = line.strip_prefix("///").or(line.strip_prefix("//!"));
            if doc.is_some_and(|doc| is_first && !has_noun(&source.path, doc.trim_start())) {
                found.push(format!("{}: {line}", source.path.display()));
            }
            is_first = doc.is_none();
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

fn has_noun(path: &Path, doc: &str) -> bool {
    let begins_with = |starts: &[&str]| starts.iter().any(|start| doc.starts_with(start));
    let is_reference = ["core/src", "ext-kit/src"].iter().any(|folder| path.starts_with(root().join(folder)));
    !(begins_with(&WITHOUT_A_NOUN) || is_reference && begins_with(&WITHOUT_A_NOUN_IN_THE_REFERENCE))
}

#[test]
fn a_comment_cites_only_what_is_in_the_repository() {
    let mut found = Vec::new();
    for source in every_source() {
        found.extend(
            comments(&source).filter(|line| cites_a_row(line)).map(|line| format!("{}: {line}", source.path.display())),
        );
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// Whether a line names a numbered row or line of some list: `Line 66`, `rows 4 to 19`, `F-14`.
fn cites_a_row(line: &str) -> bool {
    let words: Vec<_> = line.split(|end: char| !(end.is_alphanumeric() || end == '-')).collect();
    let is_number = |word: &str| !word.is_empty() && word.chars().all(|digit| digit.is_ascii_digit());
    let is_row = |word: &&str| {
        word.split_once('-')
            .is_some_and(|(letter, number)| ["A", "E", "F", "Q", "S"].contains(&letter) && is_number(number))
    };
    words.iter().any(is_row)
        || words.windows(2).any(|pair| ["Line", "Lines", "Row", "Rows"].contains(&pair[0]) && is_number(pair[1]))
}

#[test]
fn the_tests_that_architecture_names_exist() {
    let paper = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let table = paper.split("## Invariants").nth(1).unwrap();
    let sources: Vec<_> = every_source().into_iter().chain(files("compat-tests/tidy/src")).collect();
    let named: Vec<_> =
        table.split('`').skip(1).step_by(2).filter(|name| name.contains("::") && !name.contains(' ')).collect();
    assert!(named.len() > 60, "{} tests", named.len());
    let missing: Vec<_> = named.iter().filter(|name| !sources.iter().any(|source| has_test(source, name))).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md names tests that do not exist: {missing:?}");
}

/// Whether a file has the test `a::b::test`: in the module `a/b`, which may have files of its own. `a::*` is any test in it.
fn has_test(source: &Source, name: &str) -> bool {
    let (module, test) = name.rsplit_once("::").unwrap();
    let path = format!("/{}/", source.path.with_extension("").display());
    let has = |name: &str| source.text.contains(&format!("fn {name}(")) || source.text.contains(&format!("fn {name}<"));
    let is_test = if test == "*" { source.text.contains("test]") } else { has(test) };
    is_test && path.contains(&format!("/{}/", module.replace("::", "/")))
}

#[test]
fn a_test_is_known_by_its_module_too() {
    let source = |path: &str, text: &str| Source { path: path.into(), text: text.to_owned() };
    let bridge = source("/core/tests/it/execution/bridge.rs", "#[test]\nfn it_holds() {}");
    assert!(has_test(&bridge, "execution::bridge::it_holds") && has_test(&bridge, "bridge::*"));
    assert!(!has_test(&bridge, "execution::crossing::it_holds") && !has_test(&bridge, "execution::bridge::it"));
    assert!(!has_test(&source("/core/src/bridge.rs", "fn it_holds() {}"), "bridge::*"));
}

/// A path in the text of ARCHITECTURE.md is the end of the path of a file.
#[test]
fn the_files_that_architecture_names_exist() {
    let paper = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let named = paper.split('`').skip(1).step_by(2).filter(|name| is_rust(name) && !name.contains([' ', '*', '{']));
    let all: Vec<_> =
        every_source().into_iter().chain(files("compat-tests/tidy/src")).map(|source| source.path).collect();
    let named: Vec<_> = named.collect();
    assert!(named.len() > 30, "{} files", named.len());
    let missing: Vec<_> = named.iter().filter(|name| !all.iter().any(|path| path.ends_with(name))).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md names files that do not exist: {missing:?}");
}

fn is_rust(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "rs")
}

fn comments(source: &Source) -> impl Iterator<Item = &str> {
    source.text.lines().filter(|line| line.trim_start().starts_with("//"))
}
