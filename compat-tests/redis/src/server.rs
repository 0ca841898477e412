//! One Redis server.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use tempfile::TempDir;

/// Runs the server until its own input ends, so that the server ends with the process that holds the other end.
const WRAPPER: &str = r#""$@" & server=$!; read -r _; kill -9 $server; wait $server 2>/dev/null"#;

/// A Redis server on a socket of its own, without anything on disk. It ends when this is dropped, or with the process.
#[derive(Debug)]
pub struct RedisServer {
    url: String,
    folder: TempDir,
    running: Option<Running>,
}

/// A server process, beneath the wrapper.
#[derive(Debug)]
pub(super) struct Running {
    wrapper: Child,
    input: Option<ChildStdin>,
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
        self.running =
            Some(Running::start(self.folder.path(), ["--port", "0", "--unixsocket", &socket.to_string_lossy()])?);
        Ok(())
    }
}

impl Running {
    pub(super) fn start<'a>(folder: &Path, options: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let program = command()?;
        let mut wrapper = Command::new("sh");
        wrapper.args(["-c", WRAPPER, "sh", &program, "--save", "", "--appendonly", "no", "--dir"]).arg(folder);
        wrapper.args(options).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut wrapper = wrapper.spawn().map_err(|error| format!("sh: {error}"))?;
        let (input, output) = (wrapper.stdin.take(), wrapper.stdout.take());
        let running = Self { wrapper, input };
        let mut said = output.into_iter().flat_map(|output| BufReader::new(output).lines().map_while(Result::ok));
        match said.find(|line| line.contains("eady to accept connections")) {
            Some(_) => Ok(running),
            None => Err(format!("{program} ended before it was ready")),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ended = self.wrapper.wait();
    }
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
