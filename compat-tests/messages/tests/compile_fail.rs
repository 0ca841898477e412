//! The compiler's messages for the commonest mistakes read like help. The README says how to write them anew.

#[test]
fn mistakes_are_explained() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
