//! The names that templates use: each must be there when the app starts, not only when a page is asked for.

use std::collections::BTreeSet;

use minijinja::{Environment, Template, Value};

/// A use of a filter, a test or a function in a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Use<'s> {
    kind: Kind,
    name: &'s str,
    /// The place in the source, in bytes.
    at: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Filter,
    Test,
    Function,
}

/// The names that a template uses, and those that it makes or asks for itself.
#[derive(Debug, Default)]
struct Names<'s> {
    uses: Vec<Use<'s>>,
    own: BTreeSet<&'s str>,
}

/// Names that are there only in some places, where the parser has checked them.
const SPECIAL: [&str; 4] = ["super", "caller", "loop", "self"];

/// Words that a bracket may follow, and that call nothing.
const KEYWORDS: [&str; 16] = [
    "if", "elif", "else", "and", "or", "not", "in", "is", "for", "set", "with", "include", "extends", "import", "call",
    "do",
];

/// Returns a message for each name that is used and not there, with the template and the line.
pub(super) fn unknown_names(templates: &Environment<'_>, given: Option<&BTreeSet<&str>>) -> Vec<String> {
    // With other delimiters the tags cannot be told from the text.
    if templates.syntax().variable_delimiters() != ("{{", "}}") || templates.syntax().block_delimiters() != ("{%", "%}")
    {
        return Vec::new();
    }
    let all: Vec<_> = templates.templates().map(|(_, template)| template).collect();
    let names: Vec<_> = all.iter().map(|template| names_in(template.source())).collect();
    // An included template sees what the template around it has made.
    let made: BTreeSet<_> = names.iter().flat_map(|names| &names.own).copied().collect();
    let mut messages = Vec::new();
    for (template, names) in all.iter().zip(&names) {
        let undeclared = template.undeclared_variables(false);
        for used in &names.uses {
            let is_known = match used.kind {
                Kind::Filter => is_known(templates, "{{ name is filter }}", used.name),
                Kind::Test => is_known(templates, "{{ name is test }}", used.name),
                Kind::Function => {
                    given.is_none_or(|given| given.contains(used.name))
                        || !undeclared.contains(used.name)
                        || made.contains(used.name)
                        || templates.globals().any(|(name, _)| name == used.name)
                }
            };
            if !is_known {
                messages.push(message(template, *used));
            }
        }
    }
    messages
}

fn is_known(templates: &Environment<'_>, question: &str, name: &str) -> bool {
    templates
        .render_str(question, Value::from_pairs([("name", name)]))
        .is_ok_and(|answer| answer.eq_ignore_ascii_case("true"))
}

fn message(template: &Template<'_, '_>, Use { kind, name, at }: Use<'_>) -> String {
    let line = 1 + template.source()[..at].matches('\n').count();
    let (what, remedy) = match kind {
        Kind::Filter => ("filter", format!("add it with `app.template_filter({name:?}, ..)`")),
        Kind::Test => ("test", format!("add it with `app.templates(|templates| templates.add_test({name:?}, ..))`")),
        Kind::Function => (
            "function",
            format!(
                "add it with `app.template_function({name:?}, ..)`; if a view gives it, ask `{{% if {name} is defined %}}` first"
            ),
        ),
    };
    format!("the template {:?}, line {line}: there is no {what} `{name}`: {remedy}", template.name())
}

/// The names in the tags of a template that was parsed without an error.
fn names_in(source: &str) -> Names<'_> {
    let (mut names, mut at) = (Names::default(), 0);
    while let Some(begin) = source[at..].find('{').map(|begin| at + begin) {
        let rest = &source[begin..];
        at = match rest.as_bytes().get(1) {
            Some(b'#') => begin + rest.find("#}").map_or(rest.len(), |end| end + 2),
            Some(b'{') => names.read_tag(source, begin + 2, "}}"),
            Some(b'%') => {
                let end = names.read_tag(source, begin + 2, "%}");
                let is_raw = source[begin + 2..end].trim_matches(['-', '+', '%', '}', ' ']).trim() == "raw";
                if is_raw { end + source[end..].find("endraw").unwrap_or(source.len() - end) } else { end }
            }
            _ => begin + 1,
        };
    }
    names
}

/// A word or a sign in a tag.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token<'s> {
    Word(&'s str),
    Sign(char),
    Literal,
}

impl<'s> Names<'s> {
    /// Reads a tag from `begin` to `end`, and returns the place after it.
    fn read_tag(&mut self, source: &'s str, begin: usize, end: &str) -> usize {
        let (mut at, mut depth) = (begin, 0_usize);
        let (mut first, mut before): (Option<&str>, [Token<'s>; 3]) = (None, [Token::Sign('{'); 3]);
        while let Some(letter) = source[at..].chars().next() {
            if depth == 0 && source[at..].starts_with(end) {
                return at + end.len();
            }
            let (token, next) = token_at(source, at, letter);
            match token {
                Token::Sign('{' | '[' | '(') => depth += 1,
                Token::Sign('}' | ']' | ')') => depth = depth.saturating_sub(1),
                Token::Word(word) if before[0] != Token::Sign('.') => {
                    let is_called = source[next..].trim_start().starts_with('(');
                    self.note(word, first, before, is_called, at);
                    first = first.or(Some(word));
                }
                _ => {}
            }
            if !matches!(token, Token::Sign(space) if space.is_whitespace()) {
                before = [token, before[0], before[1]];
            }
            at = next;
        }
        source.len()
    }

    /// Notes a word of a tag that begins with the word `first` and has the tokens `before` in front, the nearest first.
    fn note(&mut self, name: &'s str, first: Option<&str>, before: [Token<'s>; 3], is_called: bool, at: usize) {
        let is = |token, word| token == Token::Word(word);
        let is_test = is(before[0], "is") || (is(before[0], "not") && is(before[1], "is"));
        let is_filter = before[0] == Token::Sign('|') || (first == Some("filter") && is(before[0], "filter"));
        let mut used = |kind| self.uses.push(Use { kind, name, at });
        match (first, name) {
            _ if is_filter => used(Kind::Filter),
            (_, "not") if is_test => {}
            _ if is_test => {
                used(Kind::Test);
                let asked = if is(before[0], "not") { before[2] } else { before[1] };
                if let (true, Token::Word(asked)) = (name == "defined", asked) {
                    self.own.insert(asked);
                }
            }
            (Some("macro" | "import" | "from" | "set" | "block"), _) if !is_called || is(before[0], "macro") => {
                self.own.insert(name);
            }
            _ if is_called && !KEYWORDS.contains(&name) && !SPECIAL.contains(&name) => used(Kind::Function),
            _ => {}
        }
    }
}

/// The token at a place, which begins with `letter`, and the place after it.
fn token_at(source: &str, at: usize, letter: char) -> (Token<'_>, usize) {
    let rest = &source[at..];
    match letter {
        '"' | '\'' => (Token::Literal, at + text_length(rest, letter)),
        letter if letter.is_alphabetic() || letter == '_' => {
            let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
            let length = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
            (Token::Word(&rest[..length]), at + length)
        }
        letter if letter.is_numeric() => {
            let length = rest.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(rest.len());
            (Token::Literal, at + length)
        }
        sign => (Token::Sign(sign), at + sign.len_utf8()),
    }
}

/// The length of quoted text with its quotes.
fn text_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            letter if letter == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}
