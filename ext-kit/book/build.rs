//! Makes the pages for rustdoc: links between pages lead to modules there, and pictures are part of the page.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=src");
    // The pages that are links to papers elsewhere.
    println!("cargo::rerun-if-changed=../guide");
    for paper in ["ARCHITECTURE.md", "CHANGELOG.md", "COMPATIBILITY.md", "CONTRIBUTING.md", "SECURITY.md"] {
        println!("cargo::rerun-if-changed=../../{paper}");
    }
    println!("cargo::rerun-if-changed=../../compat-tests/ZOO.md");
    println!("cargo::rerun-if-changed=../../sample-extensions");
    println!("cargo::rerun-if-changed=../../core/guide");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    make_folder(Path::new("src"), &out, Path::new(""))
}

fn make_folder(source: &Path, out: &Path, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(out.join(folder))?;
    for entry in fs::read_dir(source.join(folder))? {
        let path = folder.join(entry?.file_name());
        if source.join(&path).is_dir() {
            make_folder(source, out, &path)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            let text = fs::read_to_string(source.join(&path))?;
            fs::write(out.join(&path), for_rustdoc(&text, source, &path))?;
        }
    }
    Ok(())
}

/// Replaces the target of each link and picture outside of blocks of code.
fn for_rustdoc(text: &str, source: &Path, page: &Path) -> String {
    let (mut made, mut is_code) = (String::new(), false);
    for line in text.lines() {
        is_code ^= line.starts_with("```");
        let mut parts = line.split("](");
        made.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let (target, rest) = part.split_once(')').unwrap_or((part, ""));
            let target = if is_code { target.to_owned() } else { target_of(target, source, page) };
            made.extend(["](", &target, if part.contains(')') { ")" } else { "" }, rest]);
        }
        made.push('\n');
    }
    made
}

fn target_of(target: &str, source: &Path, page: &Path) -> String {
    let (file, anchor) = target.split_once('#').map_or((target, String::new()), |(file, at)| (file, format!("#{at}")));
    let path = joined(page.parent().unwrap_or(Path::new("")), file);
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("svg") => fs::read(source.join(&path)).map_or_else(|_| target.to_owned(), |svg| as_data(&svg)),
        Some("md") if source.join(&path).exists() && !file.is_empty() && !path.starts_with("..") => {
            format!(
                "{}{}/index.html{anchor}",
                "../".repeat(module_of(page).components().count()),
                module_of(&path).display()
            )
        }
        _ => target.to_owned(),
    }
}

/// The module of a page, as a path; none for the first page, which is the crate's.
fn module_of(page: &Path) -> PathBuf {
    match page.to_str() {
        Some("introduction.md") => return PathBuf::new(),
        Some("ext/use.md") => return "ext/using".into(), // `use` is no name in Rust
        _ => {}
    }
    let page = if page.ends_with("README.md") { page.parent().unwrap_or(page).into() } else { page.with_extension("") };
    page.to_string_lossy().replace('-', "_").to_lowercase().into()
}

fn joined(folder: &Path, file: &str) -> PathBuf {
    let mut path = folder.to_path_buf();
    for part in file.split('/') {
        match part {
            ".." if path.file_name().is_some_and(|name| name != "..") => drop(path.pop()),
            part => path.push(part),
        }
    }
    path
}

fn as_data(svg: &[u8]) -> String {
    let mut encoded = String::from("data:image/svg+xml,");
    for byte in svg {
        encoded.extend(['%', digit(byte >> 4), digit(byte & 15)]);
    }
    encoded
}

fn digit(half: u8) -> char {
    char::from_digit(half.into(), 16).unwrap_or('0').to_ascii_uppercase()
}
