//! The limits on the length of files and functions.

use crate::source::all;

#[test]
fn files_and_functions_stay_within_size() {
    for source in all() {
        let path = source.path.display();
        let lines = source.production().lines().count();
        assert!(lines <= 450, "{path} has {lines} lines, 450 are allowed: split it");
        let mut begun: Option<(usize, usize, &str)> = None;
        for (at, line) in source.text.lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            if is_function(line.trim_start()) && !line.trim_end().ends_with(';') {
                begun = Some((at, indent, line.trim()));
            } else if let Some((from, _, function)) =
                begun.filter(|(_, own, _)| *own == indent && line.trim_end() == " ".repeat(indent) + "}")
            {
                assert!(at - from < 60, "{path}: {function} has {} lines, 60 are allowed", at - from + 1);
                begun = None;
            }
        }
    }
}

fn is_function(line: &str) -> bool {
    let words = line.split(' ').take_while(|word| !word.contains('('));
    let words: Vec<_> = words.collect();
    let keywords = ["pub", "async", "const", "unsafe", "pub(crate)", "pub(super)"];
    line.split(' ').find(|word| !keywords.contains(word) && !words.is_empty()) == Some("fn")
}
