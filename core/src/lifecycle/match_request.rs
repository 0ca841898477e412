//! The matching of a request: to a view, or to the response that there is none.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use http::Method;
use http::header::{self, HeaderValue};

use crate::context::{Application, Endpoint, Tables};
use crate::error::Error;
use crate::hooks::{HookChain, HookSet};
use crate::http_types::{Body, RouteInfo, decoded_path};
use crate::routing::{ArgValue, Lookup, Place, Route, UrlValues, quote};
use crate::view::{AnswersOtherMethods, AutomaticOptions};
use crate::websocket::is_handshake;

/// The target of a request, with its route, URL values and hooks.
pub(super) struct MatchedRequest {
    pub(super) target: Target,
    pub(super) route: RouteInfo,
    /// The values that the functions of `url_value_preprocessor` get.
    pub(super) url_values: UrlValues,
    pub(super) hooks: HookChain,
    /// An endpoint of the request's path, if the target is none.
    pub(super) on_path: Option<Arc<Endpoint>>,
}

/// The target that the rule table has for a request. A refusal is only raised after the hooks have seen the request.
#[derive(Clone)]
pub(super) enum Target {
    View(Arc<Endpoint>),
    /// The automatic answer to OPTIONS, with the methods that the path takes.
    Options(AutomaticOptions),
    /// The automatic answer, through the decorators of this endpoint that claim it.
    ClaimedOptions(Arc<Endpoint>, AutomaticOptions),
    /// A redirect to another path of this app, with its query.
    Redirect(String),
    Refusal(Error),
    /// The page of debug mode about the last requests, or about one of them.
    Traces(Option<u64>),
}

impl MatchedRequest {
    fn on_path(self, endpoint: Option<Arc<Endpoint>>) -> Self {
        Self { on_path: endpoint, ..self }
    }

    /// Whether the target is a handler for WebSockets.
    #[cfg(feature = "websocket")]
    pub(super) fn is_websocket(&self) -> bool {
        matches!(&self.target, Target::View(endpoint) if endpoint.is_websocket)
    }
}

impl Application {
    /// Matches the path and the method of `request`. A converter that panics leads to an error like any other.
    pub(super) fn match_request(&self, request: &http::Request<Body>) -> MatchedRequest {
        panic::catch_unwind(AssertUnwindSafe(|| self.find_match(request)))
            .unwrap_or_else(|payload| self.refused(Error::from_caught(payload)))
    }

    fn find_match(&self, request: &http::Request<Body>) -> MatchedRequest {
        let path = decoded_path(request.uri());
        if !self.is_trusted(request) {
            let refusal = Error::status(400).with_message("The host of this request is not one of this server's.");
            return self.refused(refusal);
        }
        if !path.starts_with('/') {
            return self.without_path(request.method());
        }
        // A NUL ends names in the system's interfaces, so it is in no path that can be meant.
        if matches!(&path, Cow::Owned(decoded) if decoded.contains('\0')) {
            return self.refused(bad_request("The path has a NUL in it."));
        }
        let domain = self.domain_of(request);
        let place = Place { domain: domain.as_deref(), path: &path };
        if is_handshake(request) {
            return self.find_websocket(request, place);
        }
        match self.tables().router.find(request.method(), place) {
            Lookup::Route(route, values) if request.method() == Method::OPTIONS && !route.target.handles_options => {
                self.found_options(request, place, (route, values))
            }
            Lookup::Route(route, values) => self.found(request, route, values),
            Lookup::Redirect(slashes) => {
                // Mends the decoded path, because it is what was matched: a quoted slash counts as a slash.
                let canonical = slashes.mend(&path);
                let on_it = Place { path: &canonical, ..place };
                let endpoint = self.routed(request.method(), on_it).map(|(route, _)| route.target.clone());
                // Exactly one slash in front: after two, or a backslash, browsers take what follows for a host.
                let canonical = format!("/{}", quote(canonical.trim_start_matches(['/', '\\'])).collect::<String>());
                self.without_view(redirect(request, &canonical)).on_path(endpoint)
            }
            Lookup::MethodNotAllowed(_) if self.has_fallback_for_other_methods() => self.not_found(),
            Lookup::MethodNotAllowed(allowed) => {
                let listens = |endpoint: &Endpoint| !endpoint.view.response_hooks().is_empty();
                let endpoint = self.first_of(&allowed, place, listens).map(|(route, _)| route.target.clone());
                self.refused(Error::status(405).with_header(header::ALLOW, allow(allowed))).on_path(endpoint)
            }
            Lookup::NotFound if self.tables().websockets.has(place) && !self.has_fallback_for_other_methods() => {
                self.refused(bad_request("There is a WebSocket here; this was an ordinary request."))
            }
            Lookup::NotFound => self.traces(&path).unwrap_or_else(|| self.not_found()),
        }
    }

