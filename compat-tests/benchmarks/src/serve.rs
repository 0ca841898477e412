//! A server of one subject in a process of its own, until the process that started it closes its input.

use std::io::{Read, Write};
use std::thread;

use costrel::Error;
use tokio::net::TcpListener;
use tokio::runtime::Builder;

use super::subjects::SUBJECTS;

/// Serves the subject `name` on a free port of this machine, and prints the address. The event loop has a single thread
/// for `threads` 1, for counts that repeat; for more it is the one that `App::run` has.
///
/// # Errors
/// If there is no such subject, or it cannot be served.
pub fn serve(name: &str, threads: usize) -> Result<(), Error> {
    let subject = SUBJECTS.iter().find(|subject| subject.name == name);
    let subject = subject.ok_or_else(|| Error::setup(format!("there is no subject {name:?}")))?;
    let application = (subject.build)()?.build()?;
    let mut event_loop = if threads == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    let event_loop = event_loop.worker_threads(threads).enable_all().build()?;
    let listener = event_loop.block_on(TcpListener::bind("127.0.0.1:0"))?;
    println_now(&listener.local_addr()?.to_string())?;
    thread::spawn(exit_at_end_of_input);
    let serving = event_loop.spawn(async move { application.serve(listener, std::future::pending()).await });
    event_loop.block_on(serving).map_err(|error| Error::from_boxed(error.into()))?
}

/// Returns a free address of this machine, for a server that is told where to listen.
///
/// # Errors
/// If there is none.
pub fn free_address() -> Result<String, Error> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

fn println_now(line: &str) -> Result<(), Error> {
    let mut output = std::io::stdout();
    writeln!(output, "{line}")?;
    Ok(output.flush()?)
}

fn exit_at_end_of_input() {
    drop(std::io::stdin().read_to_end(&mut Vec::new()));
    std::process::exit(0);
}
