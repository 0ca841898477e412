//! The options of a scheme, and the decorators that they give.

use std::future::ready;
use std::panic::Location;
use std::sync::Arc;

use costrel::convert::IntoCallable;
use costrel::http::header::AUTHORIZATION;
use costrel::{Callable, Error, HeaderName, Response, StatusCode, View, g, has_app_context};
use costrel_ext_kit::IntoCallback;

use crate::decorator::{USER, guarded};
use crate::digest::{Algorithm, Digest};
use crate::requirement::Requirement;
use crate::scheme::Scheme;
use crate::verify::Verify;

/// A scheme of HTTP authentication for users of the type `U`: Flask-HTTPAuth's `HTTPBasicAuth` and its like.
///
/// It needs no set-up on an app: its decorators have all that they need.
#[derive(Clone, Debug)]
pub struct HttpAuth<U> {
    scheme: Scheme<U>,
    setup_error: Option<Error>,
}

impl<U: Clone + Send + Sync + 'static> HttpAuth<U> {
    /// The scheme `Basic`. `verify`, sync or async, gets a name and a password, and returns the user. It also gets empty
    /// ones, for a client that sent none.
    pub fn basic<M>(verify: impl IntoCallback<M, (String, String), Option<U>>) -> Self {
        Self::new("Basic", Verify::Basic(verify.into_callback()))
    }

    /// The scheme `Bearer`. `verify`, sync or async, gets a token, and returns the user. It also gets an empty one, for a client
    /// that sent none.
    ///
    /// ```
    /// use costrel::App;
    /// use costrel_httpauth::HttpAuth;
    ///
    /// let auth = HttpAuth::bearer(async |token: String| (token == "t0ken").then_some("ada")).roles(|_: &str| vec!["staff".into()]);
    /// let mut app = App::new("docs");
    /// app.rule("/staff").decorate(auth.role_required(&["staff"])).view(|| "for staff");
    /// app.rule("/owner").decorate(auth.role_required(&["owner"])).view(|| "for owners");
    /// let client = app.test_client();
    /// let status = |path: &str| client.get(path).header("authorization", "Bearer t0ken").wait().map(|page| page.status().as_u16());
    /// assert_eq!((status("/staff")?, status("/owner")?), (200, 403));
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn bearer<M>(verify: impl IntoCallback<M, String, Option<U>>) -> Self {
        Self::new("Bearer", Verify::Token(verify.into_callback()))
    }

    fn new(name: &str, verify: Verify<U>) -> Self {
        let (header, roles, error_handler, is_plain) = Default::default();
        let realm = "Authentication Required".to_owned();
        let name = name.to_owned();
        let scheme = Scheme { name, header, verify, roles, error_handler, is_plain, realm };
        Self { scheme, setup_error: None }
    }

    /// Sets the name of the scheme, such as `ApiKey`. Default: `Basic`, `Bearer` or `Digest`.
    #[must_use]
    #[track_caller]
    pub fn scheme(mut self, scheme: &str) -> Self {
        self.check(scheme, "scheme");
        scheme.clone_into(&mut self.scheme.name);
        self
    }

    /// Sets the realm that a browser shows. Default: `Authentication Required`.
    #[must_use]
    #[track_caller]
    pub fn realm(mut self, realm: &str) -> Self {
        self.check(realm, "realm");
        realm.clone_into(&mut self.scheme.realm);
        self
    }

    /// Takes the whole value of a header as the token, instead of what stands behind the scheme in `Authorization`, the default.
    #[must_use]
    pub fn header(mut self, name: HeaderName) -> Self {
        self.scheme.header = Some(name).filter(|name| *name != AUTHORIZATION);
        self
    }

    /// Makes a user of the app's own type of the one that the scheme finds: for `Digest`, which finds a name, beside schemes that find
    /// more. `load`, sync or async, returns `None` if there is no such user any more. Call [`roles`](Self::roles) after it.
    ///
    /// ```
    /// use costrel::{App, Error};
    /// use costrel_httpauth::{HttpAuth, MultiAuth};
    ///
    /// #[derive(Clone)]
    /// struct User {
    ///     name: String,
    /// }
    ///
    /// let basic = HttpAuth::basic(|name: String, password: String| (password == "secret").then_some(User { name }));
    /// let digest = HttpAuth::digest(|name: String| (name == "ada").then_some("secret".to_owned()));
    /// let auth = MultiAuth::new([basic, digest.load_user(async |name: String| Some(User { name }))]);
    ///
    /// let mut app = App::new("docs");
    /// # app.config.secret_key = Some("dev".into());
    /// let whoami = { let auth = auth.clone(); move || auth.current_user().map(|user| user.name).unwrap_or_default() };
    /// app.rule("/").decorate(auth.login_required()).view(whoami);
    /// assert_eq!(app.test_client().get("/").auth("ada", "secret").wait()?.text(), "ada");
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn load_user<M, V: Clone + Send + Sync + 'static>(
        self,
        load: impl IntoCallback<M, U, Option<V>>,
    ) -> HttpAuth<V> {
        let Scheme { name, header, verify, roles, error_handler, is_plain, realm } = self.scheme;
        let verify = verify.then(load.into_callback());
        let lost = "HttpAuth: `.roles(..)` is for the users of `.load_user(..)`: call it after that";
        let lost = roles.and(Some(Error::setup(lost)));
        let scheme = Scheme { name, header, verify, roles: None, error_handler, is_plain, realm };
        HttpAuth { scheme, setup_error: self.setup_error.or(lost) }
    }

    /// Takes what the function of [`digest`](HttpAuth::digest) returns for a hash that [`generate_ha1`](Self::generate_ha1) has made,
    /// so that the app need not keep passwords: Flask-HTTPAuth's `use_ha1_pw=True`. It is still a secret, because a client that has
    /// it can sign in to this realm. Another scheme is a set-up error.
    ///
    /// ```
    /// use costrel::App;
    /// use costrel_httpauth::HttpAuth;
    ///
    /// let kept = HttpAuth::digest(|_: String| None::<String>).realm("Shop").generate_ha1("ada", "secret")?;
    /// assert_eq!(kept, "50860e7d4ba3dffb48d38afa4737e0ba");
    /// let auth = HttpAuth::digest(move |name: String| (name == "ada").then(|| kept.clone())).realm("Shop").use_ha1_pw();
    /// # let mut app = App::new("docs");
    /// # app.config.secret_key = Some("dev".into());
    /// app.rule("/").decorate(auth.login_required()).view(|| "welcome");
    /// # app.build()?;
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn use_ha1_pw(mut self) -> Self {
        match &mut self.scheme.verify {
            Verify::Digest(digest, _) => digest.uses_ha1 = true,
            _ => drop(self.setup_error.get_or_insert(no_digest("use_ha1_pw"))),
        }
        self
    }

    /// Returns what the app may keep in a password's place, with [`use_ha1_pw`](Self::use_ha1_pw): the hash of the name, this realm and
    /// the password, as Flask-HTTPAuth's `generate_ha1` makes it. For another realm, or another algorithm, it is another.
    ///
    /// # Errors
    /// If the scheme is not `Digest`.
    #[track_caller]
    pub fn generate_ha1(&self, name: &str, password: &str) -> Result<String, Error> {
        match &self.scheme.verify {
            Verify::Digest(digest, _) => Ok(digest.algorithm.ha1(name, &self.scheme.realm, password)),
            _ => Err(no_digest("generate_ha1")),
        }
    }

    /// Sets the function, sync or async, that returns the roles of a user: Flask-HTTPAuth's `get_user_roles`.
    #[must_use]
    pub fn roles<M>(mut self, roles: impl IntoCallback<M, U, Vec<String>>) -> Self {
        self.scheme.roles = Some(roles.into_callback());
        self
    }

    /// Sets the function, sync or async, that answers what is refused: it gets the status, 401 or 403. Its answer gets that
    /// status if it has none of its own, and the challenge. Default: an error of that status, for the app's error handlers, whose
    /// answer gets the challenge too.
    #[must_use]
    pub fn error_handler<M>(mut self, handler: impl IntoCallable<M, StatusCode, Response>) -> Self {
        self.scheme.error_handler = Some(handler.into_callable());
        self
    }

    /// Answers as a named package does: `"flask-httpauth 4.8"`, whose refusals are a text and no page. Default: safe.
    #[must_use]
    #[track_caller]
    pub fn compat(mut self, package: &str) -> Self {
        let known = "flask-httpauth 4.8";
        if package != known {
            let message = format!("HttpAuth: `compat({package:?})` is unknown: write {known:?}, or leave it out");
            self.setup_error.get_or_insert(Error::setup(message));
        }
        self.scheme.is_plain = true;
        self
    }

    /// Returns a decorator that lets users through that the callback knows, and refuses other clients with 401 and a challenge.
    pub fn login_required(&self) -> impl Fn(View) -> View + Clone + use<U> {
        self.guard(Requirement::SignedIn, None)
    }

    /// Returns a decorator that lets every client through; [`current_user`](Self::current_user) is there if the client is known.
    pub fn login_optional(&self) -> impl Fn(View) -> View + Clone + use<U> {
        self.guard(Requirement::Optional, None)
    }

    /// Returns a decorator that lets through users with one of these roles, and refuses others with 403.
    #[track_caller]
    pub fn role_required(&self, roles: &[&str]) -> impl Fn(View) -> View + Clone + use<U> {
        let lists = roles.iter().map(|role| vec![(*role).to_owned()]).collect();
        self.guard(Requirement::Roles(lists), Some(Location::caller()))
    }

    /// Returns a decorator that lets through users with all of these roles, and refuses others with 403.
    #[track_caller]
    pub fn roles_required(&self, roles: &[&str]) -> impl Fn(View) -> View + Clone + use<U> {
        let lists = [roles.iter().map(|role| (*role).to_owned()).collect()].into();
        self.guard(Requirement::Roles(lists), Some(Location::caller()))
    }

    /// The user of this request; `None` if no decorator has let a known one through.
    pub fn current_user(&self) -> Option<U> {
        current_user()
    }

    fn guard(
        &self,
        requirement: Requirement,
        with_roles: Option<&'static Location<'static>>,
    ) -> impl Fn(View) -> View + Clone + use<U> {
        decorator(std::slice::from_ref(self), requirement, with_roles)
    }

    #[track_caller]
    fn check(&mut self, text: &str, what: &str) {
        if text.is_empty() || text.contains(|character: char| !(' '..='~').contains(&character) || character == '"') {
            let message = format!("HttpAuth: the {what} {text:?} cannot stand in a header: use ASCII without quotes");
            self.setup_error.get_or_insert(Error::setup(message));
        }
    }
}

