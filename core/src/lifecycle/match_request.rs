//! What a request leads to: a view, or the answer that there is none.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use http::header::{self, HeaderValue};
use http::{Method, StatusCode};

use super::teardown::HookChain;
use crate::context::{Application, Endpoint};
use crate::error::Error;
use crate::hooks::HookSet;
use crate::http_types::{self, Body, IntoResponse, Response, RouteInfo, decoded_path};
use crate::routing::{ArgValue, Lookup, Route, UrlValues, quote};
use crate::websocket::is_handshake;

/// What the rule table says of a request; a miss is only raised after the hooks have seen the request.
pub(crate) enum Target {
    View(Arc<Endpoint>),
    Answer(Result<Response, Error>),
}

/// What a request leads to, and what is around it.
pub(super) struct MatchedRequest {
    pub(super) target: Target,
    pub(super) path: String,
    pub(super) matched: RouteInfo,
    /// What the functions of `url_value_preprocessor` take.
    pub(super) taken: UrlValues,
    pub(super) scopes: HookChain,
}

impl MatchedRequest {
    /// Whether it is a handler for WebSockets that is to answer.
    pub(super) fn is_websocket(&self) -> bool {
        matches!(&self.target, Target::View(endpoint) if endpoint.is_websocket)
    }
}

impl Application {
    /// What the path and the method of `request` lead to. A converter that panics leads to an error like any other.
    pub(super) fn match_request(&self, request: &http::Request<Body>) -> MatchedRequest {
        panic::catch_unwind(AssertUnwindSafe(|| self.find_match(request))).unwrap_or_else(|payload| {
            self.answering(request.uri().path().to_owned(), Err(Error::from_panic(&*payload)))
        })
    }

    fn find_match(&self, request: &http::Request<Body>) -> MatchedRequest {
        let path = decoded_path(request.uri());
        if !self.is_trusted(request) {
            let refusal = Error::status(400).with_message("The host of this request is not one of this server's.");
            return self.answering(path, Err(refusal));
        }
        if is_handshake(request) {
            return self.find_websocket(request, path);
        }
        match self.tables().router.find(request.method(), &path) {
            Lookup::Route(route, values) => self.found(request, path, route, values),
            Lookup::Redirect(slashes) => {
                // As it was matched, decoded: a slash that came quoted is one all the same.
                let mended = slashes.mend(&path);
                // One slash in front: two, or a backslash, would make a host of what follows.
                let mended = format!("/{}", quote(mended.trim_start_matches(['/', '\\'])).collect::<String>());
                self.answering(path, self.redirect(request, &mended))
            }
            Lookup::MethodNotAllowed(allowed) => {
                self.answering(path, Err(Error::status(405).with_header(header::ALLOW, allow(allowed))))
            }
            Lookup::NotFound if self.tables().websockets.has(&path) => {
                self.answering(path, Err(bad_request("There is a WebSocket here; this was an ordinary request.")))
            }
            Lookup::NotFound => self.missing(path),
        }
    }

    fn find_websocket(&self, request: &http::Request<Body>, path: String) -> MatchedRequest {
        match self.tables().websockets.find(&Method::GET, &path) {
            Lookup::Route(route, values) => self.found(request, path, route, values),
            Lookup::NotFound if !self.tables().router.has(&path) => self.missing(path),
            _ => self.answering(path, Err(bad_request("There is no WebSocket here."))),
        }
    }

    fn missing(&self, path: String) -> MatchedRequest {
        match &self.tables().fallback {
            Some(endpoint) => self.matched(path, Target::View(endpoint.clone()), endpoint, Vec::new()),
            None => self.answering(path, Err(Error::status(404))),
        }
    }

