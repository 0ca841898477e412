//! The URL of the login page, and the URL to return to after sign-in.

use costrel::http::Uri;
use form_urlencoded::Serializer;

/// Returns the URL of the login page, with the URL to return to in its `next` argument; replaces an existing `next`.
///
/// ```
/// assert_eq!(costrel_login::login_url("/login", "/report?page=2"), "/login?next=%2Freport%3Fpage%3D2");
/// assert_eq!(costrel_login::login_url("/login?lang=en&next=/", "/me"), "/login?lang=en&next=%2Fme");
/// assert_eq!(costrel_login::login_url("/login#form?", "/me"), "/login?next=%2Fme#form?");
/// ```
pub fn login_url(login_view: &str, next: &str) -> String {
    let (page, fragment) = login_view.split_at(login_view.find('#').unwrap_or(login_view.len()));
    let (path, query) = page.split_once('?').unwrap_or((page, ""));
    let kept = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "next");
    let query = Serializer::new(String::new()).extend_pairs(kept).append_pair("next", next).finish();
    // Python's encoding, so that both send clients to the same URL.
    format!("{path}?{}{fragment}", query.replace('*', "%2A").replace("%7E", "~"))
}

/// Returns what a login page at `login_url` needs to lead back to `current_url`: the path and query if the page is on the
/// same scheme and host, else the whole URL.
///
/// ```
/// use costrel_login::next_param;
///
/// let current = "http://localhost/report?page=2";
/// assert_eq!(next_param("/login", current), "/report?page=2");
/// assert_eq!(next_param("http://localhost/login", current), "/report?page=2");
/// assert_eq!(next_param("https://auth.localhost/login", current), current);
/// ```
pub fn next_param(login_url: &str, current_url: &str) -> String {
    let [login, current] = [login_url, current_url].map(|url| url.parse::<Uri>().unwrap_or_default());
    let is_here = login.scheme().is_none_or(|scheme| current.scheme() == Some(scheme))
        && login.authority().is_none_or(|host| current.authority() == Some(host));
    match current.path_and_query() {
        Some(path) if is_here => path.to_string(),
        _ => current_url.to_owned(),
    }
}

/// Returns `url`, which may be a path, with another host.
pub(crate) fn with_host(url: &str, host: &str) -> String {
    match url.split_once("://").map(|(scheme, rest)| (scheme, rest.find(['/', '?', '#']).map_or("", |at| &rest[at..])))
    {
        Some((scheme, path)) if !scheme.contains('/') => format!("{scheme}://{host}{path}"),
        _ => format!("//{host}{url}"),
    }
}

/// Whether `next` leads to this site: it is a path, and no browser reads it as another host.
///
/// ```
/// use costrel_login::is_safe_next;
///
/// assert!(is_safe_next("/report?page=2") && is_safe_next("/é") && !is_safe_next("é"));
/// assert!(!is_safe_next("//evil.example") && !is_safe_next("/\\evil.example") && !is_safe_next("https://evil.example"));
/// ```
pub fn is_safe_next(next: &str) -> bool {
    // Browsers read `\` as `/` and drop tabs and line breaks, so neither may hide a second slash.
    let on_this_host = next.strip_prefix('/').is_some_and(|rest| !rest.starts_with(['/', '\\']));
    on_this_host && !next.contains(char::is_control)
}
