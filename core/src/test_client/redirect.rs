//! The target of a redirect: a `Location` resolved as browsers resolve it (RFC 3986 section 5, and the WHATWG's URLs).

use http::Uri;
use http::uri::Authority;

use crate::error::{Error, ErrorKind};

/// Resolves `location` against the URL of a request to `host`.
///
/// # Errors
/// If it leads to another host or port, is for no HTTP client, or is no URL.
pub(super) fn resolve(here: &Uri, host: &str, location: &str) -> Result<Uri, Error> {
    let location = cleaned(location);
    let scheme = here.scheme_str().unwrap_or("http");
    let (scheme, rest) = match split_scheme(&location) {
        Some((given, rest)) if !is_http(&given) => return Err(external(&format!("{given}:{rest}"))),
        // `http:path` is relative for a page that came by HTTP, and else names a host.
        Some((given, rest)) if given != scheme || rest.starts_with("//") => {
            (given, format!("//{}", rest.trim_start_matches('/')))
        }
        Some((given, rest)) => (given, rest.to_owned()),
        None => (scheme.to_owned(), location.clone()),
    };
    let Some(whole) = rest.strip_prefix("//") else {
        return parse(&rebased(here, &path_of(here, &rest)));
    };
    // Browsers take any number of slashes for two.
    let whole = whole.trim_start_matches('/');
    let (authority, path) = whole.split_at(whole.find(['/', '?', '#']).unwrap_or(whole.len()));
    let named: Authority = authority.parse().map_err(|_| external(&location))?;
    if origin(&scheme, named.as_str()) != origin(&scheme, host) {
        return Err(external(&location));
    }
    let path = if path.starts_with('/') { without_dots(path) } else { format!("/{path}") };
    let own = named.as_str().rsplit('@').next().unwrap_or_default();
    parse(&format!("{scheme}://{own}{path}"))
}

/// Returns the text as browsers read it: no spaces around it, no tabs or line breaks in it, a slash for each backslash
/// before the query.
fn cleaned(location: &str) -> String {
    let text: String = location.trim_matches(|c: char| c <= ' ').replace(['\t', '\n', '\r'], "");
    let (path, rest) = text.split_at(text.find(['?', '#']).unwrap_or(text.len()));
    format!("{}{rest}", path.replace('\\', "/"))
}

/// Splits off the scheme, in lower case.
fn split_scheme(location: &str) -> Option<(String, &str)> {
    let (scheme, rest) = location.split_once(':')?;
    let begins = scheme.starts_with(|c: char| c.is_ascii_alphabetic());
    let fits = begins && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    fits.then(|| (scheme.to_ascii_lowercase(), rest))
}

fn is_http(scheme: &str) -> bool {
    matches!(scheme, "http" | "https")
}

/// The host and port of an authority, in one spelling.
fn origin(scheme: &str, authority: &str) -> String {
    let host = authority.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    let usual = if scheme == "https" { ":443" } else { ":80" };
    host.strip_suffix(usual).unwrap_or(&host).to_owned()
}

/// Returns path and query of `rest`, which has neither scheme nor host.
fn path_of(here: &Uri, rest: &str) -> String {
    let query = here.query().map(|query| format!("?{query}")).unwrap_or_default();
    match rest.chars().next() {
        None | Some('#') => format!("{}{query}", here.path()),
        Some('?') => format!("{}{rest}", here.path()),
        Some('/') => without_dots(rest),
        Some(_) => without_dots(&format!("{}{rest}", &here.path()[..=here.path().rfind('/').unwrap_or(0)])),
    }
}

/// Removes the segments `.` and `..` from a path, and leaves its query.
fn without_dots(path: &str) -> String {
    let (path, rest) = path.split_at(path.find(['?', '#']).unwrap_or(path.len()));
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            other => kept.push(other),
        }
    }
    // A path that ends in a dot segment names a folder.
    let folder = path.ends_with("/.") || path.ends_with("/..");
    format!("/{}{}{rest}", kept.join("/"), if folder && !kept.is_empty() { "/" } else { "" })
}

/// Returns a path as a URL like that of `here`: whole, or the path alone.
fn rebased(here: &Uri, path: &str) -> String {
    match (here.scheme_str(), here.authority()) {
        (Some(scheme), Some(authority)) => format!("{scheme}://{authority}{path}"),
        _ => path.to_owned(),
    }
}

fn parse(url: &str) -> Result<Uri, Error> {
    url.parse().map_err(|error| failure(&format!("the redirect to {url:?} leads nowhere: {error}")))
}

fn external(location: &str) -> Error {
    failure(&format!("following external redirects is not supported; this one leads to {location:?}"))
}

pub(super) fn failure(message: &str) -> Error {
    Error::new(ErrorKind::Other, message)
}