impl HttpAuth<String> {
    /// The scheme `Digest`, by which the client proves that it knows a password without sending it. `password_of`, sync or
    /// async, returns the password of a name, or its hash with [`use_ha1_pw`](Self::use_ha1_pw); the user is that name, or what
    /// [`load_user`](Self::load_user) makes of it. The app needs a `secret_key`, which signs the challenges.
    pub fn digest<M>(password_of: impl IntoCallback<M, String, Option<String>>) -> Self {
        Self::digest_with(Algorithm::Md5, password_of.into_callback())
    }

    /// The scheme `Digest` with SHA-256, which browsers know since 2021 to 2023.
    pub fn digest_sha256<M>(password_of: impl IntoCallback<M, String, Option<String>>) -> Self {
        Self::digest_with(Algorithm::Sha256, password_of.into_callback())
    }

    fn digest_with(algorithm: Algorithm, password_of: Callable<String, Option<String>>) -> Self {
        let digest = Digest { algorithm, password_of, uses_ha1: false };
        let name = Callable::new_async(|name| ready(Ok(Some(name))));
        Self::new("Digest", Verify::Digest(digest, name))
    }
}

/// Several schemes, of which the client chooses by what it sends; the first one's challenge goes to a client that sends none.
///
/// ```
/// use costrel::App;
/// use costrel_httpauth::{HttpAuth, MultiAuth};
///
/// let basic = HttpAuth::basic(|name: String, password: String| (password == "secret").then_some(name));
/// let bearer = HttpAuth::bearer(|token: String| (token == "t0ken").then(|| "ada".to_owned()));
/// let auth = MultiAuth::new([basic, bearer]);
/// let mut app = App::new("docs");
/// app.rule("/").decorate(auth.login_required()).view(async || "welcome");
/// let client = app.test_client();
/// assert_eq!(client.get("/").auth("bob", "secret").wait()?.status(), 200);
/// assert_eq!(client.get("/").header("authorization", "Bearer t0ken").wait()?.status(), 200);
/// assert_eq!(client.get("/").header("authorization", "Bearer other").wait()?.status(), 401);
/// # Ok::<(), costrel::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MultiAuth<U> {
    schemes: Vec<HttpAuth<U>>,
}