    /// The pages of debug mode at `/_trace/`, where the app has no rule of its own.
    fn traces(&self, path: &str) -> Option<MatchedRequest> {
        let number = path.strip_prefix("/_trace/").filter(|_| self.handle().config().debug)?;
        let number = if number.is_empty() { None } else { Some(number.parse().ok()?) };
        Some(self.without_view(Target::Traces(number)))
    }

    /// The response to a target that is no path: `*`, or the address that CONNECT asks for.
    fn without_path(&self, method: &Method) -> MatchedRequest {
        match *method {
            Method::OPTIONS => {
                let methods: BTreeSet<_> = self.rules().iter().flat_map(|rule| rule.methods.clone()).collect();
                self.without_view(Target::Options(AutomaticOptions(allow(methods))))
            }
            Method::CONNECT => self.refused(Error::status(501).with_message("This server is no proxy.")),
            _ => self.refused(bad_request("The target of a request is a path; `*` is for OPTIONS alone.")),
        }
    }

    fn find_websocket(&self, request: &http::Request<Body>, place: Place<'_>) -> MatchedRequest {
        match self.tables().websockets.find(&Method::GET, place) {
            Lookup::Route(route, values) => self.found(request, route, values),
            Lookup::NotFound if !self.tables().router.has(place) => self.not_found(),
            _ => match self.routed(&Method::GET, place) {
                Some((route, values)) if answers_other_methods(&route.target) => self.found(request, route, values),
                _ if self.has_fallback_for_other_methods() => self.not_found(),
                _ => self.refused(bad_request("There is no WebSocket here.")),
            },
        }
    }

    fn not_found(&self) -> MatchedRequest {
        match &self.tables().fallback {
            Some(endpoint) => self.matched(Target::View(endpoint.clone()), endpoint, Vec::new()),
            None => self.refused(Error::status(404)),
        }
    }

    fn has_fallback_for_other_methods(&self) -> bool {
        self.tables().fallback.as_deref().is_some_and(answers_other_methods)
    }

    /// Finds the route for a method and a place, with the values for its variables.
    fn routed(&self, method: &Method, place: Place<'_>) -> Option<Routed<'_>> {
        match self.tables().router.find(method, place) {
            Lookup::Route(route, values) => Some((route, values)),
            _ => None,
        }
    }

    /// Finds the first of the place's routes for these methods whose endpoint fits.
    fn first_of(
        &self,
        methods: &BTreeSet<String>,
        place: Place<'_>,
        fits: impl Fn(&Endpoint) -> bool,
    ) -> Option<Routed<'_>> {
        let routes = methods.iter().filter_map(|method| self.routed(&method.parse().ok()?, place));
        routes.into_iter().find(|(route, _)| fits(&route.target))
    }

    /// Matches an OPTIONS request that no rule lists: the decorators that claim it answer it, or Costrel does. A browser's
    /// preflight is for the rule of the method that it names, any other request for the first rule that claims it.
    fn found_options(&self, request: &http::Request<Body>, place: Place<'_>, first: Routed<'_>) -> MatchedRequest {
        // No rule takes CONNECT, so this look-up lists the methods that the rules of the path do take.
        let methods = match self.tables().router.find(&Method::CONNECT, place) {
            Lookup::MethodNotAllowed(allowed) => allowed,
            _ => first.0.methods.clone(),
        };
        let named = request.headers().get(header::ACCESS_CONTROL_REQUEST_METHOD);
        let named = named.and_then(|method| Method::from_bytes(method.as_bytes()).ok());
        let named = named.and_then(|method| self.routed(&method, place));
        let claiming = || self.first_of(&methods, place, |endpoint| endpoint.options.is_some());
        let (route, values) = named.or_else(claiming).unwrap_or(first);
        let (endpoint, automatic) = (route.target.clone(), AutomaticOptions(allow(methods)));
        let target = match endpoint.options {
            Some(_) => Target::ClaimedOptions(endpoint.clone(), automatic),
            None => Target::Options(automatic),
        };
        self.matched(target, &endpoint, view_args(route, values)).on_path(Some(endpoint))
    }

