//! Hashes of passwords, in Werkzeug's formats and in argon2's: the password half of `werkzeug.security`.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{Error as HashError, PasswordHasher, PasswordVerifier};
use costrel::{Error, ErrorKind, Waiting, has_app_context};
use pbkdf2::hmac::EagerHash;
use pbkdf2::pbkdf2_hmac;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use crate::secrets::{compare_digest, token_bytes};

/// Werkzeug's number of iterations of PBKDF2.
const ITERATIONS: u32 = 1_000_000;
/// The letters of Werkzeug's salts, and their number.
const SALT_LETTERS: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const SALT_LENGTH: usize = 16;

/// Returns a hash of `password` to store, by scrypt: Werkzeug's `generate_password_hash`. `.await` it in async code,
/// where the work runs on a worker; `.wait()` for it in sync code.
///
/// ```
/// use costrel_ext_kit::passwords::{check_password_hash, generate_password_hash};
///
/// let hash = generate_password_hash("correct horse").wait()?;
/// assert!(hash.starts_with("scrypt:32768:8:1$"));
/// assert!(check_password_hash(&hash, "correct horse").wait()?);
/// assert!(!check_password_hash(&hash, "battery staple").wait()?);
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Errors
/// If the system gives no random salt.
pub fn generate_password_hash(password: &str) -> Waiting<String> {
    generate_password_hash_with("scrypt", password)
}

/// Returns a hash of `password` by `method`: `scrypt`, `scrypt:32768:8:1`, `pbkdf2`, `pbkdf2:sha256`,
/// `pbkdf2:sha256:1000000` (also `sha1`, `sha224`, `sha384`, `sha512`), as Werkzeug names them, or `argon2`.
///
/// ```
/// use costrel_ext_kit::passwords::{check_password_hash, generate_password_hash_with};
///
/// let hash = generate_password_hash_with("argon2", "correct horse").wait()?;
/// assert!(hash.starts_with("$argon2id$v=19$"));
/// assert!(check_password_hash(&hash, "correct horse").wait()?);
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Errors
/// If the method is not one of these, or its numbers are not allowed; if the system gives no random salt.
pub fn generate_password_hash_with(method: &str, password: &str) -> Waiting<String> {
    let (method, password) = (method.to_owned(), password.to_owned());
    on_a_worker(move || {
        if method == "argon2" {
            return Ok(Argon2::default().hash_password(password.as_bytes())?.to_string());
        }
        let (kind, salt) = (Kdf::parse(&method)?, salt()?);
        let hash = kind.derive(&password, &salt)?;
        Ok(format!("{kind}${salt}${hash}"))
    })
}

/// Whether `password` is the one of `hash`: Werkzeug's `check_password_hash`, for hashes by argon2 too. `.await` it in async
/// code, where the work runs on a worker; `.wait()` for it in sync code. A text that is no hash fits no password.
///
/// # Errors
/// If the hash is by a method that is not known, such as `md5`.
pub fn check_password_hash(hash: &str, password: &str) -> Waiting<bool> {
    let (hash, password) = (hash.to_owned(), password.to_owned());
    on_a_worker(move || {
        if hash.starts_with("$argon2") {
            return check_argon2(&hash, &password);
        }
        let mut parts = hash.splitn(3, '$');
        let (Some(method), Some(salt), Some(wanted)) = (parts.next(), parts.next(), parts.next()) else {
            return Ok(false);
        };
        let derived = Kdf::parse(method)?.derive(&password, salt)?;
        Ok(compare_digest(derived, wanted))
    })
}

