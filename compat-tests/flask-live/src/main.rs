//! Costrel and Flask on one Redis: requests go by turns to the one and the other; and Flaskr half moved from Flask to Costrel.
//!
//! `costrel-flask-live GUNICORN FOLDER`: the program that serves the Flask app in the folder.

#![allow(clippy::print_stdout, reason = "it is a report")]

mod flaskr;
mod outage;
mod half_moved;
mod servers;
mod costrel_app;
mod users;
mod scenarios;

use std::process::ExitCode;

use costrel::Error;
use costrel_test_redis::{RedisServer, or_skip};

use scenarios::Both;
use servers::{Gunicorn, PATIENCE, client, serve};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [gunicorn, folder] = arguments.as_slice() else {
        eprintln!("usage: costrel-flask-live GUNICORN FOLDER");
        return ExitCode::from(2);
    };
    let Some(redis) = or_skip(RedisServer::start) else { return ExitCode::SUCCESS };
    match compare(&redis, gunicorn, folder).await {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::from(2)
        }
    }
}

/// Runs all scenarios, and returns the number of those that fail.
async fn compare(redis: &RedisServer, gunicorn: &str, folder: &str) -> Result<usize, Error> {
    let flask = Gunicorn::start(gunicorn, folder, "app:app", vec![format!("REDIS={}", redis.url())])?;
    let costrel = serve(costrel_app::create_app(redis.url())?.build()?).await?;
    let client = client(PATIENCE)?;
    let failed = scenarios::run(&Both { flask: flask.url.clone(), costrel, client }).await;
    Ok(failed + flaskr::run(redis.url(), gunicorn, folder).await?)
}
