//! The header `Forwarded` of RFC 7239.

use http::header::{self, HeaderMap};

use super::header_list::{is_escaped, split_unquoted, unquoted};

/// The part of the header that one proxy has written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Forwarded {
    /// The client of the proxy: an address with or without a port, `unknown`, or a name that hides it.
    pub(super) client: Option<String>,
    pub(super) host: Option<String>,
    pub(super) scheme: Option<String>,
}

impl Forwarded {
    /// Returns the element at place `hops` from the end of the header; `None` if the header has fewer.
    pub(super) fn at(headers: &HeaderMap, hops: usize) -> Option<Self> {
        let from_the_end = hops.checked_sub(1)?;
        let lines = headers.get_all(header::FORWARDED).into_iter();
        let lines: Vec<_> = lines.map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
        let element = lines.iter().rev().flat_map(|line| elements_from_the_end(line)).nth(from_the_end)?;
        Some(Self::parse(element))
    }

    fn parse(element: &str) -> Self {
        let mut forwarded = Self::default();
        for pair in split_unquoted(element, b';') {
            let Some((name, value)) = pair.split_once('=') else { continue };
            let value = Some(unquoted(value.trim()).into_owned()).filter(|value| !value.is_empty());
            match name.trim().to_ascii_lowercase().as_str() {
                "for" => forwarded.client = value,
                "host" => forwarded.host = value,
                "proto" => forwarded.scheme = value,
                _ => {}
            }
        }
        forwarded
    }
}

/// Returns the elements of one line, the last first. They are looked for from the end, because a quote that a client
/// has left open must not swallow what the proxies wrote after it.
fn elements_from_the_end(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(line);
    let elements = std::iter::from_fn(move || {
        let text = rest?;
        let comma = last_unquoted_comma(text);
        rest = comma.map(|at| &text[..at]);
        Some(comma.map_or(text, |at| &text[at + 1..]).trim())
    });
    elements.filter(|element| !element.is_empty())
}

fn last_unquoted_comma(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut is_quoted = false;
    for at in (0..bytes.len()).rev() {
        match bytes[at] {
            b'"' if !is_escaped(&bytes[..at]) => is_quoted = !is_quoted,
            b',' if !is_quoted => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::Forwarded;

    #[test]
    fn the_element_of_the_outermost_trusted_proxy_counts() {
        let (client, host, scheme) = (Some("192.0.2.1"), Some("shop.example"), Some("https"));
        for (lines, hops, expected) in [
            (&["for=192.0.2.1;proto=https;host=shop.example"][..], 1, (client, host, scheme)),
            (&["For = \"192.0.2.1\" ; PROTO=https;by=_x;host=\"shop.example\""], 1, (client, host, scheme)),
            (&["for=10.9.9.9, for=192.0.2.1;host=shop.example, for=10.0.0.1"], 2, (client, host, None)),
            (&["for=10.9.9.9", "for=192.0.2.1"], 1, (client, None, None)),
            (&["for=192.0.2.1", "for=10.0.0.1"], 2, (client, None, None)),
            // A client that leaves a quote open does not hide what the proxy wrote.
            (&["for=\"10.9.9.9, for=192.0.2.1"], 1, (client, None, None)),
            (&["for=\"a,b\\\",c\", for=192.0.2.1"], 1, (client, None, None)),
            (&["for=\"a,b\\\",c\", for=192.0.2.1"], 2, (Some("a,b\",c"), None, None)),
            (&["for=\"[2001:db8::1]:4711\";host=\"a;b=c\""], 1, (Some("[2001:db8::1]:4711"), Some("a;b=c"), None)),
            (&["for=\"\";x;=;host"], 1, (None, None, None)),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("forwarded", line.parse().unwrap());
            }
            let found = Forwarded::at(&headers, hops).unwrap();
            assert_eq!(
                (found.client.as_deref(), found.host.as_deref(), found.scheme.as_deref()),
                expected,
                "{lines:?}"
            );
        }
    }

    #[test]
    fn a_header_with_fewer_elements_counts_for_nothing() {
        let mut headers = HeaderMap::new();
        assert_eq!(Forwarded::at(&headers, 1), None);
        headers.insert("forwarded", "for=192.0.2.1, ".parse().unwrap());
        assert_eq!((Forwarded::at(&headers, 0), Forwarded::at(&headers, 2)), (None, None));
    }
}
