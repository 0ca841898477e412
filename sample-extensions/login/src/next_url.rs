//! The URL of the login page, and the URL to return to after sign-in.

/// Returns the URL of the login page, with the URL to return to in its `next` argument; replaces an existing `next`.
///
/// ```
/// assert_eq!(costrel_login::login_url("/login", "/report?page=2"), "/login?next=%2Freport%3Fpage%3D2");
/// assert_eq!(costrel_login::login_url("/login?lang=en&next=/", "/me"), "/login?lang=en&next=%2Fme");
/// ```
pub fn login_url(login_view: &str, next: &str) -> String {
    let (path, query) = login_view.split_once('?').unwrap_or((login_view, ""));
    let kept = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "next");
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).append_pair("next", next).finish();
    format!("{path}?{query}")
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
