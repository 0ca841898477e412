//! The options of the extension: the functions that an app passes in.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use costrel::convert::IntoCallable;
use costrel::{Callable, Error, ErrorKind, Response, current_app};
use costrel_ext_kit::IntoCallback;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{JwtError, JwtErrorKind};
use crate::settings::Settings;
use crate::token::Token;

/// A user of any type that an app has.
pub(crate) type AnyUser = Arc<dyn Any + Send + Sync>;

/// The extension of one app: Flask-JWT-Extended's `JWTManager`, set up with `app.init(Jwt::new())`. Every function that it
/// takes may be sync or async, and may fail.
///
/// The functions for a token that is made get the identity that `create_access_token` got, such as a user, as an `I` with the
/// same JSON. Those that answer get the [`JwtError`], with its message and the token; what they return is sent as it is, and the
/// default is JSON with the message.
///
/// ```
/// use costrel::{App, Error};
/// use costrel_jwt::{Jwt, JwtError, create_access_token, decode_token};
/// use serde::{Deserialize, Serialize};
/// use serde_json::json;
///
/// #[derive(Serialize, Deserialize)]
/// struct User {
///     id: u32,
///     is_admin: bool,
/// }
///
/// let mut app = App::new("docs");
/// app.config.secret_key = Some("a secret that is long and random".into());
/// let jwt = Jwt::new().user_identity_loader(|user: User| json!(user.id.to_string()));
/// let jwt = jwt.additional_claims_loader(async |user: User| json!({ "is_admin": user.is_admin }));
/// app.init(jwt.invalid_token_loader(|error: JwtError| (error.message().to_owned(), 401)))?;
/// app.route("/", async || {
///     let token = create_access_token(User { id: 7, is_admin: true }).await?;
///     let token = decode_token(token).await?;
///     Ok::<_, Error>(format!("{:?} {:?}", token.identity::<String>()?, token.claim::<bool>("is_admin")))
/// });
/// assert_eq!(app.test_client().get("/").wait()?.text(), "\"7\" Some(true)");
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Jwt {
    pub(crate) user_identity: Option<Callable<Value, Value>>,
    pub(crate) additional_claims: Option<Callable<Value, Value>>,
    pub(crate) additional_headers: Option<Callable<Value, Value>>,
    pub(crate) encode_key: Option<Callable<Value, String>>,
    pub(crate) decode_key: Option<Callable<Token, String>>,
    pub(crate) user_lookup: Option<Callable<Token, Option<AnyUser>>>,
    pub(crate) token_in_blocklist: Option<Callable<Token, bool>>,
    pub(crate) token_verification: Option<Callable<Token, bool>>,
    pub(crate) answers: HashMap<JwtErrorKind, Callable<JwtError, Response>>,
    /// Read when the app is built.
    pub(crate) settings: OnceLock<Arc<Settings>>,
}

/// Methods that set a function of an identity.
macro_rules! loaders_of_identities {
    ($($(#[$doc:meta])* $name:ident: $field:ident -> $value:ty;)*) => { $(
        $(#[$doc])*
        pub fn $name<M, I>(mut self, load: impl IntoCallback<M, I, $value>) -> Self
        where
            I: DeserializeOwned + Send + 'static,
        {
            self.$field = Some(of_identity(load.into_callback()));
            self
        }
    )* };
}

/// Methods that set a function of a token.
macro_rules! loaders_of_tokens {
    ($($(#[$doc:meta])* $name:ident: $field:ident -> $value:ty;)*) => { $(
        $(#[$doc])*
        pub fn $name<M>(mut self, load: impl IntoCallback<M, Token, $value>) -> Self {
            self.$field = Some(load.into_callback());
            self
        }
    )* };
}

/// Methods that set the answer to one kind of refusals.
macro_rules! answers {
    ($($(#[$doc:meta])* $name:ident: $kind:ident;)*) => { $(
        $(#[$doc])*
        pub fn $name<M>(mut self, answer: impl IntoCallable<M, JwtError, Response>) -> Self {
            self.answers.insert(JwtErrorKind::$kind, answer.into_callable());
            self
        }
    )* };
}

impl Jwt {
    /// Builds the extension without functions of the app.
    pub fn new() -> Self {
        Self::default()
    }

    loaders_of_identities! {
        /// Sets the function that returns the identity in a token, such as the id of a user.
        user_identity_loader: user_identity -> Value;
        /// Sets the function that returns more claims for a token, as a JSON object.
        additional_claims_loader: additional_claims -> Value;
        /// Sets the function that returns more members of a token's header, as a JSON object.
        additional_headers_loader: additional_headers -> Value;
        /// Sets the function that returns the key to sign a token with, such as one for each tenant.
        encode_key_loader: encode_key -> String;
    }

    loaders_of_tokens! {
        /// Sets the function that returns the key to verify a token with. Its signature is not verified at that time.
        decode_key_loader: decode_key -> String;
        /// Sets the function that says whether a token has been revoked, such as by its `jti`.
        token_in_blocklist_loader: token_in_blocklist -> bool;
        /// Sets the function that says whether a token that is valid is let in.
        token_verification_loader: token_verification -> bool;
    }

    /// Sets the function that finds a token's user, for [`current_user`](crate::current_user); `None` refuses the request.
    pub fn user_lookup_loader<M, U: Any + Send + Sync>(mut self, load: impl IntoCallback<M, Token, Option<U>>) -> Self {
        self.user_lookup = Some(load.into_callback().map(|user| user.map(|user| Arc::new(user) as AnyUser)));
        self
    }

    answers! {
        /// Sets the answer to a request without a token. Default: 401.
        unauthorized_loader: Unauthorized;
        /// Sets the answer to a token that is not valid. Default: 422.
        invalid_token_loader: Invalid;
        /// Sets the answer to a token that has expired. Default: 401.
        expired_token_loader: Expired;
        /// Sets the answer to a token that is not fresh. Default: 401.
        needs_fresh_token_loader: NotFresh;
        /// Sets the answer to a token that has been revoked. Default: 401.
        revoked_token_loader: Revoked;
        /// Sets the answer to a token whose user is not found. Default: 401.
        user_lookup_error_loader: UserNotFound;
        /// Sets the answer to a token that the function of `token_verification_loader` refuses. Default: 400.
        token_verification_failed_loader: NotVerified;
    }

    /// The extension of the current app.
    pub(crate) fn current() -> Result<Arc<Self>, Error> {
        current_app().extension()
    }

    pub(crate) fn settings(&self) -> Result<&Arc<Settings>, Error> {
        self.settings.get().ok_or_else(|| Error::setup("the settings of `Jwt` are read when the app is built"))
    }
}

/// Makes a function of an identity's JSON of one of its type.
fn of_identity<I, V>(load: Callable<I, V>) -> Callable<Value, V>
where
    I: DeserializeOwned + Send + 'static,
    V: Send + 'static,
{
    Callable::new_async(move |identity| {
        let running = serde_json::from_value(identity).map(|identity| load.call(identity));
        async move {
            let unfit =
                |error| Error::new(ErrorKind::Other, format!("a loader gets an identity of another type: {error}"));
            running.map_err(unfit)?.await
        }
    })
}
