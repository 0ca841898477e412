//! Answers that need no store, for while one is away.

use std::time::Duration;

use costrel::http::HeaderValue;
use costrel::http::header::RETRY_AFTER;
use costrel::{Bytes, Error, ErrorKind};

use crate::counters::{Charge, Counted, Counters, Counts, Hit};
use crate::entries::Entries;
use crate::outcome::Outcome;

/// A store in which every hit is allowed, and no value is kept: requests go on without it.
#[derive(Clone, Copy, Debug, Default)]
pub struct FailOpen;

/// A store whose calls all fail with a 503, so that no request goes on without it.
#[derive(Clone, Copy, Debug, Default)]
pub struct FailClosed;

/// A store whose calls all fail at once, for code that has an answer of its own to that.
#[derive(Clone, Copy, Debug, Default)]
pub struct FailAtOnce;

impl Counters for FailOpen {
    fn count<'a>(&'a self, hits: &'a [Hit<'a>], _: Charge) -> Outcome<'a, Counts> {
        let allowed = |hit: &Hit<'_>| Counted {
            allowed: true,
            remaining: hit.amount,
            resets_in: Duration::ZERO,
            retry_in: Duration::ZERO,
        };
        Outcome::ready(Ok(hits.iter().map(allowed).collect()))
    }

    fn delete<'a>(&'a self, _: &'a str) -> Outcome<'a, ()> {
        Outcome::ready(Ok(()))
    }

    fn clear<'a>(&'a self, _: &'a str) -> Outcome<'a, ()> {
        Outcome::ready(Ok(()))
    }
}

impl Entries for FailOpen {
    fn always_answers(&self) -> bool {
        true
    }

    fn get<'a>(&'a self, _: &'a str) -> Outcome<'a, Option<Bytes>> {
        Outcome::ready(Ok(None))
    }

    fn set<'a>(&'a self, _: &'a str, _: Bytes, _: Option<Duration>) -> Outcome<'a, ()> {
        Outcome::ready(Ok(()))
    }

    /// Tells every caller that it has the value, so that none waits for another.
    fn add<'a>(&'a self, _: &'a str, _: Bytes, _: Option<Duration>) -> Outcome<'a, bool> {
        Outcome::ready(Ok(true))
    }

    /// Tells every caller that it was so, so that none tries again.
    fn set_if<'a>(&'a self, _: &'a str, _: &'a [u8], _: Bytes, _: Option<Duration>) -> Outcome<'a, bool> {
        Outcome::ready(Ok(true))
    }

    fn delete<'a>(&'a self, _: &'a str) -> Outcome<'a, bool> {
        Outcome::ready(Ok(false))
    }

    fn delete_if<'a>(&'a self, _: &'a str, _: &'a [u8]) -> Outcome<'a, bool> {
        Outcome::ready(Ok(false))
    }

    fn delete_many<'a>(&'a self, _: &'a [&'a str]) -> Outcome<'a, u64> {
        Outcome::ready(Ok(0))
    }

    fn clear<'a>(&'a self, _: &'a str) -> Outcome<'a, ()> {
        Outcome::ready(Ok(()))
    }
}

/// Makes each call fail with the error that `$away` returns.
macro_rules! fails {
    ($store:ident, $away:ident) => {
        impl Counters for $store {
            fn count<'a>(&'a self, _: &'a [Hit<'a>], _: Charge) -> Outcome<'a, Counts> {
                $away()
            }

            fn delete<'a>(&'a self, _: &'a str) -> Outcome<'a, ()> {
                $away()
            }

            fn clear<'a>(&'a self, _: &'a str) -> Outcome<'a, ()> {
                $away()
            }
        }

        impl Entries for $store {
            fn always_answers(&self) -> bool {
                true
            }

            fn get<'a>(&'a self, _: &'a str) -> Outcome<'a, Option<Bytes>> {
                $away()
            }

            fn set<'a>(&'a self, _: &'a str, _: Bytes, _: Option<Duration>) -> Outcome<'a, ()> {
                $away()
            }

            fn add<'a>(&'a self, _: &'a str, _: Bytes, _: Option<Duration>) -> Outcome<'a, bool> {
                $away()
            }

            fn set_if<'a>(&'a self, _: &'a str, _: &'a [u8], _: Bytes, _: Option<Duration>) -> Outcome<'a, bool> {
                $away()
            }

            fn delete<'a>(&'a self, _: &'a str) -> Outcome<'a, bool> {
                $away()
            }

            fn delete_if<'a>(&'a self, _: &'a str, _: &'a [u8]) -> Outcome<'a, bool> {
                $away()
            }

            fn delete_many<'a>(&'a self, _: &'a [&'a str]) -> Outcome<'a, u64> {
                $away()
            }

            fn clear<'a>(&'a self, _: &'a str) -> Outcome<'a, ()> {
                $away()
            }
        }
    };
}

fails!(FailClosed, unavailable);
fails!(FailAtOnce, away);

fn unavailable<'a, T>() -> Outcome<'a, T> {
    let error =
        Error::status(503).with_message("Something that this page needs is away. Please try again in a moment.");
    Outcome::ready(Err(error.with_header(RETRY_AFTER, HeaderValue::from_static("1"))))
}

fn away<'a, T>() -> Outcome<'a, T> {
    Outcome::ready(Err(Error::new(ErrorKind::Other, "the store is away")))
}
