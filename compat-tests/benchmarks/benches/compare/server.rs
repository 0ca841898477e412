//! A server in a process of its own, and the load that is put on it.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use costrel::Error;
use costrel_benchmarks::SUBJECTS;

/// The cores of the server and of the client.
const SERVER_CORE: &str = "0";
const CLIENT_CORE: &str = "1";

/// A server that is measured.
pub(crate) enum Server {
    /// One of the package `peers`.
    Peer(&'static str),
    /// An app of ours, and the number of threads of its event loop.
    Costrel(&'static str, usize),
}

impl Server {
    /// Returns the requests per second that the server answers.
    pub(crate) fn measure(&self) -> Result<f64, Error> {
        let mut running = Running(self.start()?);
        let mut address = String::new();
        if let Some(output) = &mut running.0.stdout {
            BufReader::new(output).read_line(&mut address)?;
        }
        let url = format!("http://{}{}", address.trim(), self.path());
        let load = ["-c", CLIENT_CORE, "wrk", "-t1", "-c64", "-d3s"];
        let output = Command::new("taskset").args(load).arg(url).output().map_err(not_installed)?;
        let report = String::from_utf8_lossy(&output.stdout);
        let rate = report.lines().find_map(|line| line.strip_prefix("Requests/sec:")?.trim().parse().ok());
        match rate {
            Some(rate) if !report.contains("Non-2xx") => Ok(rate),
            _ => {
                Err(Error::setup(format!("wrk measured nothing: {report}{}", String::from_utf8_lossy(&output.stderr))))
            }
        }
    }

    fn start(&self) -> Result<Child, Error> {
        let mut command = Command::new("taskset");
        command.args(["-c", SERVER_CORE]);
        match self {
            Self::Peer(name) => command.arg(peers_folder()?.join("release/costrel-benchmark-peers")).arg(name),
            Self::Costrel(name, threads) => {
                command.arg(std::env::current_exe()?).args(["serve", name, &threads.to_string()])
            }
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(not_installed)
    }

    fn path(&self) -> &'static str {
        let (Self::Peer(name) | Self::Costrel(name, _)) = self;
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
        "cannot start taskset or wrk: {error}; install them, on Debian by `apt-get install wrk util-linux`"
    ))
}

/// A server, which ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
