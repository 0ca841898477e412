//! The page of messages beside the sources they are in.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::papers::{page, root};

/// Texts in files of messages that no author of an app needs the page for.
const LEFT_OUT: [&str; 8] = [
    "cannot write to the terminal",  // the system's message follows
    "Exception in a subscriber of",  // the error follows
    "Exception in a destructor",     // the panic follows
    "for a request that is no good", // the client's fault
    "take the builder",              // of an `expect`
    "The arguments of the command.", // of a help text
    "name is filter",                // a question to the template engine
    "name is test",                  // the same
];

/// Files whose messages are on the page, beside all that make set-up errors.
const FILES: [&str; 12] = [
    "core/src/context/after_this_request.rs",
    "core/src/execution/fault.rs",
    "core/src/execution/long_work.rs",
    "core/src/helpers/template_names.rs",
    "core/src/helpers/templates.rs",
    "core/src/helpers/url_for.rs",
    "core/src/lifecycle/startup.rs",
    "core/src/routing/converter.rs",
    "core/src/view/phase.rs",
    "core/src/websocket/handshake.rs",
    "core/src/http_types/cookies.rs",
    "core/src/view/into_view.rs",
];

#[test]
fn every_message_of_the_sources_is_on_the_page() {
    let text = page_text();
    let mut missing = BTreeSet::new();
    for (file, source) in sources() {
        let has_messages = FILES.contains(&&*file) || makes_set_up_errors(&source);
        let texts = if has_messages { literals(&source) } else { compiler_messages(&source) };
        let texts = texts.into_iter().filter(|text| is_message(text));
        missing.extend(
            texts
                .filter(|message| !pieces(message).all(|piece| text.contains(&piece)))
                .map(|text| format!("{file}: {text}")),
        );
    }
    assert!(missing.is_empty(), "messages.md leaves out {}: {missing:#?}", missing.len());
}

#[test]
fn every_message_on_the_page_is_in_the_sources() {
    let sources: String = sources_in(&["core/src", "ext-kit/src", "sample-extensions"])
        .iter()
        .flat_map(|(_, source)| literals(source))
        .map(|text| text + "\n")
        .collect();
    let written = messages(&page("messages.md"));
    assert!(written.len() > 80, "{}", written.len());
    let own = "type annotations needed"; // Rust's
    let unknown: Vec<_> =
        written.iter().filter(|text| *text != own && !pieces(text).all(|piece| sources.contains(&piece))).collect();
    assert!(unknown.is_empty(), "not said anywhere: {unknown:#?}");
}

/// The first lines that the compiler prints for the commonest mistakes are on the page.
#[test]
fn every_mistake_of_the_compiler_is_on_the_page() {
    let text = page_text();
    for file in fs::read_dir(root().join("compat-tests/messages/tests/ui")).unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_some_and(|extension| extension == "stderr") {
            let message = fs::read_to_string(&file).unwrap();
            let first = message
                .lines()
                .next()
                .unwrap()
                .rsplit("` is not a")
                .next()
                .unwrap()
                .split(" from")
                .next()
                .unwrap()
                .to_owned();
            assert!(text.contains(&format!("` is not a{first}")), "{first}");
        }
    }
}

fn makes_set_up_errors(source: &str) -> bool {
    ["setup_without_line(", "Error::setup(", "ErrorKind::Setup,"].iter().any(|call| source.contains(call))
}

/// The samples' messages are on the page too: what is written right where a set-up error is made.
#[test]
fn every_set_up_error_of_the_samples_is_on_the_page() {
    let text = page_text();
    let made: Vec<_> = sources_in(&["sample-extensions"])
        .into_iter()
        .filter(|(file, _)| file.contains("/src/") && !file.contains("/examples/") && !file.ends_with("suite.rs"))
        .flat_map(|(file, source)| set_up_errors(&source).into_iter().map(move |message| (file.clone(), message)))
        .collect();
    assert!(made.len() > 20, "{}", made.len());
    let missing: Vec<_> =
        made.iter().filter(|(_, message)| !pieces(message).all(|piece| text.contains(&piece))).collect();
    assert!(missing.is_empty(), "messages.md leaves out {}: {missing:#?}", missing.len());
}

