//! Measures the time to find a rule among few and among many, compared with matchit on the same paths.
#![allow(clippy::unwrap_used, reason = "a benchmark may stop with a panic")]
#![allow(clippy::print_stdout, reason = "its numbers go to the terminal")]
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    unused_imports,
    reason = "the router is compiled without the rest of its crate"
)]

#[path = "../src"]
mod source {
    pub(crate) mod error;
    pub(crate) mod routing;
}

use std::collections::BTreeSet;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use http::Method;
use source::{error, routing};

use routing::{Converters, Domains, Lookup, Place, Route, Rule};

/// The shapes of rules, each with its form for matchit and a path that it takes.
const SHAPES: [(&str, &str, &str); 5] = [
    ("/s{}/list", "/s{}/list", "/s{}/list"),
    ("/s{}/<int:id>", "/s{}/{id}", "/s{}/12345"),
    ("/s{}/<name>/posts/<int:post>", "/s{}/{name}/posts/{post}", "/s{}/ada/posts/7"),
    ("/s{}/files/<path:path>", "/s{}/files/{*path}", "/s{}/files/a/b/c.txt"),
    ("/s{}/<int:id>/edit", "/s{}/{id}/edit", "/s{}/12345/edit"),
];

fn main() {
    for sections in [2, 200] {
        let (ours, theirs, paths) = build(sections);
        let methods = Method::GET;
        let own = best(&paths, |path| match ours.find(&methods, Place { domain: None, path }) {
            Lookup::Route(route, values) => black_box((route.target.len(), values.len())).0,
            other => panic!("{path}: {other:?}"),
        });
        let matchit = best(&paths, |path| {
            let found = theirs.at(path).unwrap();
            // A view gets owned values, so these are made here too.
            let values: Vec<String> = found.params.iter().map(|(_, value)| value.to_owned()).collect();
            black_box((found.value.len(), values.len())).0
        });
        println!("{:5} rules: costrel {own:4.0} ns, matchit {matchit:4.0} ns: {:.2}", sections * 5, own / matchit);
    }
}

fn build(sections: usize) -> (Domains<String>, matchit::Router<String>, Vec<String>) {
    let (mut ours, mut theirs, mut paths) = (Domains::new(), matchit::Router::new(), Vec::new());
    for section in 0..sections {
        for (rule, pattern, path) in SHAPES {
            let with_number = |text: &str| text.replacen("{}", &section.to_string(), 1);
            let rule = Rule::parse(&with_number(rule), Vec::new(), &Converters::default()).unwrap();
            let methods = BTreeSet::from(["GET".to_owned()]);
            let target = Arc::new(rule.text().to_owned());
            ours.add(Route { rule: Arc::new(rule), methods, strict_slashes: true, target }).unwrap();
            theirs.insert(with_number(pattern), with_number(pattern)).unwrap();
            paths.push(with_number(path));
        }
    }
    (ours, theirs, paths)
}

/// The nanoseconds per look-up in the best of twenty rounds.
fn best(paths: &[String], find: impl Fn(&str) -> usize) -> f64 {
    let rounds = (0..20).map(|_| {
        let (began, mut times) = (Instant::now(), 0_u32);
        while times < 100_000 {
            for path in paths {
                black_box(find(black_box(path)));
                times += 1;
            }
        }
        began.elapsed().as_secs_f64() * 1e9 / f64::from(times)
    });
    rounds.fold(f64::INFINITY, f64::min)
}
