//! The page of laws, which is made here.

use std::fmt::Write as _;
use std::fs;

use costrel_compat::{Law, laws, zoo};

use crate::papers::{page, read, root};

/// A family of laws, in the order of the page.
struct Family {
    title: &'static str,
    /// The name of its file.
    file: &'static str,
    /// A decorator of `RIGHT` that keeps the family's laws, and why its code does.
    right: (&'static str, &'static str),
}

/// The suite on correct decorators: what the page shows is tried there.
const RIGHT: &str = "compat-tests/tests/passing.rs";

const fn family(title: &'static str, file: &'static str, right: &'static str, why: &'static str) -> Family {
    Family { title, file, right: (right, why) }
}

const FAMILIES: [Family; 17] = [
    family(
        "Where code runs",
        "execution",
        "guarding",
        "The check is made where the view is called: it takes no worker and no thread.",
    ),
    family(
        "The context of a request",
        "context",
        "passing_async",
        "The view is called in the task of its request, where its context is.",
    ),
    family(
        "What the view answers",
        "answers",
        "following",
        "It hands on the whole outcome, and makes no response of its own.",
    ),
    family("Headers", "headers", "caching_nothing", "It adds to the response that it got."),
    family("Bodies", "bodies", "shouting", "It makes a new body, says so on its `Candidate`, and keeps the head."),
    family("Encodings", "encodings", "adding_headers", "It leaves body and `content-encoding` together as they are."),
    family("Errors", "errors", "audited", "`?` hands each error on, to the app's handlers."),
    family(
        "Refused requests",
        "refusal",
        "refusing_all",
        "A guard refuses before the view, and hooks see an error like others.",
    ),
    family(
        "Clients that try doors",
        "visitors",
        "against_forgery",
        "It decides by the request alone, for every client alike.",
    ),
    family(
        "What is only alike",
        "alike",
        "in_a_language",
        "It says in `Vary` which header of the request it has looked at.",
    ),
    family("Odd requests", "odd_requests", "checking", "It asks for one header, and refuses whatever has none."),
    family(
        "Views called again",
        "reuse",
        "trying_reads_twice",
        "It calls the view again where that changes nothing, and declares the attempts.",
    ),
    family(
        "Shared runs and limits",
        "sharing",
        "signed",
        "It waits for its own request, and for none of another client.",
    ),
    family(
        "Requests side by side",
        "side_by_side",
        "asking",
        "What it keeps is the function; all else belongs to one call.",
    ),
    family(
        "Streams and clients that leave",
        "endings",
        "passing_sync",
        "The response goes on as it is, with its body unread.",
    ),
    family(
        "What is noted on a view",
        "wiring",
        "undecorated",
        "A view that is handed on keeps its name and all marks.",
    ),
    family(
        "Layers of tower",
        "layers",
        "a_timeout",
        "A layer of tower-http asks whether the service beneath is ready.",
    ),
];

#[test]
fn the_page_of_laws_is_what_the_code_says() {
    let made = made();
    if std::env::var_os("COSTREL_WRITE_LISTS").is_some() {
        fs::write(root().join("ext-kit/book/src/ext/laws.md"), &made).unwrap();
    }
    assert!(
        page("ext/laws.md") == made,
        "ext/laws.md is not what the code says: write it anew with COSTREL_WRITE_LISTS=1"
    );
}

fn made() -> String {
    let mut text = "# The laws\n\nWhat every decorator must keep: for the view beneath it, the app around it and the client. A \
                    decorator reaches the level *core* if it keeps every core law, and *full* if it keeps all. Each \
                    family has code that keeps it, which the suite tries, and each law code that breaks it: one of the [zoo](../compat-tests/ZOO.md), which shows that the \
                    suite can fail.\n\n<!-- Made by the test `the_page_of_laws_is_what_the_code_says`. -->\n"
        .to_owned();
    let list = read("compat-tests/src/laws.rs");
    let mut written = 0;
    for Family { title, file, right: (name, why) } in FAMILIES {
        let code = right_code(name).unwrap_or_else(|| panic!("{RIGHT} has no {name}"));
        let _ = write!(text, "\n## {title}\n\nThis keeps them. {why}\n\n```rust,ignore\n{code}\n```\n");
        for law in laws::ALL.iter().filter(|law| list.contains(&format!(" {file}::{} ", law.name))) {
            text.push_str(&described(*law));
            written += 1;
        }
    }
    assert_eq!(written, laws::ALL.len(), "a family is missing in this file");
    text
}

fn described(law: Law) -> String {
    let Law { name, why, remedy, how, .. } = law;
    let mut text = format!(
        "\n### {}\n\n`{name}`, {}. {why}\n\n*Checked*: {how}\n\n*What to do*: {remedy}\n",
        name.replace('_', " "),
        law.level()
    );
    let animals = zoo::all().into_iter().filter(|wrong| wrong.breaks == name);
    let code = animals.filter_map(|wrong| source_of(wrong.candidate.name())).min_by_key(String::len);
    let code = code.unwrap_or_else(|| panic!("the zoo has no code that breaks {name}"));
    let _ = write!(text, "\nThis breaks it:\n\n```rust,ignore\n{code}\n```\n");
    text
}

/// The code of a decorator that the suite passes, or the line that tries it.
fn right_code(name: &str) -> Option<String> {
    let file = read(RIGHT);
    let is_tried = file.contains(&format!("({name})")) || file.contains(&format!("({name}("));
    let case = format!("#[case::{name}(|| ");
    match file.split(&case).nth(1) {
        Some(rest) => rest.split_once(")]\n").map(|(code, _)| code.to_owned()),
        None => function(&file, &format!("fn {name}")).filter(|_| is_tried),
    }
}

/// The code of a wrong decorator: a function, or a layer with what it implements.
fn source_of(name: &str) -> Option<String> {
    let folder = fs::read_dir(root().join("compat-tests/src/zoo")).unwrap();
    folder.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).find_map(|file| {
        let code = function(&file, &format!("pub(super) fn {name}")).or_else(|| layer(&file, name))?;
        Some(code.replace("pub(super) ", ""))
    })
}

fn function(file: &str, head: &str) -> Option<String> {
    let begin = ["(", "<"].iter().find_map(|next| file.find(&format!("{head}{next}")))?;
    let code = &file[begin..];
    Some(code[..code.find("\n}\n")? + 2].to_owned())
}

/// A struct and the `impl`s that follow it.
fn layer(file: &str, name: &str) -> Option<String> {
    let begin = file.find(&format!("pub(super) struct {name}<"))?;
    let code = &file[begin..];
    let mut end = code.find(";\n")? + 1;
    while code[end..].trim_start().starts_with("impl") {
        end += code[end..].find("\n}\n")? + 2;
    }
    Some(code[..end].to_owned())
}
