//! The compiler's messages for the commonest mistakes read like help. After a change that is meant:
//! `TRYBUILD=overwrite cargo test -p costrel-ext-kit --test compile_fail`, and read what changed.

#[test]
fn mistakes_are_explained() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
