//! The headers of a response, by the options of its address.

use costrel::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
};
use costrel::{Error, ErrorKind, HeaderName, HeaderValue, Method, Request, Response, add_vary};

use crate::options::Options;
use crate::pattern::{Pattern, Reading};

/// The header by which a page asks for a private network, and that of the answer.
const REQUEST_PRIVATE_NETWORK: &str = "access-control-request-private-network";
const ALLOW_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// The options of an address, checked and ready.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "options that are on or off, each by Flask-CORS's name")]
pub(crate) struct Policy {
    origins: Vec<Pattern>,
    pub(crate) methods: Vec<String>,
    allow_headers: Vec<Pattern>,
    expose_headers: Option<HeaderValue>,
    max_age: Option<HeaderValue>,
    supports_credentials: bool,
    send_wildcard: bool,
    vary_header: bool,
    always_send: bool,
    allow_private_network: bool,
    /// Whether a response that allows no origin says that another might: not in Flask-CORS, where a cache may hand it on.
    varies_always: bool,
    /// Whether preflights are answered here, and not by a view that takes OPTIONS.
    pub(crate) automatic_options: bool,
}

impl Policy {
    /// Checks the options.
    ///
    /// # Errors
    /// If a pattern, a method or a header is none, or if the options would hand every page the client's data.
    pub(crate) fn new(options: Options, reading: Reading) -> Result<Self, Error> {
        let any = || vec!["*".to_owned()];
        let read = |list: Option<Vec<String>>, parse: fn(&str, Reading) -> Result<Pattern, Error>| {
            list.unwrap_or_else(any).iter().map(|text| parse(text, reading)).collect::<Result<Vec<_>, _>>()
        };
        let policy = Self {
            origins: read(options.origins, Pattern::parse_origin)?,
            methods: methods(options.methods)?,
            allow_headers: read(options.allow_headers, Pattern::parse)?,
            expose_headers: options.expose_headers.filter(|names| !names.is_empty()).map(joined).transpose()?,
            max_age: options.max_age.map(|age| HeaderValue::from(age.as_secs())),
            supports_credentials: options.supports_credentials.unwrap_or(false),
            send_wildcard: options.send_wildcard.unwrap_or(false),
            vary_header: options.vary_header.unwrap_or(true),
            always_send: options.always_send.unwrap_or(true),
            allow_private_network: options.allow_private_network.unwrap_or(false),
            varies_always: reading == Reading::Whole,
            automatic_options: options.automatic_options.unwrap_or(true),
        };
        policy.check_credentials(reading)?;
        Ok(policy)
    }

    /// Refuses to share what is the client's own with every page. Flask-CORS refuses it only with `send_wildcard`.
    fn check_credentials(&self, reading: Reading) -> Result<(), Error> {
        let is_open = match reading {
            Reading::Whole => self.allows_unknown_origin(),
            Reading::Beginning => self.allows_any_origin() && self.send_wildcard,
        };
        if !self.supports_credentials || !is_open {
            return Ok(());
        }
        let message = "CORS: `supports_credentials` with any origin hands every page on the web the data of a client that is \
                       signed in: list the origins";
        Err(Error::new(ErrorKind::Setup, message))
    }

    fn allows_any_origin(&self) -> bool {
        self.origins.iter().any(|origin| matches!(origin, Pattern::Any))
    }

    /// Whether the patterns let in an origin that no app can have meant.
    fn allows_unknown_origin(&self) -> bool {
        self.origins.iter().any(|origin| origin.matches("https://unknown.invalid"))
    }

    /// Whether the request is a preflight of a browser that this policy answers.
    pub(crate) fn is_preflight(&self, request: &Request) -> bool {
        self.automatic_options
            && *request.method() == Method::OPTIONS
            && request.header(ORIGIN.as_str()).is_some()
            && request.header(ACCESS_CONTROL_REQUEST_METHOD.as_str()).is_some()
    }

