//! Every text of the repository, and what is in a text.

use std::fs;
use std::path::{Path, PathBuf};

/// A text in Markdown.
pub(crate) struct Paper {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The text of a file, by its path in the repository.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A page of the book, by its path in `src`.
pub(crate) fn page(path: &str) -> String {
    read(&format!("ext-kit/book/src/{path}"))
}

/// All texts, each once: a page that is a link to a guide is left out.
pub(crate) fn all() -> Vec<Paper> {
    let mut found = Vec::new();
    collect(&root(), &mut found);
    found
}

fn collect(folder: &Path, found: &mut Vec<Paper>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, kind, name) = (entry.path(), entry.file_type().unwrap(), entry.file_name());
        if kind.is_dir() && name != "target" && name != ".git" {
            collect(&path, found);
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "md") {
            found.push(Paper { text: fs::read_to_string(&path).unwrap(), path });
        }
    }
}

/// The lines of a text that are outside its blocks of code.
pub(crate) fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// The blocks of Rust in a text, each with the first line's number.
pub(crate) fn blocks(text: &str) -> Vec<(usize, Vec<&str>)> {
    let (mut found, mut open) = (Vec::new(), None::<(usize, Vec<&str>)>);
    for (number, line) in text.lines().enumerate() {
        match open.take() {
            Some(block) if line.starts_with("```") => found.push(block),
            Some((begin, mut lines)) => {
                lines.push(line);
                open = Some((begin, lines));
            }
            None if line.starts_with("```") => open = Some((number + 1, vec![line])),
            None => {}
        }
    }
    found.retain(|(_, lines)| lines[0].starts_with("```rust"));
    found
}

/// The rows of the tables in a section: the part of `text` after the heading `heading`, to the next of its level.
pub(crate) fn rows(text: &str, heading: &str) -> Vec<Vec<String>> {
    let section = text.split(&format!("\n{heading}\n")).nth(1).unwrap_or_else(|| panic!("no section {heading:?}"));
    let end = section.find("\n## ").unwrap_or(section.len());
    let is_row = |line: &&str| line.starts_with('|') && !line.starts_with("|---");
    prose(&section[..end]).filter(is_row).map(cells).collect()
}

fn cells(row: &str) -> Vec<String> {
    let row = row.trim().trim_matches('|').replace("\\|", "\u{1}");
    row.split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect()
}

/// The words of a text that stand in backticks.
pub(crate) fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}
