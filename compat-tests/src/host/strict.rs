//! A service that insists on being asked.

use std::convert::Infallible;
use std::task::{Context, Poll};

use costrel::{Application, Response, http};
use costrel_ext_kit::tower::AppService;
use futures_util::future::BoxFuture;
use tower_service::Service;

use crate::probe::Probe;

/// The service beneath a layer on trial: each clone must be polled until it is ready, which it is not at first, before
/// every call. A call too early is answered all the same, and noted.
///
/// It stands for every service that has room for so many requests only; [`Candidate::layer`](crate::Candidate::layer) names it.
#[derive(Debug)]
pub struct StrictService {
    inner: AppService,
    probe: Probe,
    readiness: Readiness,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readiness {
    NotAsked,
    Asked,
    Ready,
}

impl StrictService {
    pub(crate) fn new(application: Application, probe: Probe) -> Self {
        Self { inner: AppService::new(application), probe, readiness: Readiness::NotAsked }
    }
}

impl Clone for StrictService {
    /// What the one was promised, the other was not.
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), probe: self.probe.clone(), readiness: Readiness::NotAsked }
    }
}

impl<B> Service<http::Request<B>> for StrictService
where
    AppService: Service<
            http::Request<B>,
            Response = Response,
            Error = Infallible,
            Future = BoxFuture<'static, Result<Response, Infallible>>,
        >,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        if self.readiness == Readiness::NotAsked {
            self.readiness = Readiness::Asked;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.readiness = Readiness::Ready;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        if self.readiness != Readiness::Ready {
            self.probe.note("called unready");
        }
        self.readiness = Readiness::NotAsked;
        self.inner.call(request)
    }
}
