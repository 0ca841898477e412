//! Jinja2's filter `urlize`: addresses in text become links.

use std::collections::BTreeSet;

use minijinja::value::Kwargs;
use minijinja::{Error, Value};

use crate::http_types::escape;

/// The ends of host names that make a link without `www.` or a scheme.
const KNOWN_ENDS: [&str; 8] = [".com", ".net", ".int", ".edu", ".gov", ".org", ".info", ".mil"];

/// Escapes `text`, and makes links of the addresses in it.
pub(super) fn urlize(text: &str, given: &Kwargs) -> Result<Value, Error> {
    let limit: Option<usize> = given.get("trim_url_limit")?;
    let (target, rel): (Option<String>, Option<String>) = (given.get("target")?, given.get("rel")?);
    let schemes: Vec<String> = given.get::<Option<_>>("extra_schemes")?.unwrap_or_default();
    let nofollow = given.get::<Option<bool>>("nofollow")?.unwrap_or(false).then_some("nofollow");
    given.assert_all_used()?;
    let words = rel.as_deref().unwrap_or_default().split_whitespace();
    let rel: BTreeSet<_> = words.chain(nofollow).chain(["noopener"]).collect();
    let mut attributes = format!(" rel=\"{}\"", escape(&Vec::from_iter(rel).join(" ")));
    attributes.extend(target.map(|target| format!(" target=\"{}\"", escape(&target))));
    let link = |word: &str| {
        let (before, address, after) = bare(word);
        let href = href(&address, &schemes)?;
        let attributes = if href.starts_with("mailto:") { "" } else { &attributes };
        let shown = address.strip_prefix("mailto:").unwrap_or(&address);
        let short = limit.filter(|limit| shown.chars().count() > *limit && !href.starts_with("mailto:"));
        let shown = short.map_or(shown.to_owned(), |limit| shown.chars().take(limit).chain("...".chars()).collect());
        Some(format!(
            "{}<a href=\"{}\"{attributes}>{}</a>{}",
            escape(before),
            escape(&href),
            escape(&shown),
            escape(&after)
        ))
    };
    let words = text.split_inclusive(char::is_whitespace).map(|word| {
        let bare = word.trim_end_matches(char::is_whitespace);
        format!("{}{}", link(bare).unwrap_or_else(|| escape(bare)), &word[bare.len()..])
    });
    Ok(Value::from_safe_string(words.collect()))
}

/// Takes the brackets before a word and the punctuation after it off; a bracket that was opened inside is closed inside.
fn bare(word: &str) -> (&str, String, String) {
    let rest = word.trim_start_matches(['(', '<']);
    let middle = rest.trim_end_matches([')', '>', '.', ',']);
    let (mut address, mut after) = (middle.to_owned(), rest[middle.len()..].to_owned());
    for (open, close) in [('(', ')'), ('<', '>')] {
        let unclosed = address.matches(open).count().saturating_sub(address.matches(close).count());
        if let Some((end, _)) = after.match_indices(close).take(unclosed).last() {
            address.extend(after.drain(..=end));
        }
    }
    (&word[..word.len() - rest.len()], address, after)
}

/// The target of the link for an address; `None` if the word is none.
fn href(address: &str, schemes: &[String]) -> Option<String> {
    let with_scheme = ["http://", "https://"].iter().find_map(|scheme| address.strip_prefix(scheme));
    if let Some(rest) = with_scheme {
        return is_host(rest).then(|| address.to_owned());
    }
    if address.strip_prefix("www.").is_some_and(is_host) {
        return Some(format!("https://{address}"));
    }
    if let Some(mail) = address.strip_prefix("mailto:") {
        return is_mail(mail).then(|| address.to_owned());
    }
    if is_mail(address) && !address.starts_with(['@', ':']) {
        return Some(format!("mailto:{address}"));
    }
    if schemes.iter().any(|scheme| address.len() > scheme.len() && address.starts_with(scheme.as_str())) {
        return Some(address.to_owned());
    }
    let host = host_of(address);
    let is_known = KNOWN_ENDS.iter().any(|end| host.len() > end.len() && host.ends_with(end));
    (is_known && is_host(address)).then(|| format!("https://{address}"))
}

/// The host in an address without its scheme, without its port.
fn host_of(address: &str) -> &str {
    let host = address.split(['/', '?', '#']).next().unwrap_or_default();
    host.rsplit_once(':').map_or(host, |(host, _)| host)
}

fn is_host(address: &str) -> bool {
    let host = host_of(address);
    let is_letter = |letter: char| letter.is_alphanumeric() || "_%-.".contains(letter);
    host.split('.').all(|label| !label.is_empty()) && host.chars().all(is_letter)
}

fn is_mail(address: &str) -> bool {
    let Some((user, host)) = address.rsplit_once('@') else { return false };
    !user.is_empty() && host.contains('.') && is_host(host) && !host.contains(['%', '/', ':', '?', '#'])
}
