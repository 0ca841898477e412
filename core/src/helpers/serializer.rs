//! Values that travel signed through a client, such as the link of a mail that confirms an address.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::AppHandle;
use crate::error::{Error, ErrorKind};
use crate::session::Signer;

/// Signs values that travel through a client, which can read them and cannot change them: `URLSafeTimedSerializer` of
/// itsdangerous, bit for bit, so that a Flask app with the same secret key reads them too.
///
/// Two serializers with different salts do not accept each other's text: use one salt for each purpose.
///
/// ```
/// use std::time::Duration;
///
/// use costrel::{BadSignature, Serializer};
///
/// let serializer = Serializer::new(["a secret that is long and random"], "confirm-email");
/// let text = serializer.dumps(&"ada@example.org")?;
/// let hour = Duration::from_secs(3_600);
/// assert_eq!(serializer.loads::<String>(&text, hour)?, "ada@example.org");
///
/// let error = serializer.loads::<String>(&format!("{text}A"), hour).unwrap_err();
/// assert_eq!(error.downcast_ref(), Some(&BadSignature::Forged));
/// # Ok::<(), costrel::Error>(())
/// ```
#[derive(Clone)]
pub struct Serializer {
    signer: Signer,
}

impl Serializer {
    /// A serializer that signs with the first secret, and accepts all of them: the current one, then those it replaced.
    pub fn new<S: AsRef<[u8]>>(secrets: impl IntoIterator<Item = S>, salt: &str) -> Self {
        let secrets: Vec<_> = secrets.into_iter().collect();
        Self { signer: Signer::with_salt(secrets.iter().map(AsRef::as_ref), salt) }
    }

    /// Returns the signed text for `value`, which is as JSON in it, with the time. It has no character that a URL would
    /// escape.
    ///
    /// # Errors
    /// If the value cannot be JSON.
    pub fn dumps(&self, value: &impl Serialize) -> Result<String, Error> {
        self.signer.sign(&serde_json::to_vec(value)?, SystemTime::now())
    }

    /// Returns the value in `text`, if this app has signed it not longer than `max_age` ago; at whatever time with [`Duration::MAX`].
    ///
    /// # Errors
    /// A 400 whose source is a [`BadSignature`](crate::BadSignature), or if the value is no `T`.
    pub fn loads<T: DeserializeOwned>(&self, text: &str, max_age: Duration) -> Result<T, Error> {
        let refuse =
            |error| Error::status(400).with_message("This link is not valid, or has expired.").with_source(error);
        let json = self.signer.verify(text, SystemTime::now(), max_age).map_err(refuse)?;
        Ok(serde_json::from_slice(&json)?)
    }
}

impl fmt::Debug for Serializer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The keys are secret, so they are not shown.
        f.debug_struct("Serializer").finish_non_exhaustive()
    }
}

impl AppHandle {
    /// Returns a serializer with the app's `secret_key` and `secret_key_fallbacks`, for the purpose `salt`.
    ///
    /// ```
    /// use costrel::{App, Error, current_app};
    /// use std::time::Duration;
    ///
    /// let mut app = App::new("docs");
    /// app.config.secret_key = Some("dev".into());
    /// app.route("/", || {
    ///     let serializer = current_app().serializer("reset-password")?;
    ///     let text = serializer.dumps(&42)?;
    ///     let user: u32 = serializer.loads(&text, Duration::from_secs(600))?;
    ///     Ok::<_, Error>(user.to_string())
    /// });
    /// assert_eq!(app.test_client().get("/").wait()?.text(), "42");
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// If the app has no `secret_key`.
    pub fn serializer(&self, salt: &str) -> Result<Serializer, Error> {
        let mut secrets = self.config().secrets().peekable();
        if secrets.peek().is_none() {
            let message = "a serializer needs `config.secret_key`: set it to a long random text";
            return Err(Error::new(ErrorKind::Setup, message));
        }
        Ok(Serializer::new(secrets, salt))
    }
}
