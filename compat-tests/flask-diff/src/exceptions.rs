//! The Python exceptions that the views raise.

use std::fmt;

macro_rules! exceptions {
    ($($name:ident)*) => {$(
        #[derive(Debug)]
        pub(crate) struct $name(pub(crate) &'static str);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.0)
            }
        }

        impl std::error::Error for $name {}
    )*};
}

exceptions!(KeyError LookupError RuntimeError TypeError ValueError);
