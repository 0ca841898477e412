//! HTML by its text, its elements and their attributes; whitespace counts where a browser shows it.

use std::collections::BTreeMap;

use html5gum::{DefaultEmitter, HtmlString, Token, Tokenizer};

use crate::difference::Difference;

/// The elements that begin a line of their own, beside which no space is shown. All others are in a line of text.
const BLOCKS: [&str; 59] = [
    "!doctype html",
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "br",
    "caption",
    "center",
    "col",
    "colgroup",
    "dd",
    "details",
    "dialog",
    "dir",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "frame",
    "frameset",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hgroup",
    "hr",
    "html",
    "legend",
    "li",
    "main",
    "menu",
    "nav",
    "noframes",
    "ol",
    "optgroup",
    "option",
    "p",
    "pre",
    "search",
    "section",
    "summary",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "title",
    "tr",
    "ul",
];

/// The elements that a line of text goes on behind as if they were not there, because they show nothing.
const PASSED_OVER: [&str; 9] = ["base", "link", "meta", "script", "source", "style", "template", "track", "wbr"];

/// The elements of [`PASSED_OVER`] that have content.
const HIDING: [&str; 3] = ["script", "style", "template"];

/// The elements in which whitespace is kept: shown as it is, or read by a program.
const PREFORMATTED: [&str; 4] = ["pre", "script", "style", "textarea"];

/// The number of items that one side may have more than the other before the rest counts as changed.
const MOST_MISSING: usize = 200;

/// The number of differences after which two pages are called different enough.
const MOST_FOUND: usize = 20;

/// A part of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Start(String, BTreeMap<String, String>),
    End(String),
    Text(String),
    /// Text in which whitespace is shown as it is.
    Preformatted(String),
}

/// Returns the first differences between two pages, each named by its element.
pub(crate) fn compare(old: &str, new: &str) -> Vec<Difference> {
    let (old, new) = (items(old), items(new));
    let (mut at_old, mut at_new, mut found) = (0, 0, Vec::new());
    while found.len() < MOST_FOUND && (at_old < old.len() || at_new < new.len()) {
        match (old.get(at_old), new.get(at_new)) {
            (Some(left), Some(right)) if left == right => (at_old, at_new) = (at_old + 1, at_new + 1),
            (Some(Item::Start(name, left)), Some(Item::Start(other, right))) if name == other => {
                found.extend(attributes(name, left, right));
                (at_old, at_new) = (at_old + 1, at_new + 1);
            }
            _ => {
                let (old, new) = (&old[at_old..], &new[at_new..]);
                let gap = gap(old, new);
                // An item that has changed in its place is one on each side.
                let (missing, extra) = if gap == (0, 0) { (1, 1) } else { gap };
                let (missing, extra) = (missing.min(old.len()), extra.min(new.len()));
                found.push(Difference::new(part(old, new, gap), &text(&old[..missing]), &text(&new[..extra])));
                (at_old, at_new) = (at_old + missing, at_new + extra);
            }
        }
    }
    found
}

/// The numbers of items that one of the two has and the other has not, before both go on alike. Both are zero if an item has
/// changed in its place.
fn gap(old: &[Item], new: &[Item]) -> (usize, usize) {
    let agrees = |old: &[Item], new: &[Item]| {
        !old.is_empty() && !new.is_empty() && old.iter().zip(new).take(3).all(|(old, new)| old == new)
    };
    if agrees(old.get(1..).unwrap_or_default(), new.get(1..).unwrap_or_default()) || (old.len() == 1 && new.len() == 1)
    {
        return (0, 0);
    }
    for count in 1..MOST_MISSING {
        if old.get(count..).is_some_and(|rest| agrees(rest, new) || (rest.is_empty() && new.is_empty())) {
            return (count, 0);
        }
        if new.get(count..).is_some_and(|rest| agrees(old, rest) || (rest.is_empty() && old.is_empty())) {
            return (0, count);
        }
    }
    (0, 0)
}

/// The name of the part in which two pages differ.
fn part(old: &[Item], new: &[Item], gap: (usize, usize)) -> String {
    let named = |items: &[Item]| match items.first() {
        Some(Item::Start(name, _) | Item::End(name)) => format!("element <{name}>"),
        _ => "text".to_owned(),
    };
    match (gap, old.first(), new.first()) {
        ((0, 0), Some(Item::Preformatted(old)), Some(Item::Preformatted(new))) if collapsed(old) == collapsed(new) => {
            "whitespace in preformatted text".into()
        }
        ((0, 0), Some(Item::Text(old)), Some(Item::Text(new))) if old.trim_ascii() == new.trim_ascii() => {
            "whitespace in a line".into()
        }
        ((0, 0), ..) => named(old),
        ((_, 0), ..) => format!("missing {}", named(old)),
        _ => format!("additional {}", named(new)),
    }
}

