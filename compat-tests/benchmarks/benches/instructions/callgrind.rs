//! A server under callgrind, and the client that asks it.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use costrel::Error;
use costrel_benchmarks::Subject;

const FEW: u32 = 200;
const MANY: u32 = 1_200;

/// The time that a client waits for a response before the run fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// Returns the number of instructions that the subject's server runs for one request.
pub(crate) fn instructions_per_request(subject: &Subject) -> Result<u64, Error> {
    let [few, many] = [FEW, MANY].map(|requests| count(subject, requests));
    Ok(many?.saturating_sub(few?) / u64::from(MANY - FEW))
}

/// Returns the number of instructions of a server that answers this many requests.
fn count(subject: &Subject, requests: u32) -> Result<u64, Error> {
    let mut server = start(subject.name)?;
    let asked = ask(&mut server, subject.path, requests);
    // The server ends at the end of its input, also after a failure.
    drop(server.stdin.take());
    let output = server.wait_with_output()?;
    asked?;
    let report = String::from_utf8_lossy(&output.stderr);
    let collected = report.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    collected.ok_or_else(|| Error::setup(format!("callgrind printed no count: {report}")))
}

fn start(name: &str) -> Result<Child, Error> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(std::env::current_exe()?);
    valgrind.args(["serve", name]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    valgrind.spawn().map_err(|error| {
        Error::setup(format!("cannot start valgrind: {error}; install it, on Debian by `apt-get install valgrind`"))
    })
}

fn ask(server: &mut Child, path: &str, requests: u32) -> Result<(), Error> {
    let mut address = String::new();
    if let Some(output) = &mut server.stdout {
        BufReader::new(output).read_line(&mut address)?;
    }
    let mut stream = TcpStream::connect(address.trim())?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut responses = BufReader::new(stream.try_clone()?);
    for _ in 0..requests {
        // The head that `wrk` sends.
        write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:5000\r\n\r\n")?;
        read_response(&mut responses)?;
    }
    Ok(())
}

fn read_response(responses: &mut impl BufRead) -> Result<(), Error> {
    let (mut line, mut length) = (String::new(), 0);
    responses.read_line(&mut line)?;
    if !line.starts_with("HTTP/1.1 200") {
        return Err(Error::setup(format!("the server answered {line:?}")));
    }
    while line != "\r\n" {
        line.clear();
        responses.read_line(&mut line)?;
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    responses.read_exact(&mut vec![0; length])?;
    Ok(())
}
