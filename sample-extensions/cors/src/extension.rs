//! The extension: its options, its set-up on an app, and the decorator that it gives.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use costrel::{App, Error, Extension, Request, Response, View};
use costrel_ext_kit::IntoTexts;

use crate::decorator::{Evaluated, cross_origin};
use crate::options::Options;
use crate::pattern::{Pattern, Reading};
use crate::policy::Policy;
use crate::preflight;

/// The options for cross-origin requests: of an app with `app.init(&cors)`, or of one view with
/// [`cross_origin`](Self::cross_origin).
///
/// What is not set here is, for `app.init(&cors)`, the setting of the app, such as `CORS_ORIGINS`; for `cross_origin`, which
/// knows no app, and where there is no such setting, it is Flask-CORS's default.
#[derive(Clone, Debug)]
pub struct Cors {
    options: Options,
    reading: Reading,
    mode: Option<String>,
    setup_error: Option<Error>,
    location: &'static Location<'static>,
}

impl Cors {
    /// Allows every origin, method and header, without credentials.
    #[allow(clippy::new_without_default, reason = "a default would not know the line at which it is written")]
    #[track_caller]
    pub fn new() -> Self {
        let (options, reading, mode, setup_error) = Default::default();
        Self { options, reading, mode, setup_error, location: Location::caller() }
    }

    /// Sets the origins whose pages may read the responses, such as `https://shop.example`: one, or several as a list. Default: `*`,
    /// all. A text that no browser sends as an origin, such as one with a slash at its end, is a set-up error.
    ///
    /// As in Flask-CORS, a text with a character of regular expressions is one: `r"https://.*\.shop\.example"`. It must match
    /// the whole origin.
    #[must_use]
    pub fn origins<M>(mut self, origins: impl IntoTexts<M>) -> Self {
        self.options.origins = Some(origins.into_texts());
        self
    }

    /// Sets the methods that a preflight allows. Default: GET, HEAD, POST, OPTIONS, PUT, PATCH, DELETE.
    #[must_use]
    pub fn methods<M>(mut self, methods: impl IntoTexts<M>) -> Self {
        self.options.methods = Some(methods.into_texts());
        self
    }

    /// Sets the request headers that a preflight allows, as text or regular expressions. Default: `*`, all that it asks for.
    #[must_use]
    pub fn allow_headers<M>(mut self, headers: impl IntoTexts<M>) -> Self {
        self.options.allow_headers = Some(headers.into_texts());
        self
    }

    /// Sets the response headers that a page may read beside the simple ones. Default: none.
    #[must_use]
    pub fn expose_headers<M>(mut self, headers: impl IntoTexts<M>) -> Self {
        self.options.expose_headers = Some(headers.into_texts());
        self
    }

    /// Sets whether a page may send the client's cookies along and read the answer. Default: no. With any origin it is a
    /// set-up error, because every page on the web could read what a signed-in client can.
    #[must_use]
    pub fn supports_credentials(mut self, supports: bool) -> Self {
        self.options.supports_credentials = Some(supports);
        self
    }

