//! What commands say of themselves, and the pages about them.

use std::collections::BTreeSet;
use std::{env, fs};

use costrel::App;

use crate::papers::{page, quoted, read, root, rows};

const MADE_HERE: &str = "<!-- Made by the test `the_page_of_commands_has_the_help`. -->\n";

#[test]
fn the_page_of_commands_has_the_help() {
    let text = page("commands.md");
    let (before, after) = text.split_once(MADE_HERE).unwrap();
    let after = after.split_once("\n```\n").unwrap().1;
    let shown: String = ["--help", "run --help", "routes --help", "trace --help"].map(shown).join("\n");
    let made = format!("{before}{MADE_HERE}```console\n{}\n```\n{after}", shown.trim_end());
    if env::var_os("COSTREL_WRITE_LISTS").is_some() {
        fs::write(root().join("ext-kit/book/src/commands.md"), &made).unwrap();
    }
    assert!(page("commands.md") == made, "commands.md has another help: write it anew with COSTREL_WRITE_LISTS=1");
}

/// A command as it is given, and what it prints.
fn shown(arguments: &str) -> String {
    format!("$ cargo run -- {arguments}\n{}", help_of(App::new("shop"), arguments))
}

fn help_of(app: App, arguments: &str) -> String {
    let printed = app.test_cli_runner().invoke(arguments.split(' ')).wait().unwrap().output;
    printed.lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

#[test]
fn the_page_on_installing_names_options_that_there_are() {
    let options = ["--help", "run --help"].map(|arguments| options_in(&help_of(App::new("shop"), arguments))).concat();
    let rows = rows(&page("start/install.md"), "## What you have now");
    let named: Vec<_> = rows.iter().flat_map(|row| options_in(&row.concat())).collect();
    assert!(named.len() >= 4, "{named:?}");
    assert!(named.iter().all(|option| options.contains(option)), "{named:?} are not all of {options:?}");
}

#[test]
fn the_readme_of_the_suite_has_the_options_of_its_command() {
    let mut app = App::new("shop");
    costrel_compat::add_command(&mut app, || Ok(App::new("shop")), &[]);
    let printed: BTreeSet<_> = options_in(&help_of(app, "compat --help")).into_iter().collect();
    let table = read("compat-tests/README.md");
    let written: BTreeSet<_> = table
        .lines()
        .filter(|line| line.starts_with("| `--"))
        .flat_map(|row| quoted(row.split('|').nth(1).unwrap()))
        .flat_map(options_in)
        .collect();
    assert_eq!(written, printed);
}

/// The options in a text, without `--help`.
fn options_in(text: &str) -> Vec<String> {
    let words = text.split(|end: char| !end.is_alphanumeric() && end != '-');
    let options = words.filter(|word| word.len() > 2 && word.starts_with("--") && *word != "--help");
    options.map(str::to_owned).collect()
}
