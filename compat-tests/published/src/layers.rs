//! The layers, each as its documentation shows it, with what the suite must know of it.

use std::time::Duration;

use axum_csrf::{CsrfConfig, CsrfLayer};
use axum_helmet::{Helmet, HelmetLayer};
use costrel::Body;
use costrel::http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use costrel_compat::{Candidate, MakeCandidate};
use tower::limit::ConcurrencyLimitLayer;
use tower::ServiceBuilder;
use tower_cookies::CookieManagerLayer;
use tower_governor::governor::GovernorConfigBuilder;
use tower_governor::key_extractor::KeyExtractor;
use tower_governor::{GovernorError, GovernorLayer};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::sensitive_headers::SetSensitiveHeadersLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use tower_request_id::RequestIdLayer;
use tower_sessions::{MemoryStore, SessionManagerLayer};

/// The layers with the packages that they are from.
pub(crate) const ALL: &[(&str, MakeCandidate)] = &[
    ("tower-http", || Candidate::layer("CorsLayer", CorsLayer::permissive()).answers_options()),
    ("tower-http", || Candidate::layer("TraceLayer", TraceLayer::new_for_http())),
    ("tower-http", || {
        Candidate::layer("TimeoutLayer", TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, A_MINUTE))
    }),
    ("tower-http", || Candidate::layer("CompressionLayer", CompressionLayer::new())),
    ("tower-http", || Candidate::layer("RequestBodyLimitLayer", RequestBodyLimitLayer::new(1 << 20))),
    ("tower-http", || Candidate::layer("CatchPanicLayer", CatchPanicLayer::new())),
    ("tower-http", || Candidate::layer("SetRequestIdLayer", SetRequestIdLayer::x_request_id(MakeRequestUuid))),
    ("tower-http", || Candidate::layer("PropagateRequestIdLayer", PropagateRequestIdLayer::x_request_id())),
    ("tower-http", || {
        Candidate::layer(
            "SetSensitiveHeadersLayer",
            SetSensitiveHeadersLayer::new([HeaderName::from_static("authorization")]),
        )
    }),
    ("tower-http", || {
        Candidate::layer(
            "SetResponseHeaderLayer",
            SetResponseHeaderLayer::if_not_present(
                HeaderName::from_static("x-frame-options"),
                HeaderValue::from_static("DENY"),
            ),
        )
    }),
    ("tower", || Candidate::layer("ConcurrencyLimitLayer", ConcurrencyLimitLayer::new(64))),
    ("tower_governor", governor),
    ("tower-sessions", || Candidate::layer("SessionManagerLayer", SessionManagerLayer::new(MemoryStore::default()))),
    ("tower-cookies", || Candidate::layer("CookieManagerLayer", CookieManagerLayer::new())),
    ("axum_csrf", || Candidate::layer("CsrfLayer", CsrfLayer::new(CsrfConfig::default()))),
    ("axum-helmet", || {
        Candidate::layer("HelmetLayer", HelmetLayer::try_from(Helmet::default()).expect("its defaults are valid"))
    }),
    ("tower-request-id", || Candidate::layer("RequestIdLayer", RequestIdLayer)),
];

const A_MINUTE: Duration = Duration::from_secs(60);

/// A limit above the number of requests that the suite sends as one client.
const LIMIT: u32 = 50;

/// The client's own name as the key of a limit, because all clients of the suite have one address.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ByName;

impl KeyExtractor for ByName {
    type Key = String;

    fn extract<T>(&self, request: &Request<T>) -> Result<String, GovernorError> {
        let name = request.headers().get("x-client").and_then(|name| name.to_str().ok());
        Ok(name.unwrap_or_default().to_owned())
    }
}

fn governor() -> Candidate {
    let config = GovernorConfigBuilder::default().key_extractor(ByName).period(A_MINUTE).burst_size(LIMIT).finish();
    let layer = GovernorLayer::new(config.expect("its settings are valid"));
    let layer = ServiceBuilder::new()
        .map_response(|response: Response<axum::body::Body>| response.map(Body::new))
        .layer(layer)
        .map_response(|response: costrel::Response| response.map(axum::body::Body::new))
        .into_inner();
    Candidate::layer("GovernorLayer", layer)
        .limits_to(LIMIT as usize)
        .allow(async |client| Ok(client.with_header("x-client", "fresh")))
        .deny(async |client| {
            let client = client.with_header("x-client", "spent");
            client.get_often("/subject/again", LIMIT as usize).await?;
            Ok(client)
        })
}
