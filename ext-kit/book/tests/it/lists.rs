//! Lists and numbers of the pages beside those of the code.

use std::collections::{BTreeMap, BTreeSet};

use costrel::{App, Config};
use costrel_compat::{Host, Subject, laws, zoo};
use serde_json::Value;

use crate::papers::{page, prose, quoted, read, root, rows};

/// The topics of Flask's quickstart, in its order.
const QUICKSTART: [&str; 21] = [
    "A minimal application",
    "Debug mode",
    "HTML escaping",
    "Routing and variable rules",
    "Unique URLs",
    "URL building",
    "HTTP methods",
    "Static files",
    "Rendering templates",
    "Accessing request data",
    "File uploads",
    "Cookies",
    "Redirects and errors",
    "About responses",
    "APIs with JSON",
    "Sessions",
    "Message flashing",
    "Logging",
    "Middleware",
    "Extensions",
    "Deploying",
];

#[test]
fn every_name_of_flask_has_its_answer() {
    let text = page("start/from-flask.md");
    let names = read("ext-kit/book/tests/flask-names.txt");
    assert_eq!(names.lines().count(), 5);
    for line in names.lines() {
        let (place, names) = line.split_once(' ').unwrap();
        let names: BTreeSet<_> = names.split(' ').collect();
        let rows = rows(&text, &format!("## {place}"));
        let answered: Vec<_> = rows[1..].iter().flat_map(|row| quoted(&row[0])).collect();
        let missing: Vec<_> = names.iter().filter(|name| !answered.contains(name)).collect();
        let extra: Vec<_> = answered.iter().filter(|name| !names.contains(*name)).collect();
        assert!(missing.is_empty() && extra.is_empty(), "{place}: missing {missing:?}, extra {extra:?}");
        assert_eq!(answered.len(), names.len(), "{place} answers a name twice");
        assert!(rows.iter().all(|row| row.len() == 2 && !row[1].is_empty()), "{place}: {rows:?}");
    }
}

#[test]
fn the_tables_of_settings_have_every_default() {
    let Value::Object(defaults) = serde_json::to_value(Config::default()).unwrap() else { panic!("no mapping") };
    let rows = rows(&page("config.md"), "## All settings");
    let table: BTreeMap<_, _> =
        rows.iter().filter(|row| row[0] != "setting").map(|row| (row[0].trim_matches('`'), row[1].as_str())).collect();
    for (name, default) in &defaults {
        let written = table.get(name.as_str()).unwrap_or_else(|| panic!("config.md leaves {name} out"));
        let written = written.trim_matches('`');
        let written = if written == "none" { Value::Null } else { serde_json::from_str(written).unwrap() };
        // The environment sets the mode in which a test runs.
        if name != "THREADS" {
            assert!(is_same(&written, default), "{name}: config.md has {written}, the code {default}");
        }
    }
    assert_eq!(table.len(), defaults.len(), "config.md has settings that the code has not");
}

/// Whether two values are the same, where `5` is `5.0`.
fn is_same(one: &Value, other: &Value) -> bool {
    one == other || one.is_number() && one.as_f64() == other.as_f64()
}

#[test]
fn the_table_of_converters_is_the_codes() {
    let mut app = App::new("converters");
    app.route("/<nothing:x>", async |_: String| "");
    let message = app.build().unwrap_err().message().to_owned();
    let list = message.split(": use ").nth(1).unwrap().split(", or add").next().unwrap().replace(" or ", ", ");
    let known: BTreeSet<_> = list.split(", ").collect();

    let text = page("start/quickstart.md");
    let rows = rows(&text, "## Routing and variable rules");
    let written: BTreeSet<_> = rows[1..].iter().filter_map(|row| quoted(&row[0]).next()).collect();
    assert_eq!(written, known);
    let options = options_of_converters();
    for row in rows[1..].iter().filter(|row| !row[0].contains("`any`")) {
        let converter = quoted(&row[0]).next().unwrap();
        let written: BTreeSet<_> = quoted(&row[3]).map(|option| option.split('=').next().unwrap().to_owned()).collect();
        let taken: BTreeSet<_> = options.iter().filter(|option| takes(converter, option)).cloned().collect();
        assert_eq!(written, taken, "{converter}");
    }
}

