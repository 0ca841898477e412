//! The room `http_types`, seen from outside.

mod forms;
mod proxies;
mod requests;
mod responses;
