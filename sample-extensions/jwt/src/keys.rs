//! The keys that sign and verify, by algorithm and by id.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use costrel::{Config, Error, ErrorKind};
use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The keys of an app.
#[derive(Debug)]
pub(crate) struct Keys {
    /// `JWT_ALGORITHM`, which signs.
    pub(crate) algorithm: Algorithm,
    /// The one that signs, and `JWT_DECODE_ALGORITHMS`.
    accepted: Vec<Algorithm>,
    /// `JWT_KEY_ID`: the id that tokens get, so that a reader finds the key.
    pub(crate) id: Option<String>,
    signing: Option<EncodingKey>,
    /// The current keys, and those they replaced.
    verifying: Vec<DecodingKey>,
    /// `JWT_DECODE_KEYS`.
    by_id: BTreeMap<String, DecodingKey>,
}

impl Keys {
    /// Reads the keys; `is_given` says whether a function of the app gives those that verify instead.
    ///
    /// # Errors
    /// If a key to verify with is missing, or a key is none or does not go with its algorithm; the message names the setting.
    pub(crate) fn read(config: &Config, is_given: bool) -> Result<Self, Error> {
        let name = config.try_get::<Option<String>>("JWT_ALGORITHM")?.flatten();
        let more = config.try_get::<Option<Vec<String>>>("JWT_DECODE_ALGORITHMS")?.flatten().unwrap_or_default();
        let algorithm = parse("JWT_ALGORITHM", name.as_deref().unwrap_or("HS256"))?;
        let more = more.iter().map(|name| parse("JWT_DECODE_ALGORITHMS", name));
        let accepted = std::iter::once(Ok(algorithm)).chain(more).collect::<Result<Vec<_>, _>>()?;
        let (secrets, public) = (secrets(config)?, public(config)?);
        let private: Option<String> = secret(config, "JWT_PRIVATE_KEY")?;
        let signing = if is_symmetric(algorithm) { secrets.first() } else { private.as_ref() };
        let signing = signing.map(|text| signing_key(setting(algorithm, true), text, algorithm)).transpose()?;
        let mut verifying = Vec::new();
        for (is_secret, texts) in [(true, secrets), (false, public)] {
            let for_these: Vec<_> =
                accepted.iter().copied().filter(|known| is_symmetric(*known) == is_secret).collect();
            // A secret of the app says nothing where no algorithm uses one.
            for text in texts.iter().filter(|_| !for_these.is_empty()) {
                verifying.push(verifying_key(setting(for_these[0], false), text, &for_these)?);
            }
        }
        let by_id: BTreeMap<String, String> = secret(config, "JWT_DECODE_KEYS")?.unwrap_or_default();
        let read = |(id, text): (_, String)| Ok::<_, Error>((id, verifying_key("JWT_DECODE_KEYS", &text, &accepted)?));
        let by_id = by_id.into_iter().map(read).collect::<Result<_, _>>()?;
        let id = config.try_get::<Option<_>>("JWT_KEY_ID")?.flatten();
        let keys = Self { algorithm, accepted, id, signing, verifying, by_id };
        match keys.find_unverified().filter(|_| !is_given) {
            Some(algorithm) => Err(missing(algorithm, false)),
            None => Ok(keys),
        }
    }

    /// An algorithm without a key that verifies. One that signs is missed when a token is made, because an app may read the
    /// tokens of another one alone.
    fn find_unverified(&self) -> Option<Algorithm> {
        let has_key = |algorithm| self.verifying.iter().chain(self.by_id.values()).any(|key| fits(algorithm, key));
        self.accepted.iter().copied().find(|algorithm| !has_key(*algorithm))
    }

    /// Returns the algorithm of this name, if tokens may have it.
    pub(crate) fn accepted(&self, name: &str) -> Option<Algorithm> {
        name.parse().ok().filter(|algorithm| self.accepted.contains(algorithm))
    }

    /// Signs a message with the app's key, or with the one that a function of the app has given.
    ///
    /// # Errors
    /// If there is no such key, or it does not go with the algorithm.
    pub(crate) fn sign(&self, message: &[u8], given: Option<&str>) -> Result<Vec<u8>, Error> {
        let given = given.map(|text| signing_key("encode_key_loader", text, self.algorithm)).transpose()?;
        let key = given.as_ref().or(self.signing.as_ref()).ok_or_else(|| missing(self.algorithm, true))?;
        Ok((DEFAULT_PROVIDER.signer_factory)(&self.algorithm, key)?.try_sign(message)?)
    }

