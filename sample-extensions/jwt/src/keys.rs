//! The keys that sign and verify, by algorithm and by id.

use std::collections::BTreeMap;

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
    /// Reads the keys; `signs` and `verifies` say whether functions of the app give them instead.
    ///
    /// # Errors
    /// If a key is missing, is none, or does not go with its algorithm; the message names the setting.
    pub(crate) fn read(config: &Config, signs: bool, verifies: bool) -> Result<Self, Error> {
        let name = config.try_get::<Option<String>>("JWT_ALGORITHM")?.flatten();
        let more = config.try_get::<Option<Vec<String>>>("JWT_DECODE_ALGORITHMS")?.flatten().unwrap_or_default();
        let algorithm = parse("JWT_ALGORITHM", name.as_deref().unwrap_or("HS256"))?;
        let more = more.iter().map(|name| parse("JWT_DECODE_ALGORITHMS", name));
        let accepted = std::iter::once(Ok(algorithm)).chain(more).collect::<Result<Vec<_>, _>>()?;
        let (secrets, public) = (secrets(config)?, all(config, "JWT_PUBLIC_KEY", "JWT_PUBLIC_KEY_FALLBACKS")?);
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
        keys.find_missing(signs, verifies).map_or(Ok(keys), Err)
    }

    fn find_missing(&self, signs: bool, verifies: bool) -> Option<Error> {
        let has_key =
            |algorithm: &&Algorithm| self.verifying.iter().chain(self.by_id.values()).any(|key| fits(**algorithm, key));
        let unverified = self.accepted.iter().find(|algorithm| !verifies && !has_key(algorithm));
        // An app with a public key alone reads tokens that another one makes.
        let unsigned = !signs && self.signing.is_none() && is_symmetric(self.algorithm);
        unverified.copied().or(unsigned.then_some(self.algorithm)).map(|algorithm| missing(algorithm, false))
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
    /// If the given key does not go with the algorithm.
    pub(crate) fn verify(&self, signed: &Signed<'_>, given: Option<&str>) -> Result<bool, Error> {
        if let Some(text) = given {
            return Ok(signed.is_by(&verifying_key("decode_key_loader", text, &[signed.algorithm])?));
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
    let own = all(config, "JWT_SECRET_KEY", "JWT_SECRET_KEY_FALLBACKS")?;
    let of_app = config.secret_key.iter().filter(|key| own.is_empty() && !key.is_empty());
    let replaced = config.secret_key_fallbacks.iter().filter(|key| !key.is_empty());
    let of_app: Vec<_> = of_app.flat_map(|key| std::iter::once(key).chain(replaced.clone())).cloned().collect();
    Ok(if own.is_empty() { of_app } else { own })
}

/// Returns the current key, unless it is empty, and those it replaced.
fn all(config: &Config, current: &str, replaced: &str) -> Result<Vec<String>, Error> {
    let current = secret::<String>(config, current)?.filter(|key| !key.is_empty());
    let replaced: Vec<String> = secret(config, replaced)?.unwrap_or_default();
    Ok(current.into_iter().flat_map(|key| std::iter::once(key).chain(replaced.clone())).collect())
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
    let fits = |key: &EncodingKey| {
        !text.contains("PUBLIC KEY-----") && (DEFAULT_PROVIDER.signer_factory)(&algorithm, key).is_ok()
    };
    key.ok().filter(fits).ok_or_else(|| unfit(source, algorithm))
}

/// Reads a key for one of these algorithms. What is written in PEM is no secret, or who knows a public key could sign.
fn verifying_key(source: &str, text: &str, algorithms: &[Algorithm]) -> Result<DecodingKey, Error> {
    let bytes = text.as_bytes();
    let key = if text.contains("-----BEGIN ") {
        let key = DecodingKey::from_rsa_pem(bytes).or_else(|_| DecodingKey::from_ec_pem(bytes));
        key.or_else(|_| DecodingKey::from_ed_pem(bytes))
    } else {
        DecodingKey::from_secret(bytes)
    };
    let fits = |key: &DecodingKey| algorithms.iter().any(|algorithm| fits(*algorithm, key));
    key.ok().filter(|key| !text.contains("PRIVATE KEY-----") && fits(key)).ok_or_else(|| unfit(source, algorithms[0]))
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
        AlgorithmFamily::Hmac => "a long random text, and nothing in PEM",
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
