//! Signed text, bit for bit as itsdangerous makes it: `payload.timestamp.signature`. Flask's cookie is one.

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
use sha1::{Digest, Sha1};

use crate::error::Error;

/// The salt that Flask uses for session cookies.
const SALT: &[u8] = b"cookie-session";

/// The most bytes that a payload may inflate to; one with more is refused.
const MAX_INFLATED: u64 = 1 << 20;

/// The signer and verifier of session cookies, and of what apps sign.
#[derive(Clone)]
pub(crate) struct Signer {
    /// Derived keys: the one to sign with, then those still accepted.
    keys: Arc<[Vec<u8>]>,
}

impl Signer {
    /// Derives the keys of session cookies from `secrets`: the secret key, then those it replaced.
    pub(super) fn of_sessions<'s>(secrets: impl IntoIterator<Item = &'s [u8]>) -> Self {
        Self { keys: secrets.into_iter().map(|secret| mac(secret, SALT).finalize().into_bytes().to_vec()).collect() }
    }

    /// Derives the keys from `secrets` as itsdangerous does unless told otherwise: by `django-concat`.
    pub(crate) fn with_salt<'s>(secrets: impl IntoIterator<Item = &'s [u8]>, salt: &str) -> Self {
        let key =
            |secret| Sha1::new().chain_update(salt).chain_update("signer").chain_update(secret).finalize().to_vec();
        Self { keys: secrets.into_iter().map(key).collect() }
    }

    /// Returns the signed text for a session's `data`, whose JSON is ASCII as Flask's is.
    pub(super) fn sign_ascii(&self, data: &impl Serialize, now: SystemTime) -> Result<String, Error> {
        let mut json = Vec::new();
        data.serialize(&mut Serializer::with_formatter(&mut json, Ascii))?;
        self.sign(&json, now)
    }

    /// Returns the signed text for some JSON.
    pub(crate) fn sign(&self, json: &[u8], now: SystemTime) -> Result<String, Error> {
        let payload = match deflate(json)? {
            short if short.len() + 1 < json.len() => format!(".{}", URL_SAFE_NO_PAD.encode(short)),
            _ => URL_SAFE_NO_PAD.encode(json),
        };
        let seconds = now.duration_since(UNIX_EPOCH)?.as_secs().to_be_bytes();
        let leading = seconds.iter().take_while(|byte| **byte == 0).count();
        let signed = format!("{payload}.{}", URL_SAFE_NO_PAD.encode(&seconds[leading..]));
        let signature = self.keys.first().map(|key| mac(key, signed.as_bytes()).finalize().into_bytes());
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.unwrap_or_default())))
    }

    /// Returns the JSON in `text`, if it was signed with one of the keys not longer than `lifetime` ago. With
    /// [`Duration::MAX`] the age is not looked at, so that a text from a clock that is ahead holds too.
    ///
    /// # Errors
    /// Why it must not be used.
    pub(crate) fn verify(&self, text: &str, now: SystemTime, lifetime: Duration) -> Result<Vec<u8>, BadSignature> {
        let (payload, signed_at) = self.signed_parts(text).ok_or(BadSignature::Forged)?;
        let is_in_time = |age: Duration| age.as_secs() <= lifetime.as_secs();
        if lifetime != Duration::MAX && !now.duration_since(signed_at).is_ok_and(is_in_time) {
            return Err(BadSignature::Expired);
        }
        let json = match payload.strip_prefix('.') {
            Some(compressed) => URL_SAFE_NO_PAD.decode(compressed).ok().and_then(|bytes| inflate(&bytes)),
            None => URL_SAFE_NO_PAD.decode(payload).ok(),
        };
        json.ok_or(BadSignature::Forged)
    }

    /// The payload, and when it was signed, if one of the keys did so.
    fn signed_parts<'t>(&self, text: &'t str) -> Option<(&'t str, SystemTime)> {
        let (signed, signature) = text.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.keys.iter().find(|key| mac(key, signed.as_bytes()).verify_slice(&signature).is_ok())?;
        let (payload, timestamp) = signed.rsplit_once('.')?;
        Some((payload, read_timestamp(timestamp)?))
    }
}

/// Why a signed text must not be used; the source of the error of [`Serializer::loads`](crate::Serializer::loads).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadSignature {
    /// Without a signature by a key of the app for this purpose, or it was changed since.
    Forged,
    /// The text is older than its reader allows, or from the future.
    Expired,
}

impl fmt::Display for BadSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forged => "the signature does not match",
            Self::Expired => "the signature has expired",
        })
    }
}