fn attributes(name: &str, old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Vec<Difference> {
    let names = old.keys().chain(new.keys().filter(|name| !old.contains_key(*name)));
    let difference = |attribute: &String| {
        let part = format!("attribute {attribute} of <{name}>");
        Difference::of(part, old.get(attribute).map(String::as_str), new.get(attribute).map(String::as_str))
    };
    names.filter_map(difference).collect()
}

/// A few items, as they would be written.
fn text(items: &[Item]) -> String {
    let written = items.iter().map(|item| match item {
        Item::Start(name, attributes) => {
            let attributes =
                attributes.iter().map(|(name, value)| format!(" {name}={value:?}")).collect::<Vec<_>>().concat();
            format!("<{name}{attributes}>")
        }
        Item::End(name) => format!("</{name}>"),
        Item::Text(text) | Item::Preformatted(text) => text.clone(),
    });
    written.collect()
}

fn items(page: &str) -> Vec<Item> {
    let mut emitter = DefaultEmitter::<()>::default();
    // The text of scripts and styles has no tags.
    emitter.naively_switch_states(true);
    let mut raw = Vec::new();
    let mut preformatted = 0_usize;
    for token in Tokenizer::new_with_emitter(page, emitter) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => {
                let attributes = tag.attributes.iter().map(|(name, value)| (string(name), string(&value.value)));
                let name = string(&tag.name);
                preformatted += usize::from(PREFORMATTED.contains(&&*name));
                raw.push(Item::Start(name, attributes.collect()));
            }
            Token::EndTag(tag) => {
                let name = string(&tag.name);
                preformatted = preformatted.saturating_sub(usize::from(PREFORMATTED.contains(&&*name)));
                raw.push(Item::End(name));
            }
            Token::String(text) => add_text(&mut raw, &string(&text.value), preformatted > 0),
            Token::Doctype(doctype) => {
                raw.push(Item::Start(format!("!doctype {}", string(&doctype.name)), BTreeMap::new()));
            }
            Token::Comment(_) | Token::Error(_) => {}
        }
    }
    without_invisible_spaces(raw)
}

/// Adds text to the items, or to the text that a comment has cut in two.
fn add_text(items: &mut Vec<Item>, text: &str, is_preformatted: bool) {
    match items.last_mut() {
        Some(Item::Preformatted(before)) if is_preformatted => before.push_str(text),
        Some(Item::Text(before)) if !is_preformatted => *before = collapsed(&format!("{before}{text}")),
        _ if is_preformatted => items.push(Item::Preformatted(text.to_owned())),
        _ => items.push(Item::Text(collapsed(text))),
    }
}

/// Leaves out the spaces that no browser shows: beside the tags of blocks, and the second of two with nothing shown between.
fn without_invisible_spaces(raw: Vec<Item>) -> Vec<Item> {
    let mut lines = Lines::default();
    for item in raw {
        lines.add(item);
    }
    lines.end_line();
    lines.items
}

/// The items of a page, and where its line of text is.
#[derive(Default)]
struct Lines {
    items: Vec<Item>,
    /// The last item of this line that shows something; `None` at its beginning.
    last: Option<usize>,
    /// The lines that go on behind the elements in which this one is.
    outer: Vec<Option<usize>>,
}

impl Lines {
    fn add(&mut self, item: Item) {
        match &item {
            Item::Text(text) => return self.add_text(text),
            Item::Start(name, _) if HIDING.contains(&&**name) => self.outer.push(self.last.take()),
            Item::End(name) if HIDING.contains(&&**name) => self.go_on(),
            Item::Start(name, _) | Item::End(name) if PASSED_OVER.contains(&&**name) => {}
            Item::Start(name, _) | Item::End(name) if BLOCKS.contains(&&**name) => self.end_line(),
            Item::Start(..) | Item::End(_) | Item::Preformatted(_) => self.last = Some(self.items.len()),
        }
        self.items.push(item);
    }

    fn add_text(&mut self, text: &str) {
        let mut shown = text;
        match self.last {
            None => shown = text.trim_ascii_start(),
            // A space behind what is passed over is one before it.
            Some(last) if last + 1 < self.items.len() && text.starts_with(' ') => {
                self.put_space_behind(last);
                shown = text.trim_ascii_start();
            }
            Some(_) => {}
        }
        if !shown.is_empty() {
            self.last = Some(self.items.len());
            self.items.push(Item::Text(shown.to_owned()));
        }
    }

    fn put_space_behind(&mut self, last: usize) {
        match &mut self.items[last] {
            Item::Text(text) if text.ends_with(' ') => {}
            Item::Text(text) => text.push(' '),
            _ => {
                self.items.insert(last + 1, Item::Text(" ".into()));
                self.last = Some(last + 1);
            }
        }
    }

    /// Ends the line of an element that hides its content; the one around it goes on.
    fn go_on(&mut self) {
        if let Some(outer) = self.outer.pop() {
            self.end_line();
            self.last = outer;
        }
    }

    fn end_line(&mut self) {
        let Some(last) = self.last.take() else { return };
        if let Item::Text(text) = &mut self.items[last] {
            text.truncate(text.trim_ascii_end().len());
            if text.is_empty() {
                self.items.remove(last);
            }
        }
    }
}

/// Text with one space for any whitespace, at its ends too.
fn collapsed(text: &str) -> String {
    let mut collapsed = String::new();
    for part in text.split_inclusive(|character: char| character.is_ascii_whitespace()) {
        let word = part.trim_ascii();
        collapsed.push_str(word);
        if word.len() < part.len() && !collapsed.ends_with(' ') {
            collapsed.push(' ');
        }
    }
    collapsed
}

fn string(text: &HtmlString) -> String {
    String::from_utf8_lossy(text).into_owned()
}