fn check_argon2(hash: &str, password: &str) -> Result<bool, Error> {
    match Argon2::default().verify_password(password.as_bytes(), &PasswordHash::new(hash)?) {
        Ok(()) => Ok(true),
        Err(HashError::PasswordInvalid) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Runs work that takes long on a worker of the app; without an app, on this thread.
fn on_a_worker<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Waiting<T> {
    if has_app_context() { Waiting::from_sync(work) } else { Waiting::new(async move { work() }) }
}

fn salt() -> Result<String, Error> {
    let mut salt = String::new();
    while salt.len() < SALT_LENGTH {
        let bytes = token_bytes::<SALT_LENGTH>()?;
        // Six bits each; those beyond the letters are left out, so that each letter is as likely as the others.
        let letters = bytes.iter().filter_map(|byte| SALT_LETTERS.get(usize::from(byte % 64)));
        salt.extend(letters.take(SALT_LENGTH - salt.len()).map(|letter| char::from(*letter)));
    }
    Ok(salt)
}

/// A function that derives hashes from passwords, with its numbers.
enum Kdf {
    Scrypt { n: u64, r: u32, p: u32 },
    Pbkdf2 { hash: String, iterations: u32 },
}

impl Kdf {
    /// Reads Werkzeug's name of a method.
    fn parse(method: &str) -> Result<Self, Error> {
        let parts: Vec<_> = method.split(':').collect();
        let number = |text: &str| text.parse::<u32>().map_err(|_| unknown(method));
        match parts[..] {
            ["scrypt"] => Ok(Self::Scrypt { n: 1 << 15, r: 8, p: 1 }),
            ["scrypt", n, r, p] => Ok(Self::Scrypt { n: number(n)?.into(), r: number(r)?, p: number(p)? }),
            ["pbkdf2"] => Ok(Self::Pbkdf2 { hash: "sha256".into(), iterations: ITERATIONS }),
            ["pbkdf2", hash] => Ok(Self::Pbkdf2 { hash: hash.into(), iterations: ITERATIONS }),
            ["pbkdf2", hash, iterations] => Ok(Self::Pbkdf2 { hash: hash.into(), iterations: number(iterations)? }),
            _ => Err(unknown(method)),
        }
    }

    /// Returns the hash of a password, in hexadecimal digits.
    fn derive(&self, password: &str, salt: &str) -> Result<String, Error> {
        match self {
            Self::Scrypt { n, r, p } => {
                let log_n = n.is_power_of_two().then(|| n.trailing_zeros().try_into().ok()).flatten();
                let params = scrypt::Params::new(log_n.ok_or_else(|| unknown(&self.to_string()))?, *r, *p)?;
                let mut hash = [0; 64];
                scrypt::scrypt(password.as_bytes(), salt.as_bytes(), &params, &mut hash)?;
                Ok(hex::encode(hash))
            }
            Self::Pbkdf2 { iterations: 0, .. } => Err(unknown(&self.to_string())),
            Self::Pbkdf2 { hash, iterations } => match hash.as_str() {
                "sha1" => Ok(pbkdf2::<Sha1>(password, salt, *iterations)),
                "sha224" => Ok(pbkdf2::<Sha224>(password, salt, *iterations)),
                "sha256" => Ok(pbkdf2::<Sha256>(password, salt, *iterations)),
                "sha384" => Ok(pbkdf2::<Sha384>(password, salt, *iterations)),
                "sha512" => Ok(pbkdf2::<Sha512>(password, salt, *iterations)),
                _ => Err(unknown(&self.to_string())),
            },
        }
    }
}

fn pbkdf2<D: EagerHash + Digest>(password: &str, salt: &str, iterations: u32) -> String {
    let mut hash = vec![0; <D as Digest>::output_size()];
    pbkdf2_hmac::<D>(password.as_bytes(), salt.as_bytes(), iterations, &mut hash);
    hex::encode(hash)
}

fn unknown(method: &str) -> Error {
    let message = format!(
        "passwords cannot be hashed by {method:?}: use \"scrypt\", \"scrypt:32768:8:1\", \"pbkdf2:sha256:1000000\" or \"argon2\""
    );
    Error::new(ErrorKind::Other, message)
}

impl std::fmt::Display for Kdf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Scrypt { n, r, p } => write!(f, "scrypt:{n}:{r}:{p}"),
            Self::Pbkdf2 { hash, iterations } => write!(f, "pbkdf2:{hash}:{iterations}"),
        }
    }
}
