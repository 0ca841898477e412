//! The servers: Flask apps on gunicorn, and Costrel apps in this process.

use std::time::Duration;

use costrel::{Application, Error};
use costrel_test_redis::Process;
use reqwest::Client;
use reqwest::redirect::Policy;
use tokio::net::TcpListener;

use crate::scenarios::broken;

/// The longest time for an answer, so that the command ends whatever happens.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Runs a server in a process group of its own, and kills the group at SIGTERM, so that no worker outlives its master.
const GROUP: &str = r"import os, signal, subprocess, sys
server = subprocess.Popen(sys.argv[1:], start_new_session=True)
signal.signal(signal.SIGTERM, lambda *_: os.killpg(server.pid, signal.SIGKILL))
server.wait()";

/// A Flask app on gunicorn, at an address that it keeps.
#[derive(Debug)]
pub(crate) struct Gunicorn {
    pub(crate) url: String,
    command: Vec<String>,
    running: Option<Process>,
}

impl Gunicorn {
    /// Starts the app `name` of the folder, with these environment variables, at a free port.
    pub(crate) fn start(gunicorn: &str, folder: &str, name: &str, settings: Vec<String>) -> Result<Self, Error> {
        let python = gunicorn.replace("gunicorn", "python");
        let mut command = vec!["env".to_owned()];
        command.extend(settings);
        // Connections are kept for longer than clients keep them, so that no request meets one that is being closed. There are
        // few threads, so that a connection that stays unused, which holds one for 5 s, would be noticed.
        let serve =
            [&python, "-c", GROUP, gunicorn, "--chdir", folder, "--threads", "8", "--keep-alive", "99", name, "--bind"];
        command.extend(serve.map(str::to_owned));
        let mut server = Self { url: "http://127.0.0.1:0".to_owned(), command, running: None };
        server.start_again()?;
        Ok(server)
    }

    /// Kills the server and its workers at once.
    pub(crate) fn kill(&mut self) {
        self.running = None;
    }

    /// Starts the server at its address, and waits until it takes connections.
    pub(crate) fn start_again(&mut self) -> Result<(), Error> {
        let bind = self.url.trim_start_matches("http://");
        let command = self.command.iter().map(String::as_str).chain([bind]);
        let (process, line) = Process::start("TERM", command, "Listening at").map_err(broken)?;
        let url = line.split_whitespace().find(|word| word.starts_with("http://"));
        url.ok_or_else(|| broken(format!("gunicorn does not say where it is: {line}")))?.clone_into(&mut self.url);
        self.running = Some(process);
        Ok(())
    }
}

/// A client that opens a connection for each request, so that none meets one that the server is closing, and that follows no
/// redirects.
pub(crate) fn client(limit: Duration) -> Result<Client, Error> {
    Ok(Client::builder().timeout(limit).pool_max_idle_per_host(0).redirect(Policy::none()).build()?)
}

/// Serves an app on a free port until this process ends, and returns its URL.
pub(crate) async fn serve(app: Application) -> Result<String, Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { app.serve(listener, std::future::pending()).await });
    Ok(url)
}
