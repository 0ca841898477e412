//! Costrel and Flask on one Redis: requests go by turns to the one and the other.
//!
//! `costrel-flask-live GUNICORN FOLDER`: the program that serves the Flask app in the folder.

#![allow(clippy::print_stdout, reason = "it is a report")]

mod costrel_app;
mod scenarios;

use std::process::ExitCode;
use std::time::Duration;

use costrel::Error;
use costrel_test_redis::{Process, RedisServer, or_skip};
use tokio::net::TcpListener;

use scenarios::Both;

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

/// The longest time for an answer, so that the command ends whatever happens.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs all scenarios, and returns the number of those that fail.
async fn compare(redis: &RedisServer, gunicorn: &str, folder: &str) -> Result<usize, Error> {
    let (_flask, line) = start_flask(redis, gunicorn, folder).map_err(|error| Error::from_boxed(error.into()))?;
    let flask = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap_or_default();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let costrel = format!("http://{}", listener.local_addr()?);
    let app = costrel_app::create_app(redis.url())?.build()?;
    tokio::spawn(async move { app.serve(listener, std::future::pending()).await });
    let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
    Ok(scenarios::run(&Both { flask: flask.to_owned(), costrel, client }).await)
}

fn start_flask(redis: &RedisServer, gunicorn: &str, folder: &str) -> Result<(Process, String), String> {
    let redis = format!("REDIS={}", redis.url());
    let command = ["env", &redis, gunicorn, "--chdir", folder, "--bind", "127.0.0.1:0", "--threads", "4", "app:app"];
    Process::start("QUIT", command, "Listening at")
}
