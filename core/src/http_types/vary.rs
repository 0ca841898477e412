//! The header `Vary`, to which several parts of a response add.

use http::header::{HeaderValue, VARY};

use super::response::Response;

/// Adds a header's name to the `Vary` of a response, unless it is there already or `Vary` is `*`: Werkzeug's
/// `response.vary.add(..)`. What others have put there stays.
///
/// ```
/// use costrel::{IntoResponse, add_vary};
///
/// let mut response = "hello".into_response()?;
/// for name in ["Cookie", "Accept-Language", "cookie"] {
///     add_vary(&mut response, name);
/// }
/// let vary: Vec<_> = response.headers().get_all("vary").iter().collect();
/// assert_eq!(vary, ["Cookie", "Accept-Language"]);
/// # Ok::<(), costrel::Error>(())
/// ```
#[doc(alias = "vary")]
pub fn add_vary(response: &mut Response, name: &str) {
    let has = |line: &HeaderValue| {
        let mut names = line.to_str().unwrap_or_default().split(',').map(str::trim);
        names.any(|known| known == "*" || known.eq_ignore_ascii_case(name))
    };
    // Text that no header can hold is no header's name.
    let Ok(value) = HeaderValue::from_str(name) else { return };
    if !response.headers().get_all(VARY).iter().any(has) {
        response.headers_mut().append(VARY, value);
    }
}
