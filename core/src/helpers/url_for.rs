//! The URLs of endpoints.

use std::fmt;
use std::panic::Location;

use crate::context::{AppHandle, current_app, has_request_context, request};
use crate::error::{Error, ErrorKind};
use crate::http_types::{Request, ScriptRoot};
use crate::routing::{ArgValue, BuiltUrl, UrlValues};

/// Starts the URL of an endpoint: Flask's `url_for`. Values that the rule has no variable for become the query.
///
/// In a request, an endpoint that begins with a dot is one of the same blueprint, and the URL is a path. Outside a
/// request the URL is absolute, and `config.server_name` must be set.
///
/// ```
/// use costrel::{App, Error, url_for};
///
/// fn user(_user_id: i64) -> Result<String, Error> {
///     url_for("user").arg("user_id", 7).arg("tab", "new posts").anchor("top").build()
/// }
///
/// let mut app = App::new("docs");
/// app.route("/users/<int:user_id>", user);
/// assert_eq!(app.test_client().get("/users/1").wait()?.text(), "/users/7?tab=new+posts#top");
/// # Ok::<(), Error>(())
/// ```
///
/// Book: [Routing and URLs](../costrel_book/routing/index.html).
pub fn url_for(endpoint: &str) -> UrlFor {
    UrlFor { endpoint: endpoint.to_owned(), values: UrlValues::default(), ..UrlFor::default() }
}

/// A URL being built; see [`url_for`].
#[derive(Clone, Default)]
#[must_use = "nothing is built until `.build()`"]
pub struct UrlFor {
    endpoint: String,
    values: UrlValues,
    anchor: Option<String>,
    method: Option<String>,
    scheme: Option<String>,
    external: Option<bool>,
}

impl UrlFor {
    /// Adds a value for a variable of the rule, or else for the query. A value that is `None` is left out of the
    /// query; a name given twice is in it twice.
    pub fn arg(mut self, name: &str, value: impl Into<ArgValue>) -> Self {
        self.values.add(name, value);
        self
    }

    /// Sets the text after `#`.
    pub fn anchor(mut self, anchor: &str) -> Self {
        self.anchor = Some(anchor.to_owned());
        self
    }

    /// Sets the method that the rule should take, where an endpoint has several rules.
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_ascii_uppercase());
        self
    }

    /// Sets whether the URL begins with scheme and host. Default: outside requests.
    pub fn external(mut self, external: bool) -> Self {
        self.external = Some(external);
        self
    }

    /// Sets the scheme of an absolute URL, instead of the request's.
    pub fn scheme(mut self, scheme: &str) -> Self {
        self.scheme = Some(scheme.to_owned());
        self
    }

    /// Builds the URL.
    ///
    /// # Errors
    /// If there is no such endpoint, with the name of the one most like it; if a value is missing or does not fit;
    /// outside requests without `config.server_name`; for a scheme on a URL that is not external.
    ///
    /// # Panics
    /// If there is no app, with a message that names the remedy.
    #[track_caller]
    pub fn build(self) -> Result<String, Error> {
        let caller = Location::caller();
        self.build_in(&current_app()).map_err(|error| error.called_at(caller))
    }

    fn build_in(self, app: &AppHandle) -> Result<String, Error> {
        let request = has_request_context().then(request);
        let endpoint = self.full_endpoint(request.as_ref());
        let mut values = UrlValues::new(Some(endpoint.as_str().into()), Vec::new());
        self.values.iter().for_each(|(name, value)| values.add(name, value.clone()));
        let parts = app.parts();
        // The app's defaults come before those of the endpoint's blueprints; values that are set already stay.
        let hooks = std::iter::once(&parts.hooks).chain(parts.url_builder.hooks(&endpoint));
        hooks.flat_map(|hooks| &hooks.url_defaults).for_each(|inject| inject(&mut values));
        let method = self.method.as_deref().or(request.as_ref().map(|request| request.method().as_str()));
        let BuiltUrl { domain, path } = parts.url_builder.build(&endpoint, &values, method)?;
        let origin = self.origin(app, request.as_ref(), domain.as_deref())?;
        let root = match &request {
            Some(request) => request.script_root(),
            None => app.script_root().map_or("", ScriptRoot::as_str),
        };
        let anchor = self.anchor.map(|anchor| format!("#{}", crate::routing::quote(&anchor).collect::<String>()));
        Ok(format!("{origin}{root}{path}{}", anchor.unwrap_or_default()))
    }

    fn full_endpoint(&self, request: Option<&Request>) -> String {
        let Some(name) = self.endpoint.strip_prefix('.') else { return self.endpoint.clone() };
        match request.and_then(Request::blueprint) {
            Some(blueprint) => format!("{blueprint}.{name}"),
            None => name.to_owned(),
        }
    }

    /// Returns scheme and host; empty if the URL is to be a path. One on another domain than the request's is no path.
    fn origin(&self, app: &AppHandle, request: Option<&Request>, domain: Option<&str>) -> Result<String, Error> {
        let refused = |message: &str| Err(Error::new(ErrorKind::Other, message));
        if self.scheme.is_some() && self.external == Some(false) {
            return refused("url_for: a scheme needs an external URL: leave `.external(false)` or `.scheme(..)` out");
        }
        let config = app.config();
        let on_domain = domain.map(|domain| config.host_on(domain));
        let is_elsewhere = match (&on_domain, request) {
            (Some(host), Some(request)) => !host.eq_ignore_ascii_case(request.host()),
            _ => false,
        };
        let wanted = is_elsewhere || self.external.unwrap_or(self.scheme.is_some() || request.is_none());
        if !wanted && request.is_some() {
            return Ok(String::new());
        }
        let (scheme, host) = match (request, on_domain.as_ref().or(config.server_name.as_ref())) {
            (Some(request), Some(host)) if on_domain.is_some() => (request.scheme().to_owned(), host.clone()),
            (Some(request), _) => (request.scheme().to_owned(), request.host().to_owned()),
            (None, Some(server_name)) => (config.preferred_url_scheme.clone(), server_name.clone()),
            (None, None) => {
                return refused(
                    "Unable to build URLs outside an active request without `config.server_name` configured: set it to \
                     the host (and port) users know this app by",
                );
            }
        };
        let scheme = self.scheme.clone().unwrap_or(scheme);
        Ok(if wanted { format!("{scheme}://{host}") } else { String::new() })
    }
}

impl fmt::Debug for UrlFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UrlFor({})", self.endpoint)
    }
}
