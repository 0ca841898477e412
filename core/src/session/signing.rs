//! Flask's signed cookie, bit for bit: `payload.timestamp.signature`, as itsdangerous makes it.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};
use sha1::Sha1;

use crate::error::Error;

/// The salt that Flask uses for session cookies.
const SALT: &[u8] = b"cookie-session";

/// The most bytes that a cookie may inflate to; one with more is refused.
const MAX_INFLATED: u64 = 1 << 20;

/// The signer and verifier of session cookies.
#[derive(Clone)]
pub(crate) struct Signer {
    /// Derived keys: the one to sign with, then those still accepted.
    keys: Arc<[Vec<u8>]>,
}

impl Signer {
    /// Derives the keys from `secrets`: the secret key, then those it replaced.
    pub(crate) fn new<'s>(secrets: impl IntoIterator<Item = &'s [u8]>) -> Self {
        Self { keys: secrets.into_iter().map(|secret| mac(secret, SALT).finalize().into_bytes().to_vec()).collect() }
    }

    /// Returns the signed cookie for `data`.
    pub(super) fn sign(&self, data: &impl Serialize, now: SystemTime) -> Result<String, Error> {
        let mut json = Vec::new();
        data.serialize(&mut Serializer::with_formatter(&mut json, Ascii))?;
        let payload = match deflate(&json)? {
            short if short.len() + 1 < json.len() => format!(".{}", URL_SAFE_NO_PAD.encode(short)),
            _ => URL_SAFE_NO_PAD.encode(&json),
        };
        let seconds = now.duration_since(UNIX_EPOCH)?.as_secs().to_be_bytes();
        let leading = seconds.iter().take_while(|byte| **byte == 0).count();
        let signed = format!("{payload}.{}", URL_SAFE_NO_PAD.encode(&seconds[leading..]));
        let signature = self.keys.first().map(|key| mac(key, signed.as_bytes()).finalize().into_bytes());
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.unwrap_or_default())))
    }

    /// Returns the JSON in `cookie`, if it was signed with one of the keys not longer than `lifetime` ago.
    pub(super) fn verify(&self, cookie: &str, now: SystemTime, lifetime: Duration) -> Option<Vec<u8>> {
        let (signed, signature) = cookie.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.keys.iter().find(|key| mac(key, signed.as_bytes()).verify_slice(&signature).is_ok())?;
        let (payload, timestamp) = signed.rsplit_once('.')?;
        let age = now.duration_since(read_timestamp(timestamp)?).ok()?;
        if age.as_secs() > lifetime.as_secs() {
            return None;
        }
        match payload.strip_prefix('.') {
            Some(compressed) => inflate(&URL_SAFE_NO_PAD.decode(compressed).ok()?),
            None => URL_SAFE_NO_PAD.decode(payload).ok(),
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The keys are secret, so they are not shown.
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

fn mac(key: &[u8], message: &[u8]) -> Hmac<Sha1> {
    // HMAC takes keys of any length, so the error the signature allows for cannot occur.
    let mut mac = Hmac::<Sha1>::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes any key"));
    mac.update(message);
    mac
}

fn read_timestamp(encoded: &str) -> Option<SystemTime> {
    let bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
    let mut seconds = [0; 8];
    seconds.get_mut(8_usize.checked_sub(bytes.len())?..)?.copy_from_slice(&bytes);
    UNIX_EPOCH.checked_add(Duration::from_secs(u64::from_be_bytes(seconds)))
}

fn deflate(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn inflate(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut inflated = Vec::new();
    ZlibDecoder::new(bytes).take(MAX_INFLATED + 1).read_to_end(&mut inflated).ok()?;
    (inflated.len() as u64 <= MAX_INFLATED).then_some(inflated)
}

/// A JSON formatter that writes as Python does: everything beyond ASCII as `\uXXXX`.
struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        for character in fragment.chars() {
            if character.is_ascii() {
                CompactFormatter.write_string_fragment(writer, character.encode_utf8(&mut [0; 4]))?;
            } else {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str =
        "eyJfZnJlc2giOnRydWUsIl9wZXJtYW5lbnQiOnRydWUsIl91c2VyX2lkIjoiNDIifQ.ZVPxAA.5l-q4GUl3Sl_xSZUMuKiG9u_UKA";
    const V2: &str = ".eJx1TkEKwjAQ_EqYc9Q0abUGLXjRk6DQi2gRayOKtR5sUCz9u7vtWRZm2J3Z2W2QwzYQhFhs4jlaiaKbECK9ein0VCxdLrTSoQi0NaGNxmK1TtnqyMr0Ovc7t47q4xF2H2QtSRfYYKgkSBkYiZKETOLR-Qgxy5PPbJQnnFbx9E4OzuiJ_9pt5_RXRiVR9wc4npr3E7LyZcmK7xRCBNqE0XgS_2M-9SXf-XQ5eKXcVBx8EZuC0CmF9gdK1Ufk.Zf17xw.G95_rX9w0wWiFq8jpHEbWLcIFac";
    const MONTH: Duration = Duration::from_secs(2_678_400);

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn signs_as_flask_does() {
        let signer = Signer::new([&b"dev-secret-key"[..]]);
        let data = serde_json::json!({"_fresh": true, "_permanent": true, "_user_id": "42"});
        assert_eq!(signer.sign(&data, at(1_700_000_000)).unwrap(), V1);
        let signer = Signer::new([&b"k"[..]]);
        let late = signer.sign(&serde_json::json!({"a": 1}), at(4_294_967_296)).unwrap();
        assert_eq!(late, "eyJhIjoxfQ.AQAAAAA.uoiagNN3pXQVQtMLvmcQePYaiLA", "five bytes of timestamp after 2106");
    }

    #[test]
    fn reads_what_flask_signed_and_compressed() {
        let signer = Signer::new([&b"\x00\x01\xfe\xff-bytes-key"[..]]);
        let json = signer.verify(V2, at(1_711_111_111), MONTH).unwrap();
        assert!(json.starts_with(br#"{"b":{" b":"AP8="}"#));
        assert!(json.ends_with(br#""z":"caf\u00e9 \ud83d\ude00"}"#));
        let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let again = signer.sign(&value, at(1_711_111_111)).unwrap();
        assert_eq!(signer.verify(&again, at(1_711_111_111), MONTH).unwrap(), json, "the same text when written again");
    }

    #[test]
    fn a_replaced_key_still_verifies_and_a_foreign_one_does_not() {
        let signer = Signer::new([&b"new"[..], b"old1", b"old2"]);
        let accepts = |cookie: &str| signer.verify(cookie, at(1_700_000_000), MONTH).is_some();
        assert!(accepts("eyJrIjoibmV3In0.ZVPxAA.FWmBSDQWKF4KyJGBqpAFYf3LOs8"));
        assert!(accepts("eyJrIjoib2xkMSJ9.ZVPxAA.40hyBSepH2gYQZoILvObBpf4NHg"));
        assert!(accepts("eyJrIjoib2xkMiJ9.ZVPxAA.HyfnPXPyYe_nVLSdnP1KubyuZ4Q"));
        assert!(!accepts("eyJrIjoiYmFkIn0.ZVPxAA.zl5g8bStrya8ZEHATGCkOYpio3g"));
    }

    #[test]
    fn refuses_cookies_that_are_forged_too_old_or_from_the_future() {
        let signer = Signer::new([&b"new"[..]]);
        let cookie = "eyJrIjoxfQ.ZVPxAA.vYT0cJL8QjoyAziBd3f68hsFTOU";
        let accepts = |cookie: &str, now| signer.verify(cookie, at(now), MONTH).is_some();
        assert!(accepts(cookie, 1_700_000_000));
        assert!(accepts(cookie, 1_702_678_400));
        assert!(!accepts(cookie, 1_702_678_401));
        assert!(!accepts(cookie, 1_699_999_999));
        for forged in ["eyJrIjoxfQ.ZVPxAA.vYT0cJL8QjoyAziBd3f68hsFTOA", "abc.def", "", ".", "..", "...."] {
            assert!(!accepts(forged, 1_700_000_000), "{forged}");
        }
    }

    #[test]
    fn a_cookie_that_inflates_without_end_is_refused() {
        assert_eq!(inflate(&deflate(&vec![b'a'; 2 << 20]).unwrap()), None);
    }
}