fn set_up_errors(source: &str) -> Vec<String> {
    let calls = source.split("Error::setup(").skip(1).chain(source.split("ErrorKind::Setup,").skip(1));
    let arguments = calls.map(|rest| rest.trim_start().trim_start_matches("format!(").trim_start());
    arguments.filter_map(|rest| rest.strip_prefix('"')).map(|rest| with_gaps(&rest[..end_of(rest)])).collect()
}

/// The page in one line, as its reader sees it.
fn page_text() -> String {
    seen(&page("messages.md"))
}

fn seen(text: &str) -> String {
    let text = text.replace("<http", "http").replace(".com>", ".com").replace(":3000>", ":3000");
    text.replace('\\', "").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The messages on the page: what is bold.
fn messages(text: &str) -> Vec<String> {
    let items = text.split("\n- ").skip(1).map(|item| item.split("\n\n").next().unwrap());
    items.flat_map(|item| item.split("**").skip(1).step_by(2)).map(seen).collect()
}

/// The parts of a message that are the same each time; a part of one word shows nothing.
fn pieces(message: &str) -> impl Iterator<Item = String> {
    let parts: Vec<_> =
        message.split('…').flat_map(|part| part.split(": ")).flat_map(|part| part.split(". ")).collect();
    let trimmed = parts.into_iter().map(|part| part.trim_matches(|letter: char| !letter.is_alphanumeric()).to_owned());
    trimmed.filter(|part| part.contains(' ')).collect::<Vec<_>>().into_iter()
}

/// Whether a text is a sentence, and one for the author of an app.
fn is_message(text: &str) -> bool {
    let words = text.split(' ').filter(|word| word.len() > 1 && word.chars().all(|letter| letter.is_ascii_lowercase()));
    words.count() >= 3 && !LEFT_OUT.iter().any(|known| text.contains(known))
}

/// The production code of the two crates, without comments.
fn sources() -> Vec<(String, String)> {
    sources_in(&["core/src", "ext-kit/src"])
}

fn sources_in(folders: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in folders {
        collect(&root().join(folder), &mut found);
    }
    found
}

fn collect(folder: &Path, found: &mut Vec<(String, String)>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap();
            let code: Vec<_> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            found.push((path.strip_prefix(root()).unwrap().display().to_string(), code.join("\n")));
        }
    }
}

/// The texts of `#[diagnostic::on_unimplemented(message = "..")]`.
fn compiler_messages(source: &str) -> Vec<String> {
    source.split("message = \"").skip(1).map(|rest| with_gaps(rest.split('"').next().unwrap())).collect()
}

/// The string literals of a source, with `…` for what is filled in.
fn literals(source: &str) -> Vec<String> {
    let (mut found, mut rest) = (Vec::new(), source);
    while let Some(begin) = rest.find('"') {
        let is_letter = rest[..begin].ends_with('\'');
        let is_note = ["reason = ", "note = ", "must_use = "].iter().any(|key| rest[..begin].ends_with(key));
        rest = &rest[begin + 1..];
        if is_letter {
            continue;
        }
        let end = end_of(rest);
        if !is_note {
            found.push(with_gaps(&rest[..end]));
        }
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    found
}

fn end_of(literal: &str) -> usize {
    let mut is_escaped = false;
    let end = literal.find(|letter| {
        let is_end = letter == '"' && !is_escaped;
        is_escaped = letter == '\\' && !is_escaped;
        is_end
    });
    end.unwrap_or(literal.len())
}

/// A literal as it is printed, with `…` for what is filled in.
fn with_gaps(literal: &str) -> String {
    let text = literal.replace("\\\n", " ").replace("\\n", " ").replace("{{", "\u{1}").replace("}}", "\u{2}");
    let mut parts = text.split('{');
    let mut made = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        made.push('…');
        made.push_str(part.split_once('}').map_or("", |(_, rest)| rest));
    }
    seen(&made.replace('\u{1}', "{").replace('\u{2}', "}"))
}
