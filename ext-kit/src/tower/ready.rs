//! The call of a tower service that waits until the service is ready.

use std::future::poll_fn;

use costrel::{Bytes, Error, Response, http};
use http_body::Body as HttpBody;
use tower_service::Service;

use super::BoxError;
use super::body::{into_body, into_error};

/// Waits until `service` is ready, then calls it.
pub async fn call_ready<S, T, B>(mut service: S, request: http::Request<T>) -> Result<Response, Error>
where
    S: Service<http::Request<T>, Response = http::Response<B>, Error: Into<BoxError>>,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    poll_fn(|context| service.poll_ready(context)).await.map_err(|error| into_error(error.into()))?;
    let response = service.call(request).await.map_err(|error| into_error(error.into()))?;
    Ok(response.map(into_body))
}
