//! The bodies and errors of tower services, as Costrel's own.

use std::error::Error as StdError;

use costrel::{Body, Bytes, Error};
use http_body::Body as HttpBody;
use http_body_util::{BodyExt, LengthLimitError};

use super::BoxError;

/// Returns any body as Costrel's. Where it breaks off because it is longer than a layer allows, that is a 413.
pub(super) fn into_body<B>(body: B) -> Body
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    Body::new(body.map_err(|error| BoxError::from(into_error(error.into()))))
}

/// Returns the error of a tower service, or of a body.
pub(super) fn into_error(error: BoxError) -> Error {
    let mut causes = std::iter::successors(Some(&*error as &(dyn StdError + 'static)), |&error| error.source());
    if causes.any(<dyn StdError>::is::<LengthLimitError>) {
        return Error::status(413);
    }
    Error::from_boxed(error)
}
