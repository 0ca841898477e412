//! `Compress`: smaller responses for clients that take them, after Flask-Compress.
//!
//! ```
//! use costrel::{App, Error};
//! use costrel_compress::Compress;
//!
//! let mut app = App::new("docs");
//! app.init(&Compress::new())?;
//! app.route("/", async || "all work and no play ".repeat(100));
//!
//! let client = app.test_client();
//! let page = client.get("/").header("accept-encoding", "gzip, br;q=0.8").wait()?;
//! assert_eq!(page.header("content-encoding"), Some("gzip"));
//! assert!(page.data().len() < 100);
//! assert_eq!(client.get("/").wait()?.data().len(), 2100);
//! # Ok::<(), Error>(())
//! ```
//!
//! [`Compress::compressed`] is the decorator for one view.

mod extension; // options and set-up
mod decorator; // views that are compressed alone, and views that are left alone
mod compressor; // what is compressed, and the headers that say so
mod cache; // the cache of compressed pages
mod stream; // streamed bodies, chunk by chunk
mod settings; // the settings by Flask-Compress's names
mod format; // the formats

pub use extension::Compress;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