    /// Whether the key has signed that a function of the app has given, or the key of this id, or any of the app's keys.
    ///
    /// # Errors
    /// If the given key goes with no algorithm that tokens may have. The token's own is the client's choice.
    pub(crate) fn verify(&self, signed: &Signed<'_>, given: Option<&str>) -> Result<bool, Error> {
        if let Some(text) = given {
            return Ok(signed.is_by(&verifying_key("decode_key_loader", text, &self.accepted)?));
        }
        Ok(match signed.key_id.and_then(|id| self.by_id.get(id)) {
            Some(key) => signed.is_by(key),
            None => self.verifying.iter().any(|key| signed.is_by(key)),
        })
    }
}

/// A message and its signature.
pub(crate) struct Signed<'s> {
    pub(crate) algorithm: Algorithm,
    /// The token's `kid`.
    pub(crate) key_id: Option<&'s str>,
    pub(crate) message: &'s [u8],
    pub(crate) signature: Vec<u8>,
}

impl Signed<'_> {
    fn is_by(&self, key: &DecodingKey) -> bool {
        let verifier = (DEFAULT_PROVIDER.verifier_factory)(&self.algorithm, key);
        verifier.is_ok_and(|verifier| verifier.verify(self.message, &self.signature).is_ok())
    }
}

fn parse(setting: &str, name: &str) -> Result<Algorithm, Error> {
    let known = "HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA";
    name.parse().map_err(|_| Error::setup(format!("the setting {setting}: {name:?} is no algorithm: write {known}")))
}

fn is_symmetric(algorithm: Algorithm) -> bool {
    algorithm.family() == AlgorithmFamily::Hmac
}

/// Whether a key is for an algorithm.
fn fits(algorithm: Algorithm, key: &DecodingKey) -> bool {
    (DEFAULT_PROVIDER.verifier_factory)(&algorithm, key).is_ok()
}

/// Returns the secrets, the one that signs first: Flask-JWT-Extended's, or else the app's own.
fn secrets(config: &Config) -> Result<Vec<String>, Error> {
    let full = |key: &&String| !key.is_empty();
    let own: Option<String> = secret(config, "JWT_SECRET_KEY")?;
    let of_app = config.secret_key.iter().chain(&config.secret_key_fallbacks).filter(full).cloned();
    let current = match own.filter(|key| !key.is_empty()) {
        Some(own) => vec![own],
        None if config.secret_key.as_ref().is_some_and(|key| !key.is_empty()) => of_app.collect(),
        None => Vec::new(),
    };
    with_replaced(config, current, "JWT_SECRET_KEY")
}

/// Returns the public keys, the current one first.
fn public(config: &Config) -> Result<Vec<String>, Error> {
    let current = secret::<String>(config, "JWT_PUBLIC_KEY")?.filter(|key| !key.is_empty());
    with_replaced(config, current.into_iter().collect(), "JWT_PUBLIC_KEY")
}

/// Adds the keys that those of a setting have replaced.
fn with_replaced(config: &Config, current: Vec<String>, name: &str) -> Result<Vec<String>, Error> {
    let setting = format!("{name}_FALLBACKS");
    let replaced: Vec<String> = secret(config, &setting)?.unwrap_or_default();
    if current.is_empty() && !replaced.is_empty() {
        return Err(Error::setup(format!("the setting {setting}: set {name} too, to the key that replaces these")));
    }
    Ok(current.into_iter().chain(replaced).collect())
}

/// Reads a setting that no message may show.
fn secret<T: DeserializeOwned>(config: &Config, name: &str) -> Result<Option<T>, Error> {
    let value = config.try_get::<Value>(name)?.unwrap_or_default();
    let shape = "a key is text, fallbacks are a list of them, and JWT_DECODE_KEYS is a map of them";
    serde_json::from_value(value).map_err(|_| Error::setup(format!("the setting {name}: {shape}")))
}

