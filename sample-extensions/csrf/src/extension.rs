//! The extension: its options, its set-up on an app, and the decorators that it gives.

use costrel::{App, Error, Extension, Request, View, Waiting, request};

use crate::check::{Proof, check};
use crate::decorator::{Exempt, exempt, protected};
use crate::settings::{Protection, Settings};
use crate::token;

/// Refuses requests that a page of another site has sent: Flask-WTF's `CSRFProtect`. Every POST, PUT, PATCH and DELETE needs
/// a token, which pages of the app have from `csrf_token()`.
///
/// The settings `WTF_CSRF_TIME_LIMIT`, `WTF_CSRF_HEADERS` and so on are Flask-WTF's; they are read when the app is built.
#[derive(Clone, Copy, Debug, Default)]
pub struct Csrf {
    proof: Proof,
}

impl Csrf {
    /// Asks for a token.
    pub fn new() -> Self {
        Self { proof: Proof::Token }
    }

    /// Asks the browser instead: a request whose `Sec-Fetch-Site` (or, in older browsers, `Origin`) is another site's is refused.
    /// It needs no token, no session and no change of a page. A client that sends neither header, such as `curl`, is let
    /// through.
    ///
    /// ```
    /// use costrel::App;
    /// use costrel_csrf::Csrf;
    ///
    /// let mut app = App::new("docs");
    /// app.init(&Csrf::by_fetch_metadata())?;
    /// app.post("/order", || "ordered");
    /// let client = app.test_client();
    /// let from = |site: &str| client.post("/order").header("sec-fetch-site", site).wait().map(|page| page.status().as_u16());
    /// assert_eq!((from("same-origin")?, from("cross-site")?), (200, 400));
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn by_fetch_metadata() -> Self {
        Self { proof: Proof::FetchMetadata }
    }

    /// Returns the decorator for a view, or a blueprint, that is not checked, such as one for another server's calls. A view that is
    /// exempt itself stays so in a blueprint that is [`protected`](Self::protected).
    pub fn exempt(&self) -> impl Fn(View) -> View + Clone + use<> {
        exempt
    }

    /// Returns the decorator for a view that is checked on its own, with `WTF_CSRF_CHECK_DEFAULT` off.
    pub fn protected(&self) -> impl Fn(View) -> View + Clone + use<> {
        let proof = self.proof;
        move |view| protected(view, proof)
    }

    /// Checks the current request, as a hook or a view may do with `WTF_CSRF_CHECK_DEFAULT` off: Flask-WTF's `csrf.protect()`.
    /// `.await` it in async code, `.wait()` for it in sync code. An exempt view is checked too.
    ///
    /// # Errors
    /// A 400 whose source is a [`CsrfError`](crate::CsrfError), if it is refused.
    ///
    /// # Panics
    /// Outside a request, with a message that names the remedy.
    ///
    /// ```
    /// use costrel::App;
    /// use costrel_csrf::Csrf;
    ///
    /// let csrf = Csrf::new();
    /// let mut app = App::new("docs");
    /// app.config.secret_key = Some("dev".into());
    /// app.config.set("WTF_CSRF_CHECK_DEFAULT", false)?;
    /// app.init(&csrf)?;
    /// app.post("/sync", move || csrf.protect().wait().map(|()| "ordered"));
    /// app.post("/async", move || async move { csrf.protect().await.map(|()| "ordered") });
    /// let client = app.test_client();
    /// assert_eq!(client.post("/sync").wait()?.status(), 400);
    /// assert_eq!(client.post("/async").wait()?.status(), 400);
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn protect(&self) -> Waiting<()> {
        let (proof, request) = (self.proof, request());
        Waiting::new(async move { check(proof, &*Settings::current()?, &request).await })
    }

    /// Checks the current request as [`protect`](Self::protect) does, unless its view is exempt: for a hook that checks some of the
    /// requests, such as those that have a cookie.
    ///
    /// # Errors
    /// Those of [`protect`](Self::protect).
    ///
    /// # Panics
    /// Outside a request, with a message that names the remedy.
    pub fn protect_unless_exempt(&self) -> Waiting<()> {
        if is_for_view(&request()) { self.protect() } else { Waiting::new(std::future::ready(Ok(()))) }
    }

    /// Returns the token for the current client, for pages that are not templates: Flask-WTF's `generate_csrf`.
    ///
    /// # Errors
    /// If the app has no `secret_key`, or the extension was not initialised on it.
    ///
    /// # Panics
    /// Outside a request, with a message that names the remedy.
    pub fn token(&self) -> Result<String, Error> {
        token::generate(&*Settings::current()?)
    }
}

impl Extension for &Csrf {
    fn init_app(self, app: &mut App) -> Result<(), Error> {
        let proof = self.proof;
        app.set_extension(Protection::default());
        app.on_build(Protection::read_settings);
        #[cfg(feature = "templates")]
        app.templates(|templates| {
            templates.add_function("csrf_token", csrf_token);
            templates.add_function("csrf_meta_tag", csrf_meta_tag);
        });
        app.before_request(move || async move {
            let (settings, request) = (Settings::current()?, request());
            let is_checked = settings.enabled && settings.check_default && is_for_view(&request);
            if is_checked { check(proof, &settings, &request).await } else { Ok(()) }
        });
        Ok(())
    }
}

/// Whether there is a view that is not exempt.
fn is_for_view(request: &Request) -> bool {
    request.endpoint().is_some() && request.marker::<Exempt>().is_none()
}

#[cfg(feature = "templates")]
fn csrf_token() -> Result<String, costrel::minijinja::Error> {
    Csrf::new().token().map_err(failed)
}

/// The token for scripts of a page: `<meta name="csrf-token" content="..">`, by Flask-WTF's name.
#[cfg(feature = "templates")]
fn csrf_meta_tag() -> Result<costrel::minijinja::Value, costrel::minijinja::Error> {
    let name = Settings::current().map_err(failed)?.meta_name.clone();
    let (name, token) = (costrel::minijinja::HtmlEscape(&name).to_string(), csrf_token()?);
    Ok(costrel::minijinja::Value::from_safe_string(format!("<meta name=\"{name}\" content=\"{token}\">")))
}

#[cfg(feature = "templates")]
fn failed(error: Error) -> costrel::minijinja::Error {
    costrel::minijinja::Error::new(costrel::minijinja::ErrorKind::InvalidOperation, error.to_string())
}
