//! The tutorial's code beside that of Flaskr, which its own tests try.

use std::collections::BTreeMap;

use crate::papers::{page, quoted, read};

const FLASKR: &str = "sample-extensions/examples/flaskr";

/// The files of Flaskr that a reader writes.
const FILES: [&str; 21] = [
    "src/auth.rs",
    "src/blog.rs",
    "src/db.rs",
    "src/files.rs",
    "src/lib.rs",
    "src/main.rs",
    "src/schema.sql",
    "static/style.css",
    "templates/auth/login.html",
    "templates/auth/register.html",
    "templates/base.html",
    "templates/blog/create.html",
    "templates/blog/index.html",
    "templates/blog/update.html",
    "tests/it/auth.rs",
    "tests/it/blog.rs",
    "tests/it/data.sql",
    "tests/it/db.rs",
    "tests/it/factory.rs",
    "tests/it/main.rs",
    "tests/it/support.rs",
];

const PARTS: [&str; 8] = ["factory", "database", "users", "templates", "blog", "tests", "deploy", "extensions"];

/// A block of the tutorial, with the line in front of it.
struct Block {
    introduction: String,
    lines: Vec<String>,
}

impl Block {
    /// The file that the block is from, unless it is a program of its own or a command.
    fn file(&self) -> Option<&str> {
        let first = quoted(&self.introduction).next()?;
        (self.lines[0] != "```rust" && first.contains('.')).then_some(first)
    }

    fn code(&self) -> impl Iterator<Item = &String> {
        self.lines[1..].iter().filter(|line| !line.trim().is_empty())
    }

    /// Whether the block is lines to add to a file that is shown as a whole elsewhere.
    fn is_addition(&self) -> bool {
        self.introduction.starts_with("In `")
    }
}

#[test]
fn the_tutorial_is_flaskr_file_by_file() {
    let mut written: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for block in blocks().iter().filter(|block| !block.is_addition()) {
        if let Some(file) = block.file().filter(|file| *file != "Cargo.toml") {
            written.entry(file.to_owned()).or_default().extend(block.code().cloned());
        }
    }
    for file in FILES {
        let lines = written.remove(file).unwrap_or_else(|| panic!("the tutorial has no {file}"));
        for (line, wanted) in lines.iter().zip(flaskr(file)) {
            assert_eq!(*line, wanted, "{file}");
        }
        assert_eq!(lines.len(), flaskr(file).len(), "{file} ends elsewhere");
    }
    assert!(written.is_empty(), "Flaskr has not: {written:#?}");
}

#[test]
fn lines_to_add_are_in_the_file() {
    let blocks = blocks();
    let additions: Vec<_> = blocks.iter().filter(|block| block.is_addition() && block.file().is_some()).collect();
    assert_eq!(additions.len(), 6);
    for block in additions {
        let file = flaskr(block.file().unwrap());
        let missing: Vec<_> = block.code().filter(|line| !file.contains(line)).collect();
        assert!(missing.is_empty(), "{}: {missing:?}", block.introduction);
    }
}

#[test]
fn the_tutorial_has_the_dependencies_of_flaskr() {
    let blocks = blocks();
    let written = blocks.iter().find(|block| block.file() == Some("Cargo.toml")).unwrap();
    assert_eq!(
        dependencies(written.code().map(String::as_str)),
        dependencies(read(&format!("{FLASKR}/Cargo.toml")).lines())
    );
    let workspace = read("Cargo.toml");
    for line in written.code().filter(|line| !line.contains("path = ") && !line.starts_with('[')) {
        assert!(workspace.contains(&version(line)), "the workspace has another version than {line}");
    }
}

/// The names of the dependencies in a manifest.
fn dependencies<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let lines = lines.skip_while(|line| *line != "[dependencies]").take_while(|line| *line != "[lints]");
    lines.filter_map(|line| line.split([' ', '.']).next().filter(|name| !name.is_empty())).collect()
}

/// A dependency's line up to its version: `rstest = "0.28"` as `rstest = { version = "0.28"`.
fn version(line: &str) -> String {
    let (name, version) = line.split_once(" = ").unwrap();
    let version = version.trim_start_matches("{ version = ").split('"').nth(1).unwrap();
    let plain = format!("{name} = \"{version}\"");
    if read("Cargo.toml").contains(&plain) { plain } else { format!("{name} = {{ version = \"{version}\"") }
}

/// The lines of one of Flaskr's files, under the names that a reader uses.
fn flaskr(file: &str) -> Vec<String> {
    let text = read(&format!("{FLASKR}/{file}")).replace("cargo run -p costrel-flaskr", "cargo run");
    let text = text.replace("costrel_flaskr", "flaskr").replace("#![doc = include_str!(\"../README.md\")]\n", "");
    text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

fn blocks() -> Vec<Block> {
    PARTS.iter().flat_map(|part| blocks_of(&page(&format!("tutorial/{part}.md")))).collect()
}

fn blocks_of(text: &str) -> Vec<Block> {
    let (mut found, mut introduction, mut open) = (Vec::new(), String::new(), None::<Block>);
    for line in text.lines() {
        match open.take() {
            Some(block) if line == "```" => found.push(block),
            Some(mut block) => {
                block.lines.push(line.to_owned());
                open = Some(block);
            }
            None if line.starts_with("```") => {
                open = Some(Block { introduction: introduction.clone(), lines: vec![line.to_owned()] });
            }
            None if !line.is_empty() => line.clone_into(&mut introduction),
            None => {}
        }
    }
    found
}