    /// Adds the headers that the response to this request has, unless it has them from the view.
    pub(crate) fn apply(&self, request: &Request, response: &mut Response) {
        if response.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
            return;
        }
        let Some(origin) = self.allowed_origin(request) else {
            if self.varies_always && self.vary_header {
                add_vary(response, ORIGIN.as_str());
            }
            return;
        };
        let is_any = origin == "*";
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if let Some(names) = &self.expose_headers {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, names.clone());
        }
        if self.supports_credentials {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        if request.header(REQUEST_PRIVATE_NETWORK) == Some("true") {
            let allowed = if self.allow_private_network { "true" } else { "false" };
            headers.insert(ALLOW_PRIVATE_NETWORK, HeaderValue::from_static(allowed));
        }
        if *request.method() == Method::OPTIONS {
            self.answer_preflight(request, response);
        }
        if !is_any {
            self.vary(response);
        }
    }

    /// The value of `Access-Control-Allow-Origin`.
    fn allowed_origin(&self, request: &Request) -> Option<HeaderValue> {
        let any = HeaderValue::from_static("*");
        let Some(origin) = request.header(ORIGIN.as_str()) else {
            let first = || self.origins.iter().filter_map(Pattern::text).min();
            return match self.always_send {
                false => None,
                // A browser takes no `*` with credentials.
                true if self.allows_any_origin() => (!self.supports_credentials).then_some(any),
                true => first().and_then(|origin| HeaderValue::from_str(origin).ok()),
            };
        };
        if self.allows_any_origin() && self.send_wildcard {
            return Some(any);
        }
        let is_allowed = self.origins.iter().any(|pattern| pattern.matches(origin));
        is_allowed.then(|| HeaderValue::from_str(origin).ok()).flatten()
    }

    fn answer_preflight(&self, request: &Request, response: &mut Response) {
        let asked = request.header(ACCESS_CONTROL_REQUEST_METHOD.as_str()).unwrap_or_default().to_ascii_uppercase();
        if !self.methods.contains(&asked) {
            return;
        }
        let headers = response.headers_mut();
        let asked =
            request.header_values(ACCESS_CONTROL_REQUEST_HEADERS.as_str()).filter_map(|names| names.to_str().ok());
        let is_allowed = |name: &&str| self.allow_headers.iter().any(|pattern| pattern.matches(name));
        let mut allowed: Vec<_> = asked.flat_map(|names| names.split(',')).map(str::trim).filter(is_allowed).collect();
        allowed.sort_unstable();
        if let Some(allowed) = HeaderValue::try_from(allowed.join(", ")).ok().filter(|names| !names.is_empty()) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
        }
        if let Some(max_age) = &self.max_age {
            headers.insert(ACCESS_CONTROL_MAX_AGE, max_age.clone());
        }
        if let Ok(methods) = HeaderValue::try_from(self.methods.join(", ")) {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        }
    }

    /// Says that the response depends on the origin, if there is more than one that it could be for.
    fn vary(&self, response: &mut Response) {
        let depends = self.origins.len() > 1 || self.origins.iter().any(|origin| origin.text().is_none());
        if self.vary_header && depends {
            add_vary(response, ORIGIN.as_str());
        }
    }
}

/// The methods in capitals, sorted.
fn methods(given: Option<Vec<String>>) -> Result<Vec<String>, Error> {
    let all = || ["GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"].map(str::to_owned).to_vec();
    let mut methods: Vec<_> = given.unwrap_or_else(all).iter().map(|method| method.to_ascii_uppercase()).collect();
    methods.sort_unstable();
    methods.dedup();
    match methods.iter().find(|method| method.parse::<Method>().is_err()) {
        Some(wrong) => Err(Error::new(
            ErrorKind::Setup,
            format!("CORS: {wrong:?} is no method: write them as in [\"GET\", \"POST\"]"),
        )),
        None => Ok(methods),
    }
}

fn joined(mut names: Vec<String>) -> Result<HeaderValue, Error> {
    names.sort_unstable();
    let list = names.join(", ");
    HeaderValue::try_from(&list).map_err(|_| Error::new(ErrorKind::Setup, format!("CORS: {list:?} are no headers")))
}
