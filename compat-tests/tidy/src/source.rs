//! The Rust files of the repository.

use std::fs;
use std::path::{Path, PathBuf};

/// A Rust file with its text.
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl Source {
    /// The text before the unit tests at its end; nothing if all of it is tests.
    pub(crate) fn production(&self) -> &str {
        if self.path.ends_with("tests.rs") {
            return "";
        }
        self.text.split("#[cfg(test)]\nmod tests").next().unwrap()
    }

    /// The production text without comments.
    pub(crate) fn code(&self) -> String {
        let lines = self.production().lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// The repository's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The folders of the packages, as the workspace lists them.
pub(crate) fn packages() -> Vec<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let members = manifest.split("members = [").nth(1).unwrap().split(']').next().unwrap();
    members.split(',').map(|name| name.trim().trim_matches('"').to_owned()).filter(|name| !name.is_empty()).collect()
}

/// Every Rust file below a folder of the repository.
pub(crate) fn files(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    collect(&root().join(folder), &mut found);
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push(Source { path, text });
        }
    }
}

/// The production source of every package but this one, because this one names what it looks for.
pub(crate) fn all() -> Vec<Source> {
    packages().iter().filter(|name| !name.ends_with("tidy")).flat_map(|name| files(&format!("{name}/src"))).collect()
}

/// Every Rust file of the repository but this package's, tests and examples included.
pub(crate) fn every_source() -> Vec<Source> {
    let folders = ["src", "tests", "examples", "benches"];
    let mine = packages().into_iter().filter(|name| !name.ends_with("tidy"));
    mine.flat_map(|name| folders.map(|folder| files(&format!("{name}/{folder}")))).flatten().collect()
}
