//! The page on publishing beside the manifests of the repository.

use crate::papers::{page, read};

#[test]
fn the_versions_of_a_published_extension_are_those_of_the_crates() {
    let (text, manifest) = (page("ext/publish.md"), read("Cargo.toml"));
    let value = |key: &str| {
        let line = manifest.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap();
        line.split('"').nth(1).unwrap().to_owned()
    };
    let (version, rust) = (value("version"), value("rust-version"));
    let series = version.rsplit_once('.').unwrap().0;
    for line in [
        format!("rust-version = \"{rust}\" "),
        format!("rust: [stable, \"{rust}\"]"),
        format!("costrel = {{ version = \"{series}\", default-features = false }}"),
        format!("costrel-compat = \"{series}\""),
        format!("edition = \"{}\"\n", value("edition")),
    ] {
        assert!(text.contains(&line), "ext/publish.md has no {line:?}");
    }
}

/// What the page asks of others, the samples do.
#[test]
fn the_template_includes_its_readme_and_keeps_the_suite_out_of_its_library() {
    let library = read("sample-extensions/template/src/lib.rs");
    assert!(library.contains("#[cfg(doctest)]\n#[doc = include_str!(\"../README.md\")]\nstruct Readme;"));
    let manifest = read("sample-extensions/template/Cargo.toml");
    let (needs, for_tests) = manifest.split_once("[dev-dependencies]").unwrap();
    assert!(!needs.contains("costrel-compat") && for_tests.contains("costrel-compat"));
}
