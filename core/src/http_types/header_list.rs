//! Lists in headers, whose items may have quoted text in them (RFC 9110, section 5.6).

use std::borrow::Cow;

/// Splits `text` at each separator, which is ASCII, that is in no quoted text.
pub(super) fn split_unquoted(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let (bytes, mut is_quoted, mut begin) = (text.as_bytes(), false, 0);
    let ends = (0..=bytes.len()).filter(move |&at| match bytes.get(at) {
        Some(b'"') if !is_escaped(&bytes[..at]) => {
            is_quoted = !is_quoted;
            false
        }
        Some(byte) => *byte == separator && !is_quoted,
        None => true,
    });
    ends.map(move |end| {
        let part = &text[begin..end];
        begin = end + 1;
        part
    })
}

/// Returns the value of a token or a quoted string.
pub(super) fn unquoted(value: &str) -> Cow<'_, str> {
    let Some(inside) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return value.into() };
    let mut escaped = false;
    let plain = inside.chars().filter(|&letter| {
        escaped = letter == '\\' && !escaped;
        !escaped
    });
    plain.collect::<String>().into()
}

/// Whether what follows `before` is escaped, by an odd number of backslashes.
pub(super) fn is_escaped(before: &[u8]) -> bool {
    before.iter().rev().take_while(|&&byte| byte == b'\\').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_separator_in_quotes_separates_nothing() {
        let items: Vec<_> = split_unquoted(r#"a, b="x, \", y", c"#, b',').collect();
        assert_eq!(items, ["a", r#" b="x, \", y""#, " c"]);
        assert_eq!(unquoted(r#""x, \", y""#), r#"x, ", y"#);
        assert_eq!(["x", "\"", "\"a\\\"\""].map(|text| unquoted(text).into_owned()), ["x", "\"", "a\""]);
    }
}
