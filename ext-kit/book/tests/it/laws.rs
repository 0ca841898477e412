//! The page of laws, which is made here.

use std::fmt::Write as _;
use std::fs;

use costrel_compat::{Law, laws, zoo};

use crate::papers::{page, read, root};

/// The families of laws, in the order of the page, each with the name of its file.
const FAMILIES: [(&str, &str); 16] = [
    ("Where code runs", "execution"),
    ("The context of a request", "context"),
    ("What the view answers", "answers"),
    ("Headers", "headers"),
    ("Bodies", "bodies"),
    ("Encodings", "encodings"),
    ("Errors", "errors"),
    ("Refused requests", "refusal"),
    ("Clients that try doors", "visitors"),
    ("Odd requests", "odd_requests"),
    ("Views called again", "reuse"),
    ("Shared runs and limits", "sharing"),
    ("Requests side by side", "side_by_side"),
    ("Streams and clients that leave", "endings"),
    ("What is noted on a view", "wiring"),
    ("Layers of tower", "layers"),
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
                    law has code beside it that breaks it: one of the [zoo](../../../../compat-tests/ZOO.md), which shows that the \
                    suite can fail.\n\n<!-- Made by the test `the_page_of_laws_is_what_the_code_says`. -->\n"
        .to_owned();
    let list = read("compat-tests/src/laws.rs");
    let mut written = 0;
    for (title, family) in FAMILIES {
        let _ = write!(text, "\n## {title}\n");
        for law in laws::ALL.iter().filter(|law| list.contains(&format!(" {family}::{} ", law.name))) {
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
    if let Some(code) = code {
        let _ = write!(text, "\nThis breaks it:\n\n```rust,ignore\n{code}\n```\n");
    }
    text
}

/// The code of a wrong decorator, if it is a function of its own.
fn source_of(name: &str) -> Option<String> {
    let folder = fs::read_dir(root().join("compat-tests/src/zoo")).unwrap();
    folder.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).find_map(|file| {
        let begin = ["(", "<"].iter().find_map(|next| file.find(&format!("pub(super) fn {name}{next}")))?;
        let code = &file[begin..];
        let end = code.find("\n}\n")? + 2;
        Some(code[..end].replace("pub(super) fn", "fn"))
    })
}
