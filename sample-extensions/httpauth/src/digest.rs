//! The scheme `Digest` (RFC 7616), in which the client proves that it knows the password without sending it.

use std::fmt::Write;
use std::time::Duration;

use costrel::{Authorization, BadSignature, Callable, Error, Request, Serializer, current_app};
use costrel_ext_kit::secrets::{compare_digest, token_hex};
use md5::Md5;
use sha2::Sha256;
use sha2::digest::Digest as _;

use crate::checked::Checked;
use crate::sent::Sent;

/// The time for which a challenge may be answered.
const LIFETIME: Duration = Duration::from_secs(300);

/// The hash of a challenge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// MD5, which every client knows.
    #[default]
    Md5,
    /// SHA-256.
    Sha256,
}

/// The challenges of one realm, and what their answers are checked against.
#[derive(Clone, Debug)]
pub(crate) struct Digest {
    pub(crate) algorithm: Algorithm,
    /// Returns the password of a name, or its hash.
    pub(crate) password_of: Callable<String, Option<String>>,
    /// Whether it returns hashes.
    pub(crate) uses_ha1: bool,
}

impl Digest {
    /// Returns a new challenge, to a client that answered a stale one or to another. Its nonce is signed with the app's secret key, so
    /// that the app need not remember it.
    ///
    /// # Errors
    /// If the app has no secret key.
    pub(crate) fn challenge(&self, scheme: &str, realm: &str, is_stale: bool) -> Result<String, Error> {
        let nonce = signer()?.dumps(&token_hex(8)?)?;
        let algorithm = self.algorithm.name();
        let stale = if is_stale { ", stale=true" } else { "" };
        Ok(format!(r#"{scheme} realm="{realm}",nonce="{nonce}",algorithm={algorithm},qop="auth"{stale}"#))
    }

    /// Checks whether the client has answered a challenge of this app for this very request, and returns the user's name then.
    ///
    /// # Errors
    /// If the app has no secret key; the errors of its function.
    pub(crate) async fn check(&self, sent: Option<Sent>, request: &Request) -> Result<Checked<String>, Error> {
        let sent = request.authorization().filter(|_| matches!(sent, Some(Sent::Authorization(_))));
        let Some((sent, name)) = sent.and_then(|sent| Some((sent.clone(), sent.username()?.to_owned()))) else {
            return Ok(Checked::Unknown);
        };
        // An empty password is that of an account whose password was never set.
        let password = self.password_of.call(name.clone()).await?.filter(|password| !password.is_empty());
        let is_right = password.is_some_and(|password| self.is_answer(&sent, request, &password));
        if !is_right || !is_for(request, sent.get("uri").unwrap_or_default()) {
            return Ok(Checked::Unknown);
        }
        Ok(match signer()?.loads::<String>(sent.get("nonce").unwrap_or_default(), LIFETIME) {
            Ok(_) => Checked::User(name),
            Err(error) if error.downcast_ref() == Some(&BadSignature::Expired) => Checked::Stale,
            Err(_) => Checked::Unknown,
        })
    }

    /// Whether the client knew the password.
    fn is_answer(&self, sent: &Authorization, request: &Request, password: &str) -> bool {
        let part = |name: &str| sent.get(name).unwrap_or_default();
        if !matches!(part("algorithm"), "" | "MD5" | "SHA-256") || !matches!(part("qop"), "" | "auth") {
            return false;
        }
        let hash = |text: &str| self.algorithm.hash(text);
        let secret = if self.uses_ha1 {
            password.to_owned()
        } else {
            self.algorithm.ha1(part("username"), part("realm"), password)
        };
        let target = hash(&format!("{}:{}", request.method(), part("uri")));
        let expected = match part("qop") {
            "auth" => hash(&format!("{secret}:{}:{}:{}:auth:{target}", part("nonce"), part("nc"), part("cnonce"))),
            _ => hash(&format!("{secret}:{}:{target}", part("nonce"))),
        };
        compare_digest(expected, part("response"))
    }
}

/// Whether `uri` is the address of the request: with the path below which a proxy or another router has mounted the app.
fn is_for(request: &Request, uri: &str) -> bool {
    let (root, path) = (request.script_root(), request.full_path());
    uri.strip_prefix(root).is_some_and(|rest| {
        // The mount point itself may be written without its slash.
        let is_bare = !root.is_empty() && request.path() == "/" && path.strip_prefix('/') == Some(rest);
        rest == path || is_bare
    })
}

fn signer() -> Result<Serializer, Error> {
    current_app().serializer("httpauth-nonce")
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    /// Returns the hash of a name, a realm and a password, which RFC 7616 calls A1.
    pub(crate) fn ha1(self, name: &str, realm: &str, password: &str) -> String {
        self.hash(&format!("{name}:{realm}:{password}"))
    }

    fn hash(self, text: &str) -> String {
        match self {
            Self::Md5 => hex(&Md5::digest(text)),
            Self::Sha256 => hex(&Sha256::digest(text)),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