    fn found(
        &self,
        request: &http::Request<Body>,
        path: String,
        route: &Route<Endpoint>,
        values: Vec<ArgValue>,
    ) -> MatchedRequest {
        let names = route.rule.variables().map(|(name, _)| name.clone());
        let mut view_args: Vec<_> = names.zip(values).collect();
        view_args.extend(route.rule.other_defaults().map(|(name, value)| (name.clone(), value.clone())));
        let url_map = &self.handle().parts().url_map;
        // Asked first: nearly no app has such rules, and all requests come by here.
        if url_map.has_defaults() {
            let values = UrlValues::new(None, view_args.clone());
            let method = request.method().as_str();
            if let Some(shorter) = url_map.default_redirect(&route.target.name, &route.rule, &values, method) {
                return self.answering(path, self.redirect(request, &shorter));
            }
        }
        let target = self.route_target(route, request.method(), &path);
        self.matched(path, target, &route.target, view_args)
    }

    fn matched(&self, path: String, target: Target, endpoint: &Endpoint, view_args: ViewArgs) -> MatchedRequest {
        let scopes = self.scopes(endpoint.scopes.clone());
        let is_taken = |name: &str| scopes.outermost_first().any(|scope| scope.takes(name));
        let (for_hooks, view_args) = view_args.into_iter().partition(|(name, _)| is_taken(name));
        let taken = UrlValues::new(Some(endpoint.name.clone()), for_hooks);
        let markers = endpoint.view.markers().clone();
        let (name, blueprint) = (Some(endpoint.name.clone()), endpoint.blueprint.clone());
        let matched = RouteInfo { endpoint: name, blueprint, view_args, markers };
        MatchedRequest { target, path, matched, taken, scopes }
    }

    fn answering(&self, path: String, answer: Result<Response, Error>) -> MatchedRequest {
        let (matched, taken) = Default::default();
        MatchedRequest { target: Target::Answer(answer), path, matched, taken, scopes: self.scopes([].into()) }
    }

    fn scopes(&self, blueprints: Arc<[Arc<HookSet>]>) -> HookChain {
        HookChain { app: self.handle().parts().scope.clone(), blueprints }
    }

    fn route_target(&self, route: &Route<Endpoint>, method: &Method, path: &str) -> Target {
        if method != Method::OPTIONS || route.target.handles_options {
            return Target::View(route.target.clone());
        }
        // No rule takes this method, so every rule of the path says which it does take.
        let methods = match self.tables().router.find(&Method::CONNECT, path) {
            Lookup::MethodNotAllowed(allowed) => allowed,
            _ => route.methods.clone(),
        };
        let answer = ("", [(header::ALLOW, allow(methods))]).into_response();
        Target::Answer(answer)
    }

    /// A permanent redirect to another path of this app, with the same query.
    fn redirect(&self, request: &http::Request<Body>, path: &str) -> Result<Response, Error> {
        let query = request.uri().query().filter(|query| !query.is_empty());
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let root = self.handle().config().application_root.trim_end_matches('/');
        http_types::redirect_with(&format!("{root}{path}{query}"), StatusCode::PERMANENT_REDIRECT)
    }

    /// Whether the request is for a host of this app.
    fn is_trusted(&self, request: &http::Request<Body>) -> bool {
        let Some(trusted) = &self.handle().config().trusted_hosts else { return true };
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        // HTTP/2 has it in the URI.
        let host = host.or(request.uri().authority().map(http::uri::Authority::as_str)).unwrap_or_default();
        let host = &*host.to_ascii_lowercase();
        // The port is not part of what is trusted.
        let host = host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(host, _)| host);
        trusted.iter().any(|trusted| match trusted.strip_prefix('.') {
            Some(domain) => host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
            None => host == trusted,
        })
    }
}

fn bad_request(message: &str) -> Error {
    Error::status(400).with_message(message)
}

type ViewArgs = Vec<(Arc<str>, ArgValue)>;

fn allow(methods: impl IntoIterator<Item = String>) -> HeaderValue {
    let list = methods.into_iter().collect::<Vec<_>>().join(", ");
    HeaderValue::try_from(list).unwrap_or(HeaderValue::from_static(""))
}
