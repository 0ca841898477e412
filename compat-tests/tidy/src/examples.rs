//! The examples in doc comments and on pages: a reader copies what is seen.

use std::fs;
use std::path::{Path, PathBuf};

use crate::source::{every_source, root};

#[test]
fn an_example_shows_its_imports() {
    let texts = every_source().into_iter().map(|source| (source.path, source.text)).chain(pages());
    let hidden: Vec<_> = texts.flat_map(|(path, text)| hidden_imports(&path, &text)).collect();
    assert!(hidden.is_empty(), "show the imports of these examples: {hidden:#?}");
}

#[test]
fn a_hidden_import_is_found_in_comments_and_on_pages() {
    let found = |text: &str| hidden_imports(Path::new("x"), text);
    assert_eq!(found("/// ```\n/// # use costrel::App;\n/// ```"), ["x:2: # use costrel::App;"]);
    assert_eq!(found("        //! #     pub use a::{"), ["x:1: #     pub use a::{"]);
    assert_eq!(found("```rust\n# fn main() {\n#use a;\n# }\n```"), ["x:3: #use a;"]);
    assert!(found("/// use costrel::App;\n# Use extensions\n// # use a::b;\n#[cfg(test)]\nuse a::b;").is_empty());
}

/// The lines that an example does not show and that import something.
fn hidden_imports(path: &Path, text: &str) -> Vec<String> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, example_line(line)));
    lines
        .filter(|(_, line)| imports_unseen(line))
        .map(|(at, line)| format!("{}:{at}: {line}", path.display()))
        .collect()
}

/// The line as an example has it, without what makes it a doc comment.
fn example_line(line: &str) -> &str {
    let line = line.trim();
    line.strip_prefix("///").or(line.strip_prefix("//!")).unwrap_or(line).trim()
}

fn imports_unseen(line: &str) -> bool {
    let Some(hidden) = line.strip_prefix('#').map(str::trim_start) else { return false };
    let hidden = hidden.strip_prefix("pub ").unwrap_or(hidden);
    hidden.starts_with("use ") && (hidden.ends_with(';') || hidden.contains("::"))
}

/// The pages of the whole repository, with their texts.
fn pages() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    collect(&root(), &mut found);
    assert!(found.len() > 50, "{} pages", found.len());
    found
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push((path.clone(), fs::read_to_string(&path).unwrap()));
        }
    }
}
