//! The scheme `Digest` (RFC 7616), in which the client proves that it knows the password without sending it.

use std::fmt::Write;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use costrel::{Authorization, Error, Request, Serializer, current_app};
use md5::Md5;
use sha2::Sha256;
use sha2::digest::Digest as _;

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

/// The challenges of one realm.
#[derive(Clone, Debug)]
pub(crate) struct Digest {
    pub(crate) algorithm: Algorithm,
}

impl Digest {
    /// Returns a new challenge. Its nonce is signed with the app's secret key, so that the app need not remember it.
    ///
    /// # Errors
    /// If the app has no secret key.
    pub(crate) fn challenge(&self, scheme: &str, realm: &str) -> Result<String, Error> {
        let nonce = signer()?.dumps(&RandomState::new().hash_one(scheme))?;
        let algorithm = self.algorithm.name();
        Ok(format!(r#"{scheme} realm="{realm}",nonce="{nonce}",algorithm={algorithm},qop="auth""#))
    }

    /// Whether `sent` answers a challenge of this app for this very request.
    ///
    /// # Errors
    /// If the app has no secret key.
    pub(crate) fn accepts(&self, sent: &Authorization, request: &Request, password: &str) -> Result<bool, Error> {
        let part = |name: &str| sent.get(name).unwrap_or_default();
        // The client's address has the path below which a proxy or another router has mounted the app.
        let below = format!("{}{}", request.script_root(), request.full_path());
        if signer()?.loads::<u64>(part("nonce"), LIFETIME).is_err() || part("uri") != below {
            return Ok(false);
        }
        if !matches!(part("algorithm"), "" | "MD5" | "SHA-256") || !matches!(part("qop"), "" | "auth") {
            return Ok(false);
        }
        let hash = |text: &str| self.algorithm.hash(text);
        let secret = hash(&format!("{}:{}:{password}", part("username"), part("realm")));
        let target = hash(&format!("{}:{}", request.method(), part("uri")));
        let expected = match part("qop") {
            "auth" => hash(&format!("{secret}:{}:{}:{}:auth:{target}", part("nonce"), part("nc"), part("cnonce"))),
            _ => hash(&format!("{secret}:{}:{target}", part("nonce"))),
        };
        Ok(is_equal(expected.as_bytes(), part("response").as_bytes()))
    }
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

/// Compares in a time that does not tell where the texts differ.
fn is_equal(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differing, (one, other)| differing | (one ^ other)) == 0
}
