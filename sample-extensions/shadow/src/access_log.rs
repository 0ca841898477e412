//! Access logs in nginx's combined format.

use std::net::IpAddr;

use costrel::Method;

use crate::recorded::{Recorded, Recording};

/// Reads the requests of an access log in nginx's combined format, which is Apache's and gunicorn's too. Such a log has no
/// cookies and no bodies. Lines that hold no request are left out.
///
/// ```
/// let log = r#"10.0.0.1 - - [30/Nov/2026:10:00:00 +0000] "GET /users?page=2 HTTP/1.1" 200 512 "-" "curl/8.5""#;
/// let recording = costrel_shadow::read_log(log);
/// assert_eq!((recording.requests[0].path.as_str(), recording.left_out.len()), ("/users?page=2", 0));
/// ```
pub fn read_log(text: &str) -> Recording {
    let mut recording = Recording::default();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match read_line(line) {
            Some(request) => recording.requests.push(request),
            None => recording.leave_out("without a request".into(), format!("line {}", at + 1)),
        }
    }
    recording
}

fn read_line(line: &str) -> Option<Recorded> {
    let client = line.split(' ').next()?;
    let mut quoted = quoted(line);
    let request = quoted.next()?;
    let mut words = request.split(' ');
    let (method, path, _version) = (words.next()?, words.next()?, words.next()?);
    let mut recorded = Recorded::new(Method::from_bytes(method.as_bytes()).ok()?, path).ok()?;
    recorded.client = client.parse::<IpAddr>().map_or_else(|_| client.to_owned(), |address| address.to_string());
    for name in ["referer", "user-agent"] {
        let value = quoted.next().unwrap_or_default();
        if !value.is_empty() && value != "-" {
            recorded.headers.push((name.to_owned(), value));
        }
    }
    Some(recorded)
}

/// The texts in quotes, in which `\xHH` stands for a byte, and a backslash for the character after it.
fn quoted(line: &str) -> impl Iterator<Item = String> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once('"')?;
        let (mut bytes, mut characters) = (Vec::new(), after.char_indices());
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    rest = &after[at + 1..];
                    return String::from_utf8(bytes).ok();
                }
                '\\' => match (after.get(at + 1..at + 2)?, after.get(at + 2..at + 4)) {
                    ("x", Some(digits)) if u8::from_str_radix(digits, 16).is_ok() => {
                        bytes.push(u8::from_str_radix(digits, 16).ok()?);
                        characters.nth(2)?;
                    }
                    _ => bytes.extend(characters.next()?.1.to_string().into_bytes()),
                },
                _ => bytes.extend(character.to_string().into_bytes()),
            }
        }
        None
    })
}
