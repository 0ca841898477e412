//! Tokens that are made.

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use costrel::{Callable, Error, ErrorKind, Uuid, Waiting};
use costrel_ext_kit::secrets::token_bytes;
use jsonwebtoken::AlgorithmFamily;
use serde::Serialize;
use serde_json::Value;

use crate::decode::now;
use crate::options::Jwt;
use crate::settings::{Kind, Settings};
use crate::token::Claims;

/// Makes an access token, for views: `.await` it in async code, `.wait()` for it in sync code. `identity` is text, or what the
/// function of [`Jwt::user_identity_loader`] makes text of.
///
/// ```
/// use std::time::Duration;
/// use costrel::{App, Error};
/// use serde_json::json;
/// use costrel_jwt::{Jwt, create_access_token, decode_token};
///
/// let mut app = App::new("docs");
/// app.config.secret_key = Some("a secret that is long and random".into());
/// app.init(Jwt::new())?;
/// app.route("/", || {
///     let token = create_access_token("ada").fresh(true).expires_delta(Duration::from_secs(60));
///     let token = decode_token(token.additional_claims(json!({ "team": 7 })).wait()?).wait()?;
///     Ok::<_, Error>(format!("{:?} {:?}", token.claim::<bool>("fresh"), token.claim::<u32>("team")))
/// });
/// assert_eq!(app.test_client().get("/").wait()?.text(), "Some(true) Some(7)");
/// # Ok::<(), Error>(())
/// ```
pub fn create_access_token(identity: impl Serialize) -> CreateToken {
    CreateToken::new(Kind::Access, identity)
}

/// Makes a refresh token, for views that make new access tokens; with the options of [`create_access_token`].
pub fn create_refresh_token(identity: impl Serialize) -> CreateToken {
    CreateToken::new(Kind::Refresh, identity)
}

/// A token being made; see [`create_access_token`].
#[derive(Clone, Debug)]
#[must_use = "no token is made until it is awaited (async) or waited for (sync)"]
pub struct CreateToken {
    kind: Kind,
    identity: Result<Value, Error>,
    fresh: Value,
    /// `None` for the setting; the longest there is for ever.
    expires: Option<Duration>,
    claims: Result<Claims, Error>,
    headers: Result<Claims, Error>,
}

impl CreateToken {
    fn new(kind: Kind, identity: impl Serialize) -> Self {
        let identity = serde_json::to_value(identity).map_err(Into::into);
        let (claims, headers) = (Ok(Claims::new()), Ok(Claims::new()));
        Self { kind, identity, fresh: false.into(), expires: None, claims, headers }
    }

    /// Sets whether the token is fresh, which views can ask for. Default: no.
    pub fn fresh(mut self, fresh: bool) -> Self {
        self.fresh = fresh.into();
        self
    }

    /// Lets the token be fresh for a time from now.
    pub fn fresh_for(mut self, time: Duration) -> Self {
        self.fresh = now().saturating_add(time).as_secs_f64().into();
        self
    }

    /// Sets how long the token is valid. Default: the setting `JWT_ACCESS_TOKEN_EXPIRES`, 15 minutes, or
    /// `JWT_REFRESH_TOKEN_EXPIRES`, 30 days.
    pub fn expires_delta(mut self, time: Duration) -> Self {
        self.expires = Some(time);
        self
    }

    /// Makes a token that does not expire: Flask-JWT-Extended's `expires_delta=False`.
    pub fn without_expiry(self) -> Self {
        self.expires_delta(Duration::MAX)
    }

    /// Adds the members of a map or struct to the claims, in place of those that are there.
    pub fn additional_claims(mut self, claims: impl Serialize) -> Self {
        self.claims = object("additional claims", claims);
        self
    }

    /// Adds the members of a map or struct to the header, in place of those that are there.
    pub fn additional_headers(mut self, headers: impl Serialize) -> Self {
        self.headers = object("additional headers", headers);
        self
    }

    /// Makes the token; for sync code.
    ///
    /// # Errors
    /// If the identity is no text, the app has no key to sign with, or what is to be added is no map; the errors of the
    /// app's functions.
    pub fn wait(self) -> Result<String, Error> {
        self.into_future().wait()
    }

