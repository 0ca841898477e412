//! One Redis server.

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::process::Process;

/// A Redis server on a socket of its own, without anything on disk. It ends when this is dropped, or with the process.
#[derive(Debug)]
pub struct RedisServer {
    url: String,
    folder: TempDir,
    running: Option<Process>,
}

impl RedisServer {
    /// Starts a server and waits until it takes connections.
    ///
    /// # Errors
    /// The reason why there is none.
    pub fn start() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let url = format!("redis+unix://{}", folder.path().join("redis.sock").display());
        let mut server = Self { url, folder, running: None };
        server.start_again()?;
        Ok(server)
    }

    /// The URL of the server, as `Redis::open` reads it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Kills the server.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// Starts the server again after [`kill`](Self::kill), empty, at the same URL.
    ///
    /// # Errors
    /// The reason why it does not start.
    pub fn start_again(&mut self) -> Result<(), String> {
        let socket = self.folder.path().join("redis.sock");
        self.running = Some(start(self.folder.path(), &["--port", "0", "--unixsocket", &socket.to_string_lossy()])?);
        Ok(())
    }
}

/// Starts a server with these options, without anything on disk.
pub(super) fn start(folder: &Path, options: &[&str]) -> Result<Process, String> {
    let (program, folder) = (command()?, folder.to_string_lossy().into_owned());
    let command = [&program, "--save", "", "--appendonly", "no", "--dir", &folder];
    Process::start("KILL", command.iter().chain(options), "eady to accept connections").map(|(process, _)| process)
}

/// The command that runs a server.
fn command() -> Result<String, String> {
    let bring = concat!(env!("CARGO_MANIFEST_DIR"), "/bring");
    let brought = Command::new(bring).stdin(Stdio::null()).output().map_err(|error| format!("{bring}: {error}"))?;
    if brought.status.success() {
        return Ok(String::from_utf8_lossy(&brought.stdout).trim().to_owned());
    }
    Err(String::from_utf8_lossy(&brought.stderr).trim().to_owned())
}