impl std::error::Error for BadSignature {}

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
        let signer = Signer::of_sessions([&b"dev-secret-key"[..]]);
        let data = serde_json::json!({"_fresh": true, "_permanent": true, "_user_id": "42"});
        assert_eq!(signer.sign_ascii(&data, at(1_700_000_000)).unwrap(), V1);
        let signer = Signer::of_sessions([&b"k"[..]]);
        let late = signer.sign_ascii(&serde_json::json!({"a": 1}), at(4_294_967_296)).unwrap();
        assert_eq!(late, "eyJhIjoxfQ.AQAAAAA.uoiagNN3pXQVQtMLvmcQePYaiLA", "five bytes of timestamp after 2106");
    }

    #[test]
    fn reads_what_flask_signed_and_compressed() {
        let signer = Signer::of_sessions([&b"\x00\x01\xfe\xff-bytes-key"[..]]);
        let json = signer.verify(V2, at(1_711_111_111), MONTH).unwrap();
        assert!(json.starts_with(br#"{"b":{" b":"AP8="}"#));
        assert!(json.ends_with(br#""z":"caf\u00e9 \ud83d\ude00"}"#));
        let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
        let again = signer.sign_ascii(&value, at(1_711_111_111)).unwrap();
        assert_eq!(signer.verify(&again, at(1_711_111_111), MONTH).unwrap(), json, "the same text when written again");
    }

    #[test]
    fn signs_as_itsdangerous_does_with_a_salt() {
        let signer = Signer::with_salt([&b"dev"[..]], "itsdangerous");
        let text = "eyJ1c2VyIjo0Mn0.ZVPxAA.qxnPKwunaqL4SY4RC6vw2oDzsTs";
        assert_eq!(signer.sign(br#"{"user":42}"#, at(1_700_000_000)).unwrap(), text);
        let other = Signer::with_salt([&b"dev"[..]], "confirm-email");
        let text = "ImFkYUBleGFtcGxlLm9yZyI.ZVPxAA.U1jv16jg31wikKKQ6D-s8_dsjlc";
        assert_eq!(other.sign(br#""ada@example.org""#, at(1_700_000_000)).unwrap(), text);
        assert_eq!(signer.verify(text, at(1_700_000_000), MONTH), Err(BadSignature::Forged));
        let long = ".eJyLVqoYJkBJJ680J0enpKg0VcdQz1RH6fDKD_NnNCjFAgDZAmfT.ZVPxAA.pMoYGltR2gxtWnFbgEZKUKqIdsE";
        let read = Signer::with_salt([&b"k"[..]], "s").verify(long, at(1_700_000_000), MONTH).unwrap();
        assert!(read.ends_with("\",null,true,1.5,\"é😀\"]".as_bytes()));
        assert_eq!(Signer::with_salt([&b"k"[..]], "s").sign(&read, at(1_700_000_000)).unwrap().len(), long.len());
    }

    #[test]
    fn a_replaced_key_still_verifies_and_a_foreign_one_does_not() {
        let signer = Signer::of_sessions([&b"new"[..], b"old1", b"old2"]);
        let accepts = |cookie: &str| signer.verify(cookie, at(1_700_000_000), MONTH).is_ok();
        assert!(accepts("eyJrIjoibmV3In0.ZVPxAA.FWmBSDQWKF4KyJGBqpAFYf3LOs8"));
        assert!(accepts("eyJrIjoib2xkMSJ9.ZVPxAA.40hyBSepH2gYQZoILvObBpf4NHg"));
        assert!(accepts("eyJrIjoib2xkMiJ9.ZVPxAA.HyfnPXPyYe_nVLSdnP1KubyuZ4Q"));
        assert!(!accepts("eyJrIjoiYmFkIn0.ZVPxAA.zl5g8bStrya8ZEHATGCkOYpio3g"));
    }

    #[test]
    fn refuses_cookies_that_are_forged_too_old_or_from_the_future() {
        let signer = Signer::of_sessions([&b"new"[..]]);
        let cookie = "eyJrIjoxfQ.ZVPxAA.vYT0cJL8QjoyAziBd3f68hsFTOU";
        let accepts = |cookie: &str, now| signer.verify(cookie, at(now), MONTH).is_ok();
        assert!(accepts(cookie, 1_700_000_000));
        assert!(accepts(cookie, 1_702_678_400));
        assert!(!accepts(cookie, 1_702_678_401));
        assert!(!accepts(cookie, 1_699_999_999));
        assert!(signer.verify(cookie, at(1_699_999_999), Duration::MAX).is_ok(), "no limit, no look at the age");
        for forged in ["eyJrIjoxfQ.ZVPxAA.vYT0cJL8QjoyAziBd3f68hsFTOA", "abc.def", "", ".", "..", "...."] {
            assert!(!accepts(forged, 1_700_000_000), "{forged}");
        }
    }

    #[test]
    fn a_cookie_that_inflates_without_end_is_refused() {
        assert_eq!(inflate(&deflate(&vec![b'a'; 2 << 20]).unwrap()), None);
    }
}
