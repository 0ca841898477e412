//! One Redis server.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::process::Process;

/// A Redis server on a socket of its own, or on a free port of 127.0.0.1, without anything on disk. It ends when this is dropped, or
/// with the process.
#[derive(Debug)]
pub struct RedisServer {
    url: String,
    /// The options of the server that say where it listens.
    listens: Vec<String>,
    folder: TempDir,
    running: Option<Process>,
}

impl RedisServer {
    /// Starts a server on a socket and waits until it takes connections.
    ///
    /// # Errors
    /// The reason why there is none.
    pub fn start() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let socket = folder.path().join("redis.sock").to_string_lossy().into_owned();
        Self::start_at(format!("redis+unix://{socket}"), &["--port", "0", "--unixsocket", &socket], folder)
    }

    /// Starts a server on a port and waits until it takes connections.
    ///
    /// # Errors
    /// The reason why there is none.
    pub fn start_on_port() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let (port, _) = free_ports().map_err(|error| error.to_string())?;
        let options = ["--bind", "127.0.0.1", "--port", &port.to_string()];
        Self::start_at(format!("redis://127.0.0.1:{port}"), &options, folder)
    }

    fn start_at(url: String, listens: &[&str], folder: TempDir) -> Result<Self, String> {
        let listens = listens.iter().map(|option| (*option).to_owned()).collect();
        let mut server = Self { url, listens, folder, running: None };
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
        let options: Vec<_> = self.listens.iter().map(String::as_str).collect();
        self.running = Some(start(self.folder.path(), &options)?);
        Ok(())
    }
}

/// Starts a server with these options, without anything on disk.
pub(super) fn start(folder: &Path, options: &[&str]) -> Result<Process, String> {
    let (program, folder) = (command()?, folder.to_string_lossy().into_owned());
    let command = [&program, "--save", "", "--appendonly", "no", "--dir", &folder];
    Process::start("KILL", command.iter().chain(options), "eady to accept connections").map(|(process, _)| process)
}

/// Two ports that are free now.
pub(super) fn free_ports() -> std::io::Result<(u16, u16)> {
    let (one, other) = (TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
    Ok((one.local_addr()?.port(), other.local_addr()?.port()))
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
