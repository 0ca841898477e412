//! Tokens that no client can guess, and how to compare them: what Python has in its module `secrets`.
//!
//! ```
//! use costrel_ext_kit::secrets::{compare_digest, token_hex};
//!
//! let (token, another) = (token_hex(20)?, token_hex(20)?);
//! assert_eq!(token.len(), 40);
//! assert!(compare_digest(&token, &token) && !compare_digest(&token, &another));
//! # Ok::<(), costrel::Error>(())
//! ```

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use costrel::Error;
use subtle::ConstantTimeEq;

/// Returns `N` random bytes of the system's: Python's `secrets.token_bytes`. 16 or more cannot be guessed.
///
/// # Errors
/// If the system has no random bytes.
pub fn token_bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// Returns a token of `bytes` random bytes, as two hexadecimal digits each: Python's `secrets.token_hex`.
///
/// # Errors
/// If the system has no random bytes.
pub fn token_hex(bytes: usize) -> Result<String, Error> {
    random(bytes).map(hex::encode)
}

/// Returns a token of `bytes` random bytes for cookies and URLs, in base64 without padding: Python's `secrets.token_urlsafe`.
///
/// # Errors
/// If the system has no random bytes.
pub fn token_urlsafe(bytes: usize) -> Result<String, Error> {
    random(bytes).map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
}

/// Whether two secrets are equal, found in a time that does not tell where they differ, only whether they have one length:
/// Python's `secrets.compare_digest`. With `==`, a client that measures the time could find a secret letter by letter.
pub fn compare_digest(one: impl AsRef<[u8]>, other: impl AsRef<[u8]>) -> bool {
    one.as_ref().ct_eq(other.as_ref()).into()
}

fn random(length: usize) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn tokens_are_as_long_as_pythons_and_never_the_same() {
        assert_ne!(token_bytes::<16>().unwrap(), token_bytes::<16>().unwrap());
        for (make, length) in [(token_hex as fn(_) -> _, 64), (token_urlsafe, 43)] {
            let (one, other): (String, String) = (make(32).unwrap(), make(32).unwrap());
            assert_eq!((one.len(), other.len()), (length, length));
            assert_ne!(one, other);
            assert!(one.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')));
        }
    }

    #[test]
    fn secrets_are_equal_only_as_a_whole() {
        assert!(compare_digest("secret", b"secret") && compare_digest("", ""));
        assert!(["secre", "secrets", "Secret", "secreT", ""].iter().all(|other| !compare_digest("secret", other)));
    }
}
