//! Flask and Quart, each in the server that its users run it in.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use costrel::Error;
use costrel_benchmarks::free_address;

use crate::server::peers_folder;

const APPS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/python");

/// The versions that are measured.
const PACKAGES: [&str; 4] = ["flask[async]==3.1.3", "gunicorn==23.0.0", "quart==0.20.0", "hypercorn==0.17.3"];

/// The pause between two attempts to connect to a server that starts, and the number of attempts.
const PAUSE: Duration = Duration::from_millis(50);
const ATTEMPTS: usize = 200;

/// Installs the packages, once. Returns whether there is a Python to run them.
pub(crate) fn install() -> Result<bool, Error> {
    if Command::new("python3").arg("--version").stdout(Stdio::null()).status().is_err() {
        return Ok(false);
    }
    if program("hypercorn")?.exists() {
        return Ok(true);
    }
    succeed(Command::new("python3").args(["-m", "venv"]).arg(venv()?))?;
    succeed(Command::new(program("pip")?).args(["install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES))?;
    Ok(true)
}

/// Starts the server `name` on the core that `command` pins it to, and waits until it listens.
pub(crate) fn start(mut command: Command, name: &str) -> Result<(Child, String), Error> {
    let address = free_address()?;
    match name {
        "flask" => command.arg(program("gunicorn")?).args(["--threads", "8", "--bind", &address, "flask_app:app"]),
        _ => command.arg(program("hypercorn")?).args(["--workers", "0", "--bind", &address, "quart_app:app"]),
    };
    let command = command.current_dir(APPS).env("PYTHONDONTWRITEBYTECODE", "1");
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    for _ in 0..ATTEMPTS {
        if TcpStream::connect(&address).is_ok() {
            return Ok((child, address));
        }
        thread::sleep(PAUSE);
    }
    drop(child.kill());
    Err(Error::setup(format!("{name} does not listen on {address}")))
}

fn venv() -> Result<PathBuf, Error> {
    Ok(peers_folder()?.join("venv"))
}

fn program(name: &str) -> Result<PathBuf, Error> {
    Ok(venv()?.join("bin").join(name))
}

fn succeed(command: &mut Command) -> Result<(), Error> {
    if command.status()?.success() { Ok(()) } else { Err(Error::setup(format!("{command:?} failed"))) }
}
