//! Tests of the zoo: each wrong decorator is caught by the law that names its failure, because a suite that cannot
//! fail proves nothing.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use costrel_compat::{Host, Law, Verdict, laws, results_on, zoo};

/// The hosts, one of each kind; the others differ only in their number of threads, or have hyper alone.
const HOSTS: [Host; 3] = [Host::InProcess, Host::Server, Host::Axum];

/// The number of decorators that are tried at once: several, because some of them hang until the suite's timeout.
const AT_ONCE: usize = 6;

#[test]
fn every_wrong_decorator_is_caught_by_name() {
    let missed = Mutex::new(Vec::new());
    for_each(&zoo::all(), |wrong| {
        let law = [Law::named(wrong.breaks).unwrap()];
        let mut results = results_on(|| wrong.candidate.clone(), &law, &HOSTS);
        if !results.any(|result| matches!(result.verdict, Verdict::Failed(_))) {
            missed.lock().unwrap().push((wrong.candidate.name().to_owned(), wrong.breaks));
        }
    });
    let missed = missed.into_inner().unwrap();
    assert!(missed.is_empty(), "{missed:#?}");
}

/// Runs `check` on each of `all`, on several threads; if one check panics, this function panics.
fn for_each<T: Sync>(all: &[T], check: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    check(one);
                }
            });
        }
    });
}

/// Every law is broken by a wrong decorator, and the lists in the documentation are up to date.
#[test]
fn every_law_is_broken_by_a_decorator() {
    let broken: BTreeSet<_> = zoo::all().iter().map(|wrong| wrong.breaks).collect();
    let unbroken: Vec<_> = laws::ALL.iter().map(|law| law.name).filter(|law| !broken.contains(law)).collect();
    assert!(unbroken.is_empty(), "{unbroken:?}");
    assert!(broken.iter().all(|name| laws::ALL.iter().any(|law| law.name == *name)), "{broken:?}");
    assert!(zoo::all().len() >= 100, "{}", zoo::all().len());
    is_in_the_documentation("ZOO.md", &zoo::table());
    is_in_the_documentation("LAWS.md", &laws::list());
}

fn is_in_the_documentation(file: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("COSTREL_WRITE_LISTS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written == text, "{file} is not what the code says: write it anew with COSTREL_WRITE_LISTS=1");
}

/// If the check of a law found nothing, the test above would fail: that law would not catch its wrong decorator.
#[test]
fn a_law_without_its_check_is_noticed() {
    let caught = Mutex::new(Vec::new());
    for_each(laws::ALL, |law| {
        let wrong = zoo::all().into_iter().find(|wrong| wrong.breaks == law.name).unwrap();
        let hollowed: Vec<_> =
            laws::ALL.iter().map(|known| if known.name == law.name { known.hollow() } else { *known }).collect();
        let until = laws::ALL.iter().position(|known| known.name == law.name).unwrap();
        // The laws up to this one are enough, because the laws before it do not catch this decorator.
        let mut found = results_on(|| wrong.candidate.clone(), &hollowed[..=until], &HOSTS[..1]);
        if let Some(by) = found.find(|result| matches!(result.verdict, Verdict::Failed(_))) {
            caught.lock().unwrap().push(format!("{}, whose decorator is caught by {by:?}", law.name));
        }
    });
    let caught = caught.into_inner().unwrap();
    assert!(caught.is_empty(), "{caught:#?}");
}
