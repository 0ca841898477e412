//! The paths that code names, as in `use crate::room::{Name, file::Other}`.

/// A path from the root of the crate, segment by segment.
pub(crate) type ModulePath = Vec<String>;

/// Every path in `code` that begins with `crate` or `super`, read from the module `own`.
pub(crate) fn named_in(code: &str, own: &[String]) -> Vec<ModulePath> {
    let code = without_inline_modules(code);
    let mut found = Vec::new();
    for (start, keyword) in keywords(&code) {
        let base = match keyword {
            "crate" => Vec::new(),
            _ => own[..own.len().saturating_sub(1)].to_vec(),
        };
        expand(&code[start + keyword.len()..], &base, &mut found);
    }
    found
}

/// Returns the positions where `crate` and `super` begin a path.
fn keywords(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for keyword in ["crate", "super"] {
        for (start, _) in code.match_indices(&format!("{keyword}::")) {
            let before = code[..start].chars().next_back().unwrap_or(' ');
            // `$crate::` is another crate's view of this one; `super::super::` is read from its first word.
            if !before.is_alphanumeric() && !['_', '$', ':'].contains(&before) {
                found.push((start, &code[start..start + keyword.len()]));
            }
        }
    }
    found
}

/// Reads `::a::{b, c::D}` onto `base`.
fn expand(rest: &str, base: &[String], found: &mut Vec<ModulePath>) {
    // Exported macros live at the root.
    if rest.starts_with('!') {
        return;
    }
    let Some(rest) = rest.strip_prefix("::") else {
        found.push(base.to_vec());
        return;
    };
    if let Some(group) = rest.strip_prefix('{') {
        for branch in branches(group) {
            expand(&format!("::{}", branch.trim()), base, found);
        }
        return;
    }
    let end = rest.find(|end: char| !end.is_alphanumeric() && end != '_').unwrap_or(rest.len());
    let mut path = base.to_vec();
    match &rest[..end] {
        "super" => drop(path.pop()),
        "self" | "" => {}
        name => path.push(name.to_owned()),
    }
    expand(&rest[end..], &path, found);
}

/// Returns the branches of a group; `group` begins after the opening brace.
fn branches(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => {
                found.push(&group[start..at]);
                return found;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

/// Removes inline modules and macros, because `super` means something else inside them.
fn without_inline_modules(code: &str) -> String {
    let mut kept = Vec::new();
    let mut until: Option<String> = None;
    for line in code.lines() {
        match &until {
            Some(end) if line == end => until = None,
            Some(_) => {}
            None if line.ends_with('{') && (line.contains("macro_rules!") || is_inline_module(line)) => {
                until = Some(" ".repeat(line.len() - line.trim_start().len()) + "}");
            }
            None => kept.push(line),
        }
    }
    kept.join("\n")
}

fn is_inline_module(line: &str) -> bool {
    line.contains("mod ") && !line.contains('(')
}

#[test]
fn groups_and_parents_are_read() {
    let own = ["room".to_owned(), "file".to_owned()];
    let joined = |code: &str| {
        let code = code.replace("ROOT", "crate").replace("UP", "super");
        named_in(&code, &own).iter().map(|path| path.join("::")).collect::<Vec<_>>()
    };
    assert_eq!(joined("use ROOT::a::{B, c::{self, D}};"), ["a::B", "a::c", "a::c::D"]);
    assert_eq!(joined("use UP::other::Name; UP::UP::x()"), ["room::other::Name", "x"]);
    assert_eq!(joined("$ROOT::nothing; mod inner {\n    UP::hidden();\n}"), [""; 0]);
}
