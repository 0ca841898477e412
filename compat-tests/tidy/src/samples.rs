//! The sample extensions.

use crate::source::{files, root};

#[test]
fn the_samples_are_twins() {
    let list = |name: &str| {
        let folder = format!("sample-extensions/{name}");
        let mut paths: Vec<_> = files(&folder)
            .into_iter()
            .map(|source| source.path.strip_prefix(root().join(&folder)).unwrap().to_owned())
            .collect();
        paths.sort();
        paths
    };
    assert_eq!(list("login"), list("cache"));
    assert_eq!(list("cache"), list("limiter"));
}