impl<U: Clone + Send + Sync + 'static> MultiAuth<U> {
    /// Combines schemes, the main one first. None at all is a set-up error.
    pub fn new(schemes: impl IntoIterator<Item = HttpAuth<U>>) -> Self {
        Self { schemes: schemes.into_iter().collect() }
    }

    /// [`HttpAuth::login_required`], by any of the schemes.
    pub fn login_required(&self) -> impl Fn(View) -> View + Clone + use<U> {
        decorator(&self.schemes, Requirement::SignedIn, None)
    }

    /// [`HttpAuth::login_optional`], by any of the schemes.
    pub fn login_optional(&self) -> impl Fn(View) -> View + Clone + use<U> {
        decorator(&self.schemes, Requirement::Optional, None)
    }

    /// [`HttpAuth::role_required`], by any of the schemes.
    #[track_caller]
    pub fn role_required(&self, roles: &[&str]) -> impl Fn(View) -> View + Clone + use<U> {
        let lists = roles.iter().map(|role| vec![(*role).to_owned()]).collect();
        decorator(&self.schemes, Requirement::Roles(lists), Some(Location::caller()))
    }

    /// [`HttpAuth::roles_required`], by any of the schemes.
    #[track_caller]
    pub fn roles_required(&self, roles: &[&str]) -> impl Fn(View) -> View + Clone + use<U> {
        let lists = [roles.iter().map(|role| (*role).to_owned()).collect()].into();
        decorator(&self.schemes, Requirement::Roles(lists), Some(Location::caller()))
    }

    /// [`HttpAuth::current_user`], by whichever scheme let it through.
    pub fn current_user(&self) -> Option<U> {
        current_user()
    }
}

