//! The book and the papers say what the code says.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod reference; // the reference and the book: links both ways, and names to search by
mod links; // links and anchors, in all papers
mod pages; // the pages of the book, their order and their blocks
mod lists; // lists and numbers of the pages beside those of the code
mod help; // what commands print, beside the pages
mod names; // the functions that the prose names
mod messages; // the page of messages beside the sources
mod tutorial; // the tutorial's code beside Flaskr's
mod publish; // the page on publishing beside the manifests
mod moving; // the commands of the guide "Move a Flask app"
mod laws; // the page of laws, which is made here
mod papers; // every text of the repository
