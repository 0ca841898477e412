//! A suite that cannot fail proves nothing: each wrong decorator is caught, by the law that names its fault.

use costrel_compat::{Verdict, results, zoo};
use rstest::rstest;

#[rstest]
fn every_wrong_decorator_is_caught_by_name(
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)] number: usize,
) {
    let wrong = &zoo::all()[number];
    let first = results(&wrong.candidate).find(|result| matches!(result.verdict, Verdict::Failed(_)));
    assert_eq!(first.as_ref().map(|first| first.law.name), Some(wrong.breaks), "{first:?}");
}

#[test]
fn the_test_above_tries_the_whole_zoo() {
    assert_eq!(zoo::all().len(), 19);
}
