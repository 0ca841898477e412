//! The report for a terminal.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, Table, presets};

use crate::report::{Report, RuleReport};

/// The number of characters that are shown of each side of a difference.
const SHOWN: usize = 100;

/// The table of the rules.
pub(crate) fn table(report: &Report) -> String {
    let mut table = Table::new();
    let heading = ["rule", "equal", "different", "no answer", "skipped", "in a row", "old ms", "new ms", ""];
    table.load_style(presets::NOTHING).set_header(heading);
    for rule in report.rules() {
        let ms = |time: Option<f64>| time.map_or_else(String::new, |time| format!("{time:.2}"));
        let counts =
            [rule.equal, rule.different, rule.unanswered, rule.skipped, rule.in_a_row].map(|count| count.to_string());
        let [equal, different, unanswered, skipped, in_a_row] = counts;
        let state = if rule.is_ready { "ready to switch" } else { "" };
        table.add_row([
            rule.rule,
            equal,
            different,
            unanswered,
            skipped,
            in_a_row,
            ms(rule.old_ms),
            ms(rule.new_ms),
            state.into(),
        ]);
    }
    for column in table.column_iter_mut().skip(1).take(7) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned() + "\n");
    lines.collect()
}

/// What was left out of the record, a line for each reason.
pub(crate) fn left_out(report: &Report) -> String {
    let lines: Vec<_> = report.left_out().iter().map(|left_out| format!("left out: {left_out}\n")).collect();
    lines.concat()
}

/// The first differences of each rule, the old app's part above the new one's.
pub(crate) fn differences(rules: &[RuleReport]) -> String {
    let mut text = String::new();
    for (rule, example) in rules.iter().flat_map(|rule| rule.examples.iter().map(move |example| (rule, example))) {
        let _infallible = writeln!(text, "\n{} ({})", example.request, rule.rule);
        for difference in &example.differences {
            let line = |side: &str| side.chars().take(SHOWN).collect::<String>().escape_debug().to_string();
            let _infallible = writeln!(
                text,
                "  {}\n    old  {}\n    new  {}",
                difference.part,
                line(&difference.old),
                line(&difference.new)
            );
        }
    }
    text
}
