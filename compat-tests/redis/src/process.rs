//! A server process that ends with the process that started it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;

/// Runs a server until its own input ends, which it does when the process that holds the other end does, however it ends.
const WRAPPER: &str =
    r#"signal=$1; shift; "$@" 2>&1 & server=$!; read -r _; kill "-$signal" $server; wait $server 2>/dev/null"#;

/// A server process. It ends when this is dropped, or with this process.
#[derive(Debug)]
pub struct Process {
    wrapper: Child,
    input: Option<ChildStdin>,
}

impl Process {
    /// Starts a server that ends at `signal`, and waits until it writes a line that has `ready` in it; returns that line too.
    ///
    /// # Errors
    /// What the server has written, if it ended instead.
    pub fn start<A: AsRef<OsStr>>(
        signal: &str,
        command: impl IntoIterator<Item = A>,
        ready: &str,
    ) -> Result<(Self, String), String> {
        let mut wrapper = Command::new("sh");
        wrapper.args(["-c", WRAPPER, "sh", signal]).args(command);
        wrapper.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut wrapper = wrapper.spawn().map_err(|error| format!("sh: {error}"))?;
        let (input, output) = (wrapper.stdin.take(), wrapper.stdout.take());
        let process = Self { wrapper, input };
        let line = wait_for(ready, output.ok_or("sh has no output")?)?;
        Ok((process, line))
    }
}

fn wait_for(ready: &str, output: ChildStdout) -> Result<String, String> {
    let (mut lines, mut said) = (BufReader::new(output).lines().map_while(Result::ok), String::new());
    while let Some(line) = lines.next() {
        if line.contains(ready) {
            // What the server writes later is read too, because it would stand still when the pipe is full.
            thread::spawn(move || lines.for_each(drop));
            return Ok(line);
        }
        said = said + &line + "\n";
    }
    Err(format!("the server ended before it was ready:\n{said}"))
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ended = self.wrapper.wait();
    }
}
