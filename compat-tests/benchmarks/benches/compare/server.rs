//! A server in a process of its own, and the load that is put on it.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use costrel::Error;
use costrel_benchmarks::SUBJECTS;

use crate::python;

/// The cores of the server and of the client.
const SERVER_CORE: &str = "0";
const CLIENT_CORE: &str = "1";

/// A server that is measured.
pub(crate) enum Server {
    /// One of the package `peers`.
    Peer(&'static str),
    /// An app of ours, and the number of threads of its event loop.
    Costrel(&'static str, usize),
    /// A framework of Python's, and the path of the view.
    Python(&'static str, &'static str),
}

/// The client that puts load on a server.
#[derive(Clone, Copy)]
pub(crate) enum Client {
    /// `wrk`, with 64 connections.
    Http1,
    /// `h2load`, with 4 connections of 16 streams each.
    Http2,
}

impl Client {
    fn command(self) -> &'static [&'static str] {
        match self {
            Self::Http1 => &["wrk", "-t1", "-c64", "-d3s"],
            Self::Http2 => &["h2load", "-t1", "-c4", "-m16", "-D3"],
        }
    }

    /// Reads the requests per second from the client's report; `None` if a request failed.
    fn rate(self, report: &str) -> Option<f64> {
        match self {
            Self::Http1 if report.contains("Non-2xx") => None,
            Self::Http1 => report.lines().find_map(|line| line.strip_prefix("Requests/sec:")?.trim().parse().ok()),
            Self::Http2 if !report.contains(" 0 failed, 0 errored") => None,
            Self::Http2 => {
                report.lines().find_map(|line| line.split_once(", ")?.1.split_once(" req/s")?.0.parse().ok())
            }
        }
    }
}

impl Server {
    /// Returns the requests per second that the server answers.
    pub(crate) fn measure(&self, client: Client) -> Result<f64, Error> {
        let running = self.start()?;
        let url = format!("http://{}{}", running.address, self.path());
        let mut load = Command::new("taskset");
        let output = load.args(["-c", CLIENT_CORE]).args(client.command()).arg(url).output().map_err(not_installed)?;
        let report = String::from_utf8_lossy(&output.stdout);
        client.rate(&report).ok_or_else(|| {
            Error::setup(format!("nothing was measured: {report}{}", String::from_utf8_lossy(&output.stderr)))
        })
    }

    pub(crate) fn start(&self) -> Result<Running, Error> {
        let mut command = Command::new("taskset");
        command.args(["-c", SERVER_CORE]);
        match self {
            Self::Peer(name) => command.arg(peers_folder()?.join("release/costrel-benchmark-peers")).arg(name),
            Self::Costrel(name, threads) => {
                command.arg(std::env::current_exe()?).args(["serve", name, &threads.to_string()])
            }
            Self::Python(name, _) => {
                let (child, address) = python::start(command, name)?;
                return Ok(Running { child, address });
            }
        };
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(not_installed)?;
        let mut address = String::new();
        if let Some(output) = &mut child.stdout {
            BufReader::new(output).read_line(&mut address)?;
        }
        Ok(Running { child, address: address.trim().to_owned() })
    }

    fn path(&self) -> &'static str {
        let name = match self {
            Self::Peer(name) | Self::Costrel(name, _) => name,
            Self::Python(_, path) => return path,
        };
        let own = name.strip_prefix("axum-").unwrap_or(name);
        SUBJECTS.iter().find(|subject| subject.name == own).map_or("/", |subject| subject.path)
    }
}

/// The folder that the peers are built in, beside the folder of this program.
pub(crate) fn peers_folder() -> Result<PathBuf, Error> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(3).ok_or_else(|| Error::setup("this program is in no target folder"))?;
    Ok(target.join("peers"))
}

fn not_installed(error: std::io::Error) -> Error {
    Error::setup(format!(
        "cannot start taskset, wrk or h2load: {error}; install them, on Debian by `apt-get install wrk nghttp2-client util-linux`"
    ))
}

/// A server, which ends with this value.
pub(crate) struct Running {
    child: Child,
    pub(crate) address: String,
}

impl Running {
    /// The memory that the server has in use, in KiB.
    pub(crate) fn memory(&self) -> Result<u64, Error> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let resident =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
        resident.ok_or_else(|| Error::setup("the server's memory cannot be read"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
