//! The header `Authorization`: who the client says it is.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::header_list::{split_unquoted, unquoted};

/// The parts of an `Authorization` header: Werkzeug's `request.authorization`. Not checked against anything: that is for
/// the app, or an extension.
///
/// ```
/// use costrel::{App, request};
///
/// let mut app = App::new("docs");
/// app.route("/", || match request().authorization() {
///     Some(sent) if (sent.username(), sent.password()) == (Some("ada"), Some("secret")) => "welcome",
///     _ => "who are you?",
/// });
/// let client = app.test_client();
/// assert_eq!(client.get("/").auth("ada", "secret").wait()?.text(), "welcome");
/// # Ok::<(), costrel::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Authorization {
    scheme: String,
    credentials: Credentials,
}

#[derive(Clone, PartialEq, Eq)]
enum Credentials {
    Basic {
        username: String,
        password: String,
    },
    Token(String),
    /// Pairs in the order sent, the names in lower case.
    Parameters(Vec<(String, String)>),
}

impl Authorization {
    /// Parses a header's value. `None` if it has no credentials, or those of `Basic` cannot be read.
    pub(super) fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ')?;
        let (scheme, rest) = (scheme.to_ascii_lowercase(), rest.trim());
        let credentials = match &*scheme {
            "basic" => parse_basic(rest)?,
            // A token may end with the `=` of base64, a list of parameters has one inside.
            _ if rest.trim_end_matches('=').contains('=') => parse_parameters(rest),
            _ => Credentials::Token(rest.to_owned()),
        };
        Some(Self { scheme, credentials })
    }

    /// The scheme in lower case, such as `basic`, `bearer` or `digest`.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The user's name: of `Basic`, or the parameter `username`.
    pub fn username(&self) -> Option<&str> {
        self.get("username")
    }

    /// The password of `Basic`.
    pub fn password(&self) -> Option<&str> {
        self.get("password")
    }

    /// The token of schemes such as `Bearer`.
    pub fn token(&self) -> Option<&str> {
        match &self.credentials {
            Credentials::Token(token) => Some(token),
            _ => None,
        }
    }

    /// A parameter of schemes such as `Digest`, whose name is in lower case.
    ///
    /// ```
    /// use costrel::{App, request};
    ///
    /// let mut app = App::new("docs");
    /// app.route("/", || match request().authorization() {
    ///     Some(sent) => sent.get("realm").unwrap_or("none").to_owned(),
    ///     None => "none".to_owned(),
    /// });
    /// let client = app.test_client();
    /// let page = client.get("/").header("authorization", r#"Digest username="ada", realm="a, b""#).wait()?;
    /// assert_eq!(page.text(), "a, b");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn get(&self, name: &str) -> Option<&str> {
        match (&self.credentials, name) {
            (Credentials::Basic { username, .. }, "username") => Some(username),
            (Credentials::Basic { password, .. }, "password") => Some(password),
            (Credentials::Parameters(pairs), _) => pairs.iter().find(|(key, _)| key == name).map(|(_, value)| &**value),
            _ => None,
        }
    }
}

fn parse_basic(encoded: &str) -> Option<Credentials> {
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    Some(Credentials::Basic { username: username.to_owned(), password: password.to_owned() })
}

fn parse_parameters(text: &str) -> Credentials {
    let pairs = split_unquoted(text, b',').filter_map(|pair| pair.split_once('='));
    let pair = |(name, value): (&str, &str)| (name.trim().to_ascii_lowercase(), unquoted(value.trim()).into_owned());
    Credentials::Parameters(pairs.map(pair).collect())
}

/// Shows the scheme alone, because the credentials are secret.
impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_has_a_user_and_a_password_that_may_have_colons() {
        let parsed = Authorization::parse("BASIC YWRhOmE6Yg==").unwrap();
        assert_eq!((parsed.scheme(), parsed.username(), parsed.password()), ("basic", Some("ada"), Some("a:b")));
        assert_eq!((parsed.token(), parsed.get("realm")), (None, None));
        assert!(!format!("{parsed:?}").contains("ada"));
    }

    #[test]
    fn what_is_not_basic_is_none() {
        for header in ["Basic", "Basic ", "Basic ???", "Basic YWRh", "Basic /w==", "", " "] {
            assert!(Authorization::parse(header).is_none(), "{header:?}");
        }
    }

    #[test]
    fn a_bearer_has_a_token_and_digest_has_parameters() {
        let parsed = Authorization::parse("Bearer a.b-c==").unwrap();
        assert_eq!((parsed.scheme(), parsed.token(), parsed.username()), ("bearer", Some("a.b-c=="), None));
        let parsed = Authorization::parse(r#"Digest Username="ada", uri="/?a=b,c", qop=auth, nc=1"#).unwrap();
        assert_eq!((parsed.username(), parsed.get("uri"), parsed.get("nc")), (Some("ada"), Some("/?a=b,c"), Some("1")));
        assert_eq!((parsed.token(), parsed.password()), (None, None));
    }
}
