//! The call of a tower service that waits until the service is ready.

use std::future::poll_fn;

use costrel::{Body, Bytes, Error, Response, http};
use http_body::Body as HttpBody;
use tower_service::Service;

use super::BoxError;

/// Waits until `service` is ready, then calls it.
pub async fn call_ready<S, B>(mut service: S, request: http::Request<Body>) -> Result<Response, Error>
where
    S: Service<http::Request<Body>, Response = http::Response<B>, Error: Into<BoxError>>,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    poll_fn(|context| service.poll_ready(context)).await.map_err(|error| Error::from_boxed(error.into()))?;
    let response = service.call(request).await.map_err(|error| Error::from_boxed(error.into()))?;
    Ok(response.map(Body::new))
}
