//! Errors of Redis: of the server, or of one call.

use costrel::{Error, ErrorKind};
use redis::{RedisError, ServerErrorKind};

/// The codes, beside those that the client knows, with which a server refuses every call, or every one that writes.
const OUT_OF_SERVICE: [&str; 6] = ["BUSY", "MISCONF", "NOAUTH", "NOREPLICAS", "OOM", "WRONGPASS"];

/// Whether the server has answered, and it is the call that it refuses: it serves other calls.
pub(crate) fn is_of_the_call(error: &Error) -> bool {
    error.downcast_ref::<RedisError>().is_some_and(|error| match error.kind() {
        redis::ErrorKind::Server(kind) => kind_is_of_the_call(kind),
        redis::ErrorKind::Extension => !error.code().is_some_and(|code| OUT_OF_SERVICE.contains(&code)),
        kind => matches!(kind, redis::ErrorKind::UnexpectedReturnType | redis::ErrorKind::Client),
    })
}

fn kind_is_of_the_call(kind: ServerErrorKind) -> bool {
    use ServerErrorKind::{CrossSlot, ExecAbort, NoPerm, NoScript, NoSub, NotBusy, ResponseError};

    matches!(kind, CrossSlot | ExecAbort | NoPerm | NoScript | NoSub | NotBusy | ResponseError)
}

/// The error of a call for which there is no connection: that of an I/O error, whatever the server has said.
pub(super) fn no_connection(reason: &RedisError) -> Error {
    let message = format!("there is no connection to Redis: {reason}");
    Error::new(ErrorKind::Other, message).with_source(std::io::Error::other(reason.clone()))
}