/// Every option that the source of the converters asks for.
fn options_of_converters() -> BTreeSet<String> {
    let source = read("core/src/routing/converter.rs");
    let asked = ["arguments.flag(\"", "arguments.number(\""]
        .map(|call| source.split(call).skip(1).collect::<Vec<_>>())
        .concat();
    let options: BTreeSet<_> = asked.iter().filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect();
    assert!(options.len() >= 7, "{options:?}");
    options
}

fn takes(converter: &str, option: &str) -> bool {
    ["True", "1"].iter().any(|value| {
        let mut app = App::new("converters");
        app.rule(&format!("/<{converter}({option}={value}):x>")).endpoint("x").build_only();
        app.build().is_ok()
    })
}

#[test]
fn the_costs_are_those_of_the_limits() {
    let limits = read("compat-tests/benchmarks/benches/instructions/limits.txt");
    let limits: BTreeMap<_, _> = limits.lines().filter_map(|line| line.split_once(' ')).collect();
    let rows = rows(&page("start/sync-and-async.md"), "## What a crossing costs");
    let written: Vec<_> = rows[1..].iter().map(|row| row[1].replace(',', "")).collect();
    let wanted = ["async", "async-3-async-layers", "async-3-sync-layers", "sync", "sync-3-async-layers"];
    let wanted: Vec<_> = wanted.iter().chain(&["sync-3-sync-layers", "sync-4-hooks"]).map(|row| limits[row]).collect();
    assert_eq!(written, wanted);
}

/// A measurement repeats within 4 %, and the limit is a little above it.
#[test]
fn the_page_on_speed_has_the_instructions_that_the_limit_allows() {
    let limits = read("compat-tests/benchmarks/benches/instructions/limits.txt");
    let limit: f64 = limits.lines().find_map(|line| line.strip_prefix("async ")).unwrap().parse().unwrap();
    let text = page("performance.md");
    let said = text.split("An async hello costs ").nth(1).unwrap().split(' ').next().unwrap();
    let instructions: f64 = said.replace(',', "").parse().unwrap();
    assert!((limit * 0.96..=limit).contains(&instructions), "{instructions} instructions, the limit is {limit}");
    assert_eq!(rows(&text, "## What falls short")[1][2], said);
}

