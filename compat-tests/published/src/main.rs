//! Tries published tower layers by the compatibility suite, and writes the table of `compat-tests/PUBLISHED.md`.
//!
//! `cargo run --manifest-path compat-tests/published/Cargo.toml`; with names of layers it tries these alone, in full.

mod layers;

use std::collections::BTreeMap;

use costrel_compat::{Report, Standing, run};

fn main() {
    let wanted: Vec<_> = std::env::args().skip(1).collect();
    let versions = versions();
    println!(
        "| layer | crate | level | held | broken | not applicable | laws that it breaks |\n|---|---|---|---|---|---|---|"
    );
    for (package, make) in layers::ALL {
        let name = make().name().to_owned();
        if !wanted.is_empty() && !wanted.contains(&name) {
            continue;
        }
        let report = run(make);
        let version = versions.get(package).map_or("?", String::as_str);
        println!("{}", row(&report, &format!("{package} {version}")));
        if !wanted.is_empty() {
            eprintln!("{report}");
        }
    }
}

fn row(report: &Report, package: &str) -> String {
    let laws = report.laws();
    let count = |standing| laws.iter().filter(|law| law.standing() == standing).count();
    let broken = laws.iter().filter(|law| law.standing() == Standing::Broken);
    let broken: Vec<_> =
        broken.map(|law| format!("`{}` ({} of {})", law.law.name, law.failed(), law.passed() + law.failed())).collect();
    let level = report.level().map_or("none", |level| level.name());
    let (held, not_applicable) = (count(Standing::Held), count(Standing::DoesNotApply));
    format!(
        "| {} | {package} | {level} | {held} | {} | {not_applicable} | {} |",
        report.candidate,
        broken.len(),
        broken.join(", ")
    )
}

/// The versions of the packages in the lock file.
fn versions() -> BTreeMap<&'static str, String> {
    let lines: Vec<_> = include_str!("../Cargo.lock").lines().collect();
    let value = |line: &'static str, key: &str| line.strip_prefix(key).map(|value| value.trim_matches([' ', '=', '"']));
    let named =
        lines.windows(2).filter_map(|pair| Some((value(pair[0], "name ")?, value(pair[1], "version ")?.to_owned())));
    named.collect()
}