#[track_caller]
fn no_digest(method: &str) -> Error {
    Error::setup(format!("HttpAuth: `{method}` is for `HttpAuth::digest(..)`"))
}

fn current_user<U: Clone + 'static>() -> Option<U> {
    has_app_context().then(|| g().get(USER)).flatten()
}

fn decorator<U: Clone + Send + Sync + 'static>(
    schemes: &[HttpAuth<U>],
    requirement: Requirement,
    with_roles: Option<&'static Location<'static>>,
) -> impl Fn(View) -> View + Clone + use<U> {
    let wrong = schemes.iter().find_map(|scheme| scheme.setup_error.clone());
    let no_roles = with_roles.filter(|_| schemes.iter().any(|scheme| scheme.scheme.roles.is_none())).map(|line| {
        let message = "HttpAuth: a role is required, but `.roles(..)` does not say which roles a user has";
        Error::setup(message).with_location(line)
    });
    let none = schemes.is_empty().then(|| Error::setup("MultiAuth: give it one scheme or more"));
    let error = wrong.or(no_roles).or(none);
    let ways: Arc<[_]> = schemes.iter().map(|scheme| scheme.scheme.clone()).collect();
    move |view| match &error {
        Some(error) => view.with_setup_error(error.clone()),
        None => guarded(view, (Arc::clone(&ways), requirement.clone())),
    }
}
