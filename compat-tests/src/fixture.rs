//! The parts of a check: a candidate on a subject behind a host, and a client that sends requests.

/// Defines an enum whose variants have names, from the list of an `each_*` macro.
macro_rules! named_variants {
    ($(#[$doc:meta])* $type:ident from $each:ident) => {
        $each! { named_variants { @ $(#[$doc])* $type; } }
    };
    (@ $(#[$doc:meta])* $type:ident; $($name:ident $variant:ident $about:literal,)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $type {
            $(#[doc = $about] $variant,)*
        }

        impl $type {
            /// All variants.
            pub const ALL: [Self; [$(Self::$variant),*].len()] = [$(Self::$variant),*];

            /// The name in reports and in the names of tests.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($name),)*
                }
            }

            /// What it is, in a sentence.
            pub fn about(self) -> &'static str {
                match self {
                    $(Self::$variant => $about,)*
                }
            }
        }
    };
}

mod stage;
mod declarations;
mod candidate;
mod declared;
mod host;
mod subject;
mod probe;
mod strict_service;
mod client;
mod decoding;
mod sent;
mod websocket_client;
mod transport;

pub use candidate::Candidate;
pub use client::{Client, Reply};
pub use host::Host;
pub(crate) use probe::{Probe, mark_loop_thread};
pub(crate) use stage::{Cell, Stage, Unhandled};
pub use strict_service::StrictService;
pub use subject::Subject;
pub(crate) use subject::{PANIC, hold, sum_of};
