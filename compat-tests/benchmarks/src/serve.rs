//! A server of one subject in a process of its own, until the process that started it closes its input.

use std::io::{Read, Write};
use std::thread;

use costrel::Error;
use tokio::net::TcpListener;
use tokio::runtime::Builder;

use super::SUBJECTS;

/// Serves the subject `name` on one event loop thread, on a free port of this machine, and prints the address.
///
/// # Errors
/// If there is no such subject, or it cannot be served.
pub fn serve(name: &str) -> Result<(), Error> {
    let subject = SUBJECTS.iter().find(|subject| subject.name == name);
    let subject = subject.ok_or_else(|| Error::setup(format!("there is no subject {name:?}")))?;
    let application = (subject.build)()?.build()?;
    let event_loop = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let listener = event_loop.block_on(TcpListener::bind("127.0.0.1:0"))?;
    println_now(&listener.local_addr()?.to_string())?;
    event_loop.spawn(async move { application.serve(listener, std::future::pending()).await });
    wait_for_end_of_input();
    event_loop.shutdown_background();
    Ok(())
}

fn println_now(line: &str) -> Result<(), Error> {
    let mut output = std::io::stdout();
    writeln!(output, "{line}")?;
    Ok(output.flush()?)
}

fn wait_for_end_of_input() {
    let reading = thread::spawn(|| std::io::stdin().read_to_end(&mut Vec::new()));
    drop(reading.join());
}
