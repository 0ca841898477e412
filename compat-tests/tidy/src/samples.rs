//! Rules about the sample extensions, which users copy.

use std::fs;

use crate::source::root;

const SAMPLES: [&str; 8] = ["template", "limiter", "cache", "login", "cors", "csrf", "jwt", "compress"];

/// The files that each sample has, beside files with names of its own.
const FILES: [&str; 7] = [
    "README.md",
    "examples/demo.rs",
    "src/lib.rs",
    "src/extension.rs",
    "src/decorator.rs",
    "tests/behaviour.rs",
    "tests/compat.rs",
];

#[test]
fn the_samples_are_templates_of_one_shape() {
    for sample in SAMPLES {
        let folder = root().join("sample-extensions").join(sample);
        let text = |file: &str| {
            fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{sample}/{file}: {error}"))
        };
        for file in FILES {
            assert!(!text(file).is_empty(), "{sample}/{file} is empty");
        }
        assert!(text("src/extension.rs").contains("impl Extension for"), "{sample}/src/extension.rs sets nothing up");
        assert!(
            text("src/decorator.rs").contains("Decorator::new(view)"),
            "{sample}/src/decorator.rs decorates nothing"
        );
        let overview = fs::read_to_string(root().join("sample-extensions/README.md")).unwrap();
        assert!(
            overview.contains(&format!("[{sample}]({sample}/README.md)")),
            "sample-extensions/README.md leaves {sample} out"
        );
    }
}

#[test]
fn no_library_depends_on_the_suite() {
    let samples = fs::read_dir(root().join("sample-extensions")).unwrap().map(|folder| folder.unwrap().path());
    let libraries: Vec<_> = samples.chain(["core", "ext-kit"].map(|library| root().join(library))).collect();
    let manifests = libraries.iter().filter_map(|library| fs::read_to_string(library.join("Cargo.toml")).ok());
    let manifests: Vec<_> = manifests.collect();
    assert!(manifests.len() > SAMPLES.len() + 2, "{}", manifests.len());
    for manifest in manifests {
        let normal = manifest.split("[dev-dependencies]").next().unwrap();
        assert!(!normal.contains("costrel-compat"), "a library makes its users depend on the suite: {normal}");
    }
}