#[test]
fn the_benches_of_the_papers_are_those_there_are() {
    let manifest = read("compat-tests/benchmarks/Cargo.toml");
    let benches: BTreeSet<_> =
        manifest.split("[[bench]]\nname = \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let readme = rows(&format!("\n{}", read("compat-tests/benchmarks/README.md")), "# Benchmarks");
    assert_eq!(readme[1..].iter().filter_map(|row| quoted(&row[0]).next()).collect::<BTreeSet<_>>(), benches);

    let text = page("performance.md");
    let rows = ["## Extensions", "## What falls short"].map(|title| rows(&text, title)).concat();
    let named: BTreeSet<_> =
        rows.iter().filter_map(|row| row.last()).flat_map(|bench| quoted(bench)).map(str::to_owned).collect();
    assert!(named.len() >= 5, "{named:?}");
    assert!(named.iter().all(|name| benches.contains(&**name)), "{named:?} are not all of {benches:?}");
}

#[test]
fn the_papers_count_as_the_code_does() {
    let (subjects, hosts) = (Subject::ALL.len(), Host::ALL.len());
    says("README.md", &format!("{} kinds of views", word(subjects)));
    says("README.md", &format!("{} hosts", word(hosts)));
    let samples = word(samples());
    says("README.md", &format!("{}{} [samples]", samples[..1].to_uppercase(), &samples[1..]));
    says(
        "sample-extensions/README.md",
        &format!("{}{} extensions to copy", samples[..1].to_uppercase(), &samples[1..]),
    );
    says("compat-tests/README.md", &format!("{} kinds of views", word(subjects)));
    says("compat-tests/README.md", &format!("{} hosts", word(hosts)));
    says("ext-kit/book/src/ext/suite.md", &format!("{subjects} kinds of views, served by {hosts} hosts"));

    let requests: usize = ["requests.json", "flaskr.json"].map(requests_in).iter().sum();
    says("README.md", &format!("{requests} requests"));
    says("ARCHITECTURE.md", &format!("{requests} requests"));
    let flaskr = requests_in("flaskr.json");
    says("ext-kit/book/src/start/moving.md", &format!("{flaskr} requests"));
    says("sample-extensions/examples/flaskr/README.md", &format!("{flaskr} requests"));
}

/// The number of folders with an extension: all but the stores, and the apps.
fn samples() -> usize {
    let folders = std::fs::read_dir(root().join("sample-extensions")).unwrap().map(|folder| folder.unwrap().path());
    folders.filter(|folder| folder.join("Cargo.toml").exists() && !folder.ends_with("stores")).count()
}

/// What the changelog and the papers say of the suites for extensions and stores.
#[test]
fn the_papers_count_laws_and_wrong_decorators() {
    let (laws, wrong) = (laws::ALL.len(), zoo::all().len());
    says(
        "CHANGELOG.md",
        &format!("{laws} laws, {} subjects, {} hosts", word(Subject::ALL.len()), word(Host::ALL.len())),
    );
    says("CHANGELOG.md", &format!("a zoo of {wrong} wrong decorators"));
    says("CHANGELOG.md", &format!("{} requests to Flaskr", requests_in("flaskr.json")));
    says(
        "CHANGELOG.md",
        &format!("against real Flask, {} requests", requests_in("requests.json") + requests_in("flaskr.json")),
    );
    let stores = laws_of_stores();
    says("CHANGELOG.md", &format!("tries {stores} laws on a store"));
    says("ARCHITECTURE.md", &format!("`store_suite!`: {stores} laws"));
    let each = number_after("core/tests/schedules/main.rs", "const SCHEDULES: usize = ");
    says("ARCHITECTURE.md", &format!("{} schedules of each case", with_comma(2 * each)));
}

/// A law is a line of a list: its name, and why it matters.
fn laws_of_stores() -> usize {
    let source = read("sample-extensions/stores/src/suite.rs");
    let lists = source.split("macro_rules! each_law_of_").skip(1).filter_map(|list| list.split("\n}\n").next());
    lists.flat_map(str::lines).filter(|line| line.starts_with("        ") && line.ends_with("\",")).count()
}

fn number_after(path: &str, text: &str) -> usize {
    let source = read(path);
    let rest = source.split(text).nth(1).unwrap_or_else(|| panic!("{path} has no {text:?}"));
    rest.split(';').next().unwrap().replace('_', "").parse().unwrap()
}

fn with_comma(number: usize) -> String {
    format!("{},{:03}", number / 1_000, number % 1_000)
}

#[test]
fn the_laws_that_architecture_names_are_there() {
    let paper = read("ARCHITECTURE.md");
    let named: Vec<_> = paper.split("law `").skip(1).filter_map(|rest| rest.split('`').next()).collect();
    assert!(named.len() >= 5, "{named:?}");
    let unknown: Vec<_> = named.iter().filter(|name| !laws::ALL.iter().any(|law| law.name == **name)).collect();
    assert!(unknown.is_empty(), "ARCHITECTURE.md names laws that do not exist: {unknown:?}");
}

/// What CI's other steps try, counted where it is written.
#[test]
fn the_readme_counts_the_suites_of_ci() {
    let frames = read("core/tests/it/server/http2_frames.rs");
    says(
        "README.md",
        &format!("{} floods of HTTP/2 frames", frames.matches("#[case::").count() + frames.matches("#[test]").count()),
    );
    let listed = |file: &str| {
        let text = read(&format!("compat-tests/clients/{file}.py"));
        let list = text.split("\nALL = [").nth(1).unwrap().split(']').next().unwrap();
        list.split(',').filter(|name| !name.trim().is_empty()).count()
    };
    says("README.md", &format!("{} questions by {} clients", listed("checks"), listed("clients")));
    let targets = read("compat-tests/fuzz/tests/targets.rs").matches("#[test]").count();
    says("README.md", &format!("{targets} targets of a fuzzer"));
    // Only the suite itself knows its cases; CI leaves out those that its README leaves out.
    let cases = read("compat-tests/autobahn/README.md");
    let cases = cases.split("CI sends ").nth(1).unwrap().split(' ').next().unwrap();
    says("README.md", &format!("{cases} of Autobahn's cases"));
    let script = read(".ci/run");
    for step in
        ["clients/run", "autobahn/run -x \"9.*\" -x \"12.*\" -x \"13.*\"", "autobahn/run -i \"12.*.4\" -i \"13.*.4\""]
    {
        assert!(script.contains(&format!("step compat-tests/{step}")), "CI does not run {step}");
    }
}

#[test]
fn the_quickstart_has_flasks_topics_in_flasks_order() {
    let text = page("start/quickstart.md");
    let titles: Vec<_> = prose(&text)
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with("##")))
        .collect();
    assert_eq!(titles, QUICKSTART);
}

