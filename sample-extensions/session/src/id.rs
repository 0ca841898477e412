//! The id of a session, which is all that the client has of it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// The longest id that is looked for in the store, because clients choose what they send.
const LONGEST: usize = 256;

/// Whether a text may be an id.
pub(crate) fn is_well_formed(id: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=LONGEST).contains(&id.len()) && id.bytes().all(is_fit)
}

/// Signs ids, bit for bit as itsdangerous does for Flask-Session.
#[derive(Clone)]
pub(crate) struct Signer {
    /// The key to sign with, then those still accepted.
    keys: Vec<Vec<u8>>,
}

/// The purpose of the signature, which is Flask-Session's.
const SALT: &[u8] = b"flask-session";

impl Signer {
    pub(crate) fn new<'s>(secrets: impl IntoIterator<Item = &'s str>) -> Self {
        let key = |secret: &str| mac(secret.as_bytes(), SALT).finalize().into_bytes().to_vec();
        Self { keys: secrets.into_iter().map(key).collect() }
    }

    /// Returns the id with its signature.
    pub(crate) fn sign(&self, id: &str) -> String {
        let key = self.keys.first().map(Vec::as_slice).unwrap_or_default();
        format!("{id}.{}", URL_SAFE_NO_PAD.encode(mac(key, id.as_bytes()).finalize().into_bytes()))
    }

    /// Returns the id in `signed`, if one of the keys has signed it.
    pub(crate) fn verify<'s>(&self, signed: &'s str) -> Option<&'s str> {
        let (id, signature) = signed.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let is_right = |key: &Vec<u8>| mac(key, id.as_bytes()).verify_slice(&signature).is_ok();
        self.keys.iter().any(is_right).then_some(id)
    }
}

fn mac(key: &[u8], message: &[u8]) -> Hmac<Sha1> {
    // HMAC takes keys of any length, so the error that the signature allows for cannot occur.
    let mut mac = Hmac::<Sha1>::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes any key"));
    mac.update(message);
    mac
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The keys are secret, so they are not shown.
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}