    /// Sets the time for which a browser may remember a preflight's answer. Default: none is sent.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.options.max_age = Some(age);
        self
    }

    /// Sets whether any origin is answered with `*` instead of its own name. Default: no.
    #[must_use]
    pub fn send_wildcard(mut self, send: bool) -> Self {
        self.options.send_wildcard = Some(send);
        self
    }

    /// Sets whether `Vary: Origin` is sent where the headers depend on the origin. Default: yes.
    #[must_use]
    pub fn vary_header(mut self, send: bool) -> Self {
        self.options.vary_header = Some(send);
        self
    }

    /// Sets whether requests without `Origin` get the headers too. Default: yes.
    #[must_use]
    pub fn always_send(mut self, send: bool) -> Self {
        self.options.always_send = Some(send);
        self
    }

    /// Sets whether pages of public networks may ask for this app in a private one. Default: no.
    #[must_use]
    pub fn allow_private_network(mut self, allow: bool) -> Self {
        self.options.allow_private_network = Some(allow);
        self
    }

    /// Sets whether preflights are answered without the view. Default: yes; otherwise the rule must list OPTIONS.
    #[must_use]
    pub fn automatic_options(mut self, answer: bool) -> Self {
        self.options.automatic_options = Some(answer);
        self
    }

    /// Limits the app-wide headers to the paths of `pattern`, in which `*` is any text, with the options of `cors`; what that
    /// does not set is as set here. Of several patterns that match, one without `*` counts, then the one with the most `/`, then the
    /// longest. Default: `*`. `cors` with a `compat` or resources of its own is a set-up error.
    ///
    /// ```
    /// use costrel::App;
    /// use costrel_cors::Cors;
    ///
    /// let mut app = App::new("docs");
    /// app.init(&Cors::new().resource("/api/*", Cors::new().origins(["https://a.example"])))?;
    /// app.route("/api/users", || "users").route("/page", || "page");
    /// let client = app.test_client();
    /// let origin = |path: &str| {
    ///     let page = client.get(path).header("origin", "https://a.example").wait()?;
    ///     Ok::<_, costrel::Error>(page.header("access-control-allow-origin").map(str::to_owned))
    /// };
    /// assert_eq!(origin("/api/users")?.as_deref(), Some("https://a.example"));
    /// assert_eq!(origin("/page")?, None);
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn resource(mut self, pattern: &str, cors: Self) -> Self {
        if cors.mode.is_some() || cors.options.resources.is_some() {
            let remedy = "call `compat` and `resource` on the outer `Cors`, which has all the patterns";
            let message =
                format!("CORS: the options of {pattern:?} have a `compat` or resources of their own: {remedy}");
            self.setup_error.get_or_insert(Error::setup(message));
        }
        let error = self.setup_error.take().or(cors.setup_error);
        self.options.resources.get_or_insert_default().push((pattern.to_owned(), cors.options));
        Self { setup_error: error, ..self }
    }

    /// Answers as a named package does, harmless faults included: `"flask-cors 6"`. There a regular expression matches the
    /// beginning of an origin or a path, and credentials with any origin are allowed. Default: safe.
    #[must_use]
    pub fn compat(mut self, package: &str) -> Self {
        self.reading = Reading::Beginning;
        self.mode = Some(package.to_owned());
        self
    }

    /// Returns the decorator for one view with these options: Flask-CORS's `cross_origin`. The options are those set here,
    /// without the app's settings.
    pub fn cross_origin(&self) -> impl Fn(View) -> View + Clone + use<> {
        let policy = self.policy(self.options.clone()).map(Arc::new);
        move |view| match policy.clone() {
            Ok(policy) => cross_origin(view, policy),
            Err(error) => view.with_setup_error(error),
        }
    }

    fn policy(&self, options: Options) -> Result<Policy, Error> {
        let known = "flask-cors 6";
        if let Some(error) = &self.setup_error {
            return Err(error.clone());
        }
        if let Some(mode) = self.mode.as_ref().filter(|mode| **mode != known) {
            let message = format!("CORS: `compat({mode:?})` is unknown: write {known:?}, or leave it out");
            return Err(Error::setup(message).with_location(self.location));
        }
        Policy::new(options, self.reading).map_err(|error| error.with_location(self.location))
    }

    /// The policies of the app's paths, in the order in which they are tried.
    fn resources(&self, config: &Options) -> Result<Vec<(Pattern, Policy)>, Error> {
        let mut options = self.options.clone().or(config);
        let everywhere = || vec![("*".to_owned(), Options::default())];
        let mut resources = options.resources.take().unwrap_or_else(everywhere);
        resources.sort_by_key(|(pattern, _)| Pattern::place(pattern));
        let build = |(pattern, own): (String, Options)| {
            let path =
                Pattern::parse_path(&pattern, self.reading).map_err(|error| error.with_location(self.location))?;
            Ok((path, self.policy(own.or(&options))?))
        };
        resources.into_iter().map(build).collect()
    }
}

impl Extension for &Cors {
    fn init_app(self, app: &mut App) -> Result<(), Error> {
        let resources: Arc<[_]> = self.resources(&Options::from_config(&app.config)?)?.into();
        // One for each app, because two would write over each other's headers.
        app.set_extension(Initialised);
        let answering = Arc::clone(&resources);
        // Async, so that a preflight touches no worker.
        app.before_request(move || std::future::ready(answered(&answering, &costrel::request())));
        app.on_response(move |request, response| {
            if response.extensions().get::<Evaluated>().is_none()
                && let Some(policy) = policy_of(&resources, request)
            {
                policy.apply(request, response);
            }
        });
        Ok(())
    }
}

/// The state that an app has if `Cors` is initialised on it.
struct Initialised;

fn policy_of<'r>(resources: &'r [(Pattern, Policy)], request: &Request) -> Option<&'r Policy> {
    resources.iter().find(|(path, _)| path.matches(request.path())).map(|(_, policy)| policy)
}

/// Answers a preflight before another function can refuse it, where there is a view.
fn answered(resources: &[(Pattern, Policy)], request: &Request) -> Option<Response> {
    let policy = policy_of(resources, request).filter(|policy| policy.is_preflight(request))?;
    request.endpoint().map(|_| preflight::answer(policy, request))
}