/// The number of requests in a file of the comparison with Flask.
fn requests_in(file: &str) -> usize {
    let groups: Value = serde_json::from_str(&read(&format!("compat-tests/flask-diff/flask/{file}"))).unwrap();
    groups.as_array().unwrap().iter().map(|group| group["steps"].as_array().map_or(1, Vec::len)).sum()
}

/// The README ends in the first example, which CI runs, and is short.
#[test]
fn the_readme_ends_in_a_running_program() {
    let (readme, example) = (read("README.md"), read("core/examples/hello.rs"));
    let program = example.split_once("\n\n").unwrap().1.trim();
    assert!(
        readme.contains(&format!("```rust,no_run\n{program}\n```")),
        "the README's program is not examples/hello.rs"
    );
    assert!(readme.lines().count() <= 120, "{} lines", readme.lines().count());
}

#[test]
fn the_readme_has_the_speed_of_the_table() {
    let table = rows(&format!("\n## Table\n{}", page("performance.md")), "## Table");
    let (heads, async_hello) = (&table[0], &table[1]);
    let of = |name: &str| &*async_hello[heads.iter().position(|head| head.starts_with(name)).unwrap()];
    let said = format!(
        "{} thousand requests a second, axum {}, raw hyper {}, Flask {}:",
        of("Costrel"),
        of("axum"),
        of("raw hyper"),
        of("Flask")
    );
    says("README.md", &said);
}

fn says(path: &str, text: &str) {
    let lines = read(path).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(lines.contains(text), "{path} does not say {text:?}");
}

fn word(number: usize) -> String {
    let words = ["seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen"];
    number.checked_sub(7).and_then(|at| words.get(at)).map_or(number.to_string(), ToString::to_string)
}

#[test]
fn the_map_lists_the_modules_of_the_suite() {
    let library = read("compat-tests/src/lib.rs");
    let modules: BTreeSet<_> = library
        .lines()
        .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.split_once(';'))
        .map(|(module, _)| module)
        .collect();
    let map = read("ARCHITECTURE.md");
    let map = map.split("- `compat-tests/src`: the suite.").nth(1).unwrap().split("\n- ").next().unwrap();
    assert_eq!(quoted(map).filter(|name| *name != "compat").collect::<BTreeSet<_>>(), modules);
}

#[test]
fn the_map_lists_the_rooms_of_the_core() {
    let library = read("core/src/lib.rs");
    let rooms = library.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod "));
    let rooms: BTreeSet<_> = rooms.filter_map(|line| line.split_once(';')).map(|(room, _)| room).collect();
    let map = rows(&read("ARCHITECTURE.md"), "## The map");
    let mut listed: BTreeSet<_> = map[1..].iter().flat_map(|row| quoted(&row[0])).collect();
    listed.insert("guide"); // text alone
    assert_eq!(listed, rooms);
}
