//! The restart of an app in debug mode when its code changes.

use std::io::Write as _;
use std::process::Child;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::time::{interval, sleep, timeout};

use super::program::{Program, Sources};
use crate::error::Error;
use crate::server::StopSignals;

/// The time between two looks at the sources.
const PERIOD: Duration = Duration::from_millis(300);

/// The longest time that the program gets for its shutdown.
const LAST_STEPS: Duration = Duration::from_secs(10);

/// Runs a program, and anew when its code has changed and compiles, until the user ends it.
pub(super) fn supervise(program: &Program) -> Result<(), Error> {
    say(&format!("watching {} files; press Ctrl-C to stop", program.sources().len()));
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut supervisor = Supervisor::start(program)?;
        let mut looks = interval(PERIOD);
        let mut signals = StopSignals::listen();
        loop {
            tokio::select! {
                _ = looks.tick() => supervisor.look()?,
                is_interrupt = signals.next() => {
                    // Ctrl-C has reached the program too, which gets the time for its shutdown.
                    if is_interrupt {
                        let _ = timeout(LAST_STEPS, supervisor.ended()).await;
                    }
                    return Ok(());
                }
            }
        }
    })
}

/// A program that runs, with what was last seen of its sources. The program is stopped with it.
struct Supervisor<'p> {
    program: &'p Program,
    child: Child,
    seen: Sources,
    /// Whether the code as it was last seen does not compile.
    is_broken: bool,
}

impl<'p> Supervisor<'p> {
    fn start(program: &'p Program) -> Result<Self, Error> {
        Ok(Self { program, seen: program.sources(), child: program.start()?, is_broken: false })
    }

    /// Looks at the sources once, and builds and starts the program anew if one has changed.
    fn look(&mut self) -> Result<(), Error> {
        let now = self.sources();
        if now.iter().all(|(file, time)| self.seen.get(file) == Some(time)) {
            return Ok(());
        }
        say("the code has changed: building");
        self.is_broken = !self.program.build();
        // The times from before the build count, because a file that changed during it is to be built once more.
        self.seen = self.sources().into_iter().chain(now).collect();
        if self.is_broken {
            say("it does not compile: what runs is the last that did");
            return Ok(());
        }
        self.stop();
        self.child = self.program.start()?;
        Ok(())
    }

    fn sources(&self) -> Sources {
        if self.is_broken { self.program.sources_and_neighbours() } else { self.program.sources() }
    }

    async fn ended(&mut self) {
        while matches!(self.child.try_wait(), Ok(None)) {
            sleep(PERIOD).await;
        }
    }

    fn stop(&mut self) {
        // Fails if the program has ended by itself, and then there is nothing to stop.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Supervisor<'_> {
    fn drop(&mut self) {
        self.stop();
    }
}

fn say(what: &str) {
    let _ = writeln!(std::io::stderr(), "costrel: {what}");
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::fs;
    use std::path::Path;
    use std::process::Command;
    use std::sync::mpsc::{Receiver, channel};
    use std::thread;
    use std::time::SystemTime;

    use super::*;

    /// The stand-in for Cargo: code with the word `broken` does not compile, all other does, and is in the list.
    const CARGO: &str = "! grep -q broken src/*.rs && echo program: src/*.rs > program.d";

    /// The stand-in for the program: it tells what it was made of, and goes on until it is stopped.
    const PROGRAM: &str = "cat src/*.rs > told; read line < never";

    fn program_in(folder: &Path) -> Program {
        fs::create_dir(folder.join("src")).unwrap();
        let pipes = Command::new("mkfifo").args(["told", "never"]).current_dir(folder).status();
        assert!(pipes.unwrap().success());
        let script = |script: &str| {
            let script = script.replace("src/", &format!("{}/src/", folder.display()));
            let at = format!("cd {}; {script}", folder.display());
            vec!["-c".into(), at.into()]
        };
        let (cargo, path, list) = ("sh".into(), "sh".into(), folder.join("program.d"));
        let manifest = folder.join("Cargo.toml");
        fs::write(&list, format!("program: {}", folder.join("src/main.rs").display())).unwrap();
        Program { cargo, build: script(CARGO), path, arguments: script(PROGRAM), list, manifest }
    }

    /// Writes a file, as of a later time than all that the test wrote before.
    fn write(folder: &Path, name: &str, text: &str, seconds: u64) {
        let path = folder.join("src").join(name);
        fs::write(&path, text).unwrap();
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
    }

    /// Reads what each start of the program tells.
    fn starts(folder: &Path) -> Receiver<String> {
        let (tell, told) = channel();
        let pipe = folder.join("told");
        thread::spawn(move || {
            while let Ok(text) = fs::read_to_string(&pipe) {
                if tell.send(text).is_err() {
                    return;
                }
            }
        });
        told
    }

    #[test]
    fn a_program_is_started_anew_when_its_code_has_changed_and_compiles() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let program = program_in(folder);
        let told = starts(folder);
        let started = || told.recv_timeout(Duration::from_secs(30)).unwrap();
        write(folder, "main.rs", "one ", 1);
        let mut supervisor = Supervisor::start(&program).unwrap();
        assert_eq!(started(), "one ");
        let first = supervisor.child.id();
        supervisor.look().unwrap();
        assert_eq!(supervisor.child.id(), first, "nothing has changed");

        write(folder, "main.rs", "two ", 2);
        supervisor.look().unwrap();
        assert_eq!(started(), "two ");

        // A file that comes with a change is watched from then on, also where it is the fault.
        write(folder, "main.rs", "three ", 3);
        write(folder, "more.rs", "broken ", 3);
        let running = supervisor.child.id();
        supervisor.look().unwrap();
        assert_eq!(supervisor.child.id(), running, "what runs is the last that compiled");
        write(folder, "more.rs", "mended ", 4);
        supervisor.look().unwrap();
        assert_eq!(started(), "three mended ");
        write(folder, "more.rs", "later ", 5);
        supervisor.look().unwrap();
        assert_eq!(started(), "three later ");

        fs::remove_file(folder.join("src/more.rs")).unwrap();
        supervisor.look().unwrap();
        assert_eq!(started(), "three ");
        assert!(supervisor.child.try_wait().unwrap().is_none(), "it runs until it is stopped");
    }
}
