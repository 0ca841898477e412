//! The room `routing`, seen from outside.

mod matching;
mod urls;