fn signing_key(source: &str, text: &str, algorithm: Algorithm) -> Result<EncodingKey, Error> {
    let bytes = text.as_bytes();
    let key = match algorithm.family() {
        AlgorithmFamily::Hmac => EncodingKey::from_secret(bytes),
        AlgorithmFamily::Rsa => EncodingKey::from_rsa_pem(bytes),
        AlgorithmFamily::Ec => EncodingKey::from_ec_pem(bytes),
        AlgorithmFamily::Ed => EncodingKey::from_ed_pem(bytes),
    };
    let is_other = if is_symmetric(algorithm) { is_no_secret(text) } else { text.contains("PUBLIC KEY-----") };
    let fits = |key: &EncodingKey| !is_other && (DEFAULT_PROVIDER.signer_factory)(&algorithm, key).is_ok();
    key.ok().filter(fits).ok_or_else(|| unfit(source, algorithm))
}

/// Reads a key for one of these algorithms. A key of a pair is no secret, or a client that knows a public key could sign.
fn verifying_key(source: &str, text: &str, algorithms: &[Algorithm]) -> Result<DecodingKey, Error> {
    let bytes = text.as_bytes();
    let key = if is_no_secret(text) {
        let key = DecodingKey::from_rsa_pem(bytes).or_else(|_| DecodingKey::from_ec_pem(bytes));
        key.or_else(|_| DecodingKey::from_ed_pem(bytes))
    } else {
        DecodingKey::from_secret(bytes)
    };
    let fits = |key: &DecodingKey| algorithms.iter().any(|algorithm| fits(*algorithm, key));
    key.ok().filter(|key| !text.contains("PRIVATE KEY-----") && fits(key)).ok_or_else(|| unfit(source, algorithms[0]))
}

/// Whether a text is empty, or a key of a pair in a common form: PEM, a JWK or a set of them, OpenSSH's lines, or DER in base64.
fn is_no_secret(text: &str) -> bool {
    let text = text.trim();
    let is_jwk = |value: Value| value.get("kty").or(value.get("keys")).is_some();
    text.is_empty()
        || text.contains("BEGIN ")
        || ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"].iter().any(|kind| text.starts_with(kind))
        || serde_json::from_str(text).is_ok_and(is_jwk)
        || text.split_whitespace().any(is_ssh)
        || is_der(&text.split_whitespace().collect::<String>())
}

/// Whether a text is a key as in OpenSSH's lines, which begins with the length and the name of its kind; RFC 4253, 6.6.
fn is_ssh(text: &str) -> bool {
    let kind =
        |bytes: &Vec<u8>| bytes.get(4..).is_some_and(|kind| kind.starts_with(b"ssh-") || kind.starts_with(b"ecdsa-"));
    decoded(text).as_ref().is_some_and(kind)
}

/// Whether a text is a sequence that begins with a sequence or a number, as all keys and certificates in DER do.
fn is_der(text: &str) -> bool {
    let bytes = decoded(text).unwrap_or_default();
    let (content, length) = match *bytes.as_slice() {
        [0x30, length @ ..=0x7f, ..] => (2, usize::from(length)),
        [0x30, 0x81, length, ..] => (3, usize::from(length)),
        [0x30, 0x82, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
        _ => return false,
    };
    bytes.len() == content + length && matches!(bytes.get(content), Some(0x30 | 0x02))
}

/// Decodes base64 of either alphabet, with padding or without.
fn decoded(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text.trim_end_matches('=').replace('-', "+").replace('_', "/")).ok()
}

/// The setting that has the key of an algorithm.
fn setting(algorithm: Algorithm, signs: bool) -> &'static str {
    match (algorithm.family(), signs) {
        (AlgorithmFamily::Hmac, _) => "JWT_SECRET_KEY",
        (_, true) => "JWT_PRIVATE_KEY",
        (_, false) => "JWT_PUBLIC_KEY",
    }
}

fn unfit(source: &str, algorithm: Algorithm) -> Error {
    let remedy = match algorithm.family() {
        AlgorithmFamily::Hmac => "a long random text, and no key of a pair",
        AlgorithmFamily::Rsa => "an RSA key in PEM",
        AlgorithmFamily::Ec => "a key of its curve in PEM, a private one in PKCS#8",
        AlgorithmFamily::Ed => "an Ed25519 key in PEM",
    };
    Error::new(ErrorKind::Setup, format!("the key of {source} is not for {algorithm:?}, which wants {remedy}"))
}

fn missing(algorithm: Algorithm, signs: bool) -> Error {
    let or = if is_symmetric(algorithm) { " or `config.secret_key`" } else { "" };
    let setting = setting(algorithm, signs);
    Error::new(ErrorKind::Setup, format!("there is no key for {algorithm:?}: set {setting}{or}"))
}