    fn found(&self, request: &http::Request<Body>, route: &Route<Endpoint>, values: Vec<ArgValue>) -> MatchedRequest {
        let view_args = view_args(route, values);
        let url_builder = &self.handle().parts().url_builder;
        if route.target.is_alias {
            let (method, values) = (request.method().as_str(), UrlValues::new(None, view_args));
            return match url_builder.build(&route.target.name, &values, Some(method)) {
                Ok(canonical) => self.without_view(redirect(request, &canonical.path)),
                Err(error) => self.refused(error),
            };
        }
        // Checked first, because hardly any app has such rules, and every request passes here.
        if url_builder.has_defaults() {
            let values = UrlValues::new(None, view_args.clone());
            let method = request.method().as_str();
            if let Some(shorter) = url_builder.default_redirect(&route.target.name, &route.rule, &values, method) {
                return self.without_view(redirect(request, &shorter)).on_path(Some(route.target.clone()));
            }
        }
        self.matched(Target::View(route.target.clone()), &route.target, view_args)
    }

    fn matched(&self, target: Target, endpoint: &Endpoint, view_args: ViewArgs) -> MatchedRequest {
        let hooks = self.hooks(endpoint.blueprint_hooks.clone());
        let is_taken = |name: &str| hooks.outermost_first().any(|set| set.takes(name));
        let (for_hooks, view_args) = view_args.into_iter().partition(|(name, _)| is_taken(name));
        let url_values = UrlValues::new(Some(endpoint.name.clone()), for_hooks);
        let markers = endpoint.view.markers().clone();
        let (name, blueprint) = (Some(endpoint.name.clone()), endpoint.blueprint.clone());
        let route = RouteInfo { endpoint: name, blueprint, view_args, markers };
        MatchedRequest { target, route, url_values, hooks, on_path: None }
    }

    pub(super) fn refused(&self, error: Error) -> MatchedRequest {
        self.without_view(Target::Refusal(error))
    }

    fn without_view(&self, target: Target) -> MatchedRequest {
        let (route, url_values) = Default::default();
        MatchedRequest { target, route, url_values, hooks: self.hooks([].into()), on_path: None }
    }

    /// The app's own hooks with those of these blueprints.
    fn hooks(&self, blueprints: Arc<[Arc<HookSet>]>) -> HookChain {
        HookChain::new(self.handle().parts().hooks.clone(), blueprints)
    }

    /// The domain that a request is for; `None` if no rule names one, or the host is in none.
    fn domain_of(&self, request: &http::Request<Body>) -> Option<String> {
        let Tables { router, websockets, .. } = self.tables();
        if !router.has_named() && !websockets.has_named() {
            return None;
        }
        self.handle().config().domain_of(host_of(request))
    }

    /// Whether the request is for a host of this app.
    fn is_trusted(&self, request: &http::Request<Body>) -> bool {
        let Some(trusted) = &self.handle().config().trusted_hosts else { return true };
        let host = &*host_of(request).to_ascii_lowercase();
        // The port is ignored, because trusted hosts are written without one. A colon before a `]` is an address's.
        let host = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map_or(host, |(host, _)| host);
        trusted.iter().any(|trusted| match trusted.strip_prefix('.') {
            Some(domain) => host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
            None => host == trusted,
        })
    }
}

/// Whether the endpoint's view answers for what the rules of a path do not take, as another app behind this one does.
fn answers_other_methods(endpoint: &Endpoint) -> bool {
    endpoint.view.marker::<AnswersOtherMethods>().is_some()
}

/// The host of a request, which HTTP/2 has in the URI.
fn host_of(request: &http::Request<Body>) -> &str {
    let in_target = request.uri().authority().map(http::uri::Authority::as_str);
    let in_header = || request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    in_target.or_else(in_header).unwrap_or_default()
}

/// A permanent redirect to another path of this app, with the same query.
fn redirect(request: &http::Request<Body>, path: &str) -> Target {
    let query = request.uri().query().filter(|query| !query.is_empty());
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    Target::Redirect(format!("{path}{query}"))
}

fn bad_request(message: &str) -> Error {
    Error::status(400).with_message(message)
}

type ViewArgs = Vec<(Arc<str>, ArgValue)>;

/// A route with the values for its variables.
type Routed<'r> = (&'r Route<Endpoint>, Vec<ArgValue>);

fn view_args(route: &Route<Endpoint>, values: Vec<ArgValue>) -> ViewArgs {
    let names = route.rule.variables().map(|(name, _)| name.clone());
    let mut view_args: Vec<_> = names.zip(values).collect();
    view_args.extend(route.rule.other_defaults().map(|(name, value)| (name.clone(), value.clone())));
    view_args
}

fn allow(methods: impl IntoIterator<Item = String>) -> HeaderValue {
    let list = methods.into_iter().collect::<Vec<_>>().join(", ");
    HeaderValue::try_from(list).unwrap_or(HeaderValue::from_static(""))
}