    async fn create(self) -> Result<String, Error> {
        let jwt = Jwt::current()?;
        let (settings, given) = (jwt.settings()?, &self.identity.clone()?);
        let key_id = settings.keys.id.iter().map(|id| ("kid".to_owned(), id.clone().into()));
        let loaded = object("additional_headers_loader", call(jwt.additional_headers.as_ref(), given).await?)?;
        let mut header: Claims = key_id.chain(loaded).chain(self.headers.clone()?).collect();
        header.entry("typ").or_insert("JWT".into());
        header.insert("alg".to_owned(), serde_json::to_value(settings.keys.algorithm)?);
        let loaded = object("additional_claims_loader", call(jwt.additional_claims.as_ref(), given).await?)?;
        let identity = call(jwt.user_identity.as_ref(), given).await?.unwrap_or_else(|| given.clone());
        let mut claims = self.standard_claims(settings, identity)?;
        claims.extend(loaded.into_iter().chain(self.claims?));
        let key = call(jwt.encode_key.as_ref(), given).await?;
        let message = format!("{}.{}", encoded(&serde_json::to_vec(&header)?), encoded(&serde_json::to_vec(&claims)?));
        let (settings, signed) = (Arc::clone(settings), message.clone());
        let is_slow = settings.keys.algorithm.family() == AlgorithmFamily::Rsa;
        let sign = move || settings.keys.sign(signed.as_bytes(), key.as_deref());
        // Signing with RSA takes a millisecond or more, which the event loop does not have.
        let signature = if is_slow { Waiting::from_sync(sign).await? } else { sign()? };
        Ok(format!("{message}.{}", encoded(&signature)))
    }

    /// Returns the claims that every token has.
    fn standard_claims(&self, settings: &Settings, identity: Value) -> Result<Claims, Error> {
        let common = &settings.common;
        if common.verify_sub && common.identity_claim == "sub" && !identity.is_string() {
            let remedy = "pass text, make text of it in `user_identity_loader`, or set JWT_VERIFY_SUB to false";
            return Err(Error::new(ErrorKind::Other, format!("the identity of a token must be text: {remedy}")));
        }
        let (now, random) = (now(), random_id);
        let lasts = self.expires.unwrap_or(settings.of(self.kind).token_expires);
        let claims = [
            ("fresh", Some(self.fresh.clone())),
            ("iat", Some(now.as_secs().into())),
            ("jti", Some(random()?)),
            ("type", Some(if self.kind == Kind::Access { "access" } else { "refresh" }.into())),
            (&*common.identity_claim, Some(identity)),
            ("nbf", common.encode_nbf.then(|| now.as_secs().into())),
            ("csrf", common.cookie_csrf_protect.then(random).transpose()?),
            ("aud", Some(common.encode_audience.clone()).filter(|audience| !audience.is_null())),
            ("iss", common.encode_issuer.clone().filter(|issuer| !issuer.is_empty()).map(Value::from)),
            ("exp", (lasts != Duration::MAX).then(|| now.saturating_add(lasts).as_secs().into())),
        ];
        Ok(claims.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
    }
}

impl IntoFuture for CreateToken {
    type Output = Result<String, Error>;
    type IntoFuture = Waiting<String>;

    fn into_future(self) -> Waiting<String> {
        Waiting::new(self.create())
    }
}

/// Returns a random UUID.
fn random_id() -> Result<Value, Error> {
    let mut bytes = token_bytes::<16>()?;
    // Version 4 and its variant; RFC 9562, section 5.4.
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    Ok(Uuid::from_bytes(bytes).to_string().into())
}

/// Returns what a function of the app makes of the identity.
async fn call<V: Send + 'static>(load: Option<&Callable<Value, V>>, identity: &Value) -> Result<Option<V>, Error> {
    match load {
        Some(load) => load.call(identity.clone()).await.map(Some),
        None => Ok(None),
    }
}

fn object(what: &str, value: impl Serialize) -> Result<Claims, Error> {
    match serde_json::to_value(value)? {
        Value::Object(members) => Ok(members),
        Value::Null => Ok(Claims::new()),
        other => Err(Error::new(ErrorKind::Other, format!("{what}: write a map or a struct, not {other}"))),
    }
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
