//! The options of a header: `form-data; name="a"; filename="b"`.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

/// Splits a header's value into its first word and its options, the names in lower case; Werkzeug's
/// `parse_options_header`. What is not an option is left out.
pub(super) fn header_options(value: &str) -> (&str, BTreeMap<String, String>) {
    let (first, mut rest) = value.split_once(';').unwrap_or((value, ""));
    let mut options = BTreeMap::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_at(rest.find(['=', ';']).unwrap_or(rest.len()));
        let Some(after) = after.strip_prefix('=') else {
            rest = after.strip_prefix(';').unwrap_or(after);
            continue;
        };
        let (value, after) = option_value(after.trim_start());
        let name = name.trim().to_ascii_lowercase();
        match name.strip_suffix('*') {
            // The extended form wins over the plain one, wherever it stands.
            Some(plain) => {
                if let Some(value) = extended(&value) {
                    options.insert(plain.to_owned(), value);
                }
            }
            None => {
                options.entry(name).or_insert(value);
            }
        }
        rest = after;
    }
    (first.trim(), options)
}

/// Splits a value, with or without quotes, from what follows its semicolon.
fn option_value(text: &str) -> (String, &str) {
    let after_semicolon = |text: &'_ str| text.find(';').map_or(text.len(), |at| at + 1);
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        return (text[..end].trim().to_owned(), &text[after_semicolon(text)..]);
    };
    let (mut value, mut letters) = (String::new(), quoted.char_indices());
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => {
                let after = &quoted[at + 1..];
                return (value, &after[after_semicolon(after)..]);
            }
            // Only these two are escaped, because browsers send the backslashes of Windows paths as they are.
            '\\' if quoted[at + 1..].starts_with(['"', '\\']) => value.extend(letters.next().map(|(_, next)| next)),
            _ => value.push(letter),
        }
    }
    (value, "")
}

/// Decodes the extended form of a value, `UTF-8''na%C3%AFve` (RFC 8187); `None` if its charset is not UTF-8.
fn extended(value: &str) -> Option<String> {
    let (charset, rest) = value.split_once('\'')?;
    let (_language, encoded) = rest.split_once('\'')?;
    let is_utf8 = charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("us-ascii");
    is_utf8.then(|| percent_decode_str(encoded).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::plain(r#"form-data; name="a b"; filename=c.txt"#, &[("filename", "c.txt"), ("name", "a b")])]
    #[case::no_spaces(r#"form-data;name="a";filename="b;c""#, &[("filename", "b;c"), ("name", "a")])]
    #[case::in_quotes(r#"form-data; filename="x; name=y"; name="a""#, &[("filename", "x; name=y"), ("name", "a")])]
    #[case::escaped(r#"form-data; name="a\"b\\c\d""#, &[("name", r#"a"b\c\d"#)])]
    #[case::upper_case(r"form-data; NAME=a", &[("name", "a")])]
    #[case::first_wins("form-data; name=a; name=b", &[("name", "a")])]
    #[case::extended("form-data; filename*=UTF-8''na%C3%AFve; filename=no", &[("filename", "na\u{ef}ve")])]
    #[case::extended_last("form-data; a=1; filename=no; b=2; filename*=UTF-8''x; filename*=UTF-8''y", &[("a", "1"), ("b", "2"), ("filename", "y")])]
    #[case::other_charset("form-data; filename=a; filename*=koi8-r''%C1", &[("filename", "a")])]
    #[case::unclosed(r#"form-data; name="a; b=c"#, &[("name", "a; b=c")])]
    #[case::no_value("form-data; name; b=c;", &[("b", "c")])]
    #[case::after_the_quotes(r#"form-data; name="a"x; b=c"#, &[("b", "c"), ("name", "a")])]
    #[case::empty("form-data; name=; =x", &[("", "x"), ("name", "")])]
    fn options_are_read(#[case] header: &str, #[case] expected: &[(&str, &str)]) {
        let (first, options) = header_options(header);
        assert_eq!(first, "form-data");
        let options: Vec<_> = options.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(options, expected);
    }
}
