//! The restart of an app in debug mode when its code changes.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, SystemTime};

use tokio::runtime::Builder;
use tokio::time::{interval, sleep, timeout};

use crate::error::Error;
use crate::server::StopSignals;

/// The environment variable by which the app knows that it is supervised.
const SUPERVISED: &str = "COSTREL_SUPERVISED";

/// The time between two looks at the sources.
const PERIOD: Duration = Duration::from_millis(300);

/// The longest time that the program gets for its shutdown.
const LAST_STEPS: Duration = Duration::from_secs(10);

/// A program of a Cargo package under development, with the files it was made from.
#[derive(Debug)]
pub(super) struct Program {
    cargo: OsString,
    path: PathBuf,
    sources: Vec<PathBuf>,
    build: Vec<OsString>,
}

impl Program {
    /// The program that runs; `None` if `cargo run` did not start it, or a supervisor did.
    pub(super) fn to_supervise() -> Option<Self> {
        if env::var_os(SUPERVISED).is_some() {
            return None;
        }
        let cargo = env::var_os("CARGO")?;
        let manifest = Path::new(&env::var_os("CARGO_MANIFEST_DIR")?).join("Cargo.toml");
        let path = env::current_exe().ok()?;
        let sources = sources_in(&fs::read_to_string(path.with_extension("d")).ok()?);
        let build = build_of(&path, &manifest)?;
        Some(Self { cargo, path, sources: sources.into_iter().chain([manifest]).collect(), build })
    }

    /// Runs the program with this process's arguments, and anew when its code has changed and compiles, until the user ends
    /// it.
    pub(super) fn supervise(&self) -> Result<(), Error> {
        say(&format!("watching {} files; press Ctrl-C to stop", self.sources.len()));
        Builder::new_current_thread().enable_all().build()?.block_on(async {
            let mut child = self.start()?;
            let mut built = SystemTime::now();
            let mut looks = interval(PERIOD);
            let mut signals = StopSignals::listen();
            loop {
                tokio::select! {
                    _ = looks.tick() => {}
                    is_interrupt = signals.next() => {
                        // Ctrl-C has reached the program too, which gets the time for its shutdown.
                        if is_interrupt {
                            let _ = timeout(LAST_STEPS, ended(&mut child)).await;
                        }
                        stop(&mut child);
                        return Ok(());
                    }
                }
                if changed_after(&self.sources, built) {
                    built = SystemTime::now();
                    say("the code has changed: building");
                    if Command::new(&self.cargo).args(&self.build).status().is_ok_and(|status| status.success()) {
                        stop(&mut child);
                        child = self.start()?;
                    } else {
                        say("it does not compile: what runs is the last that did");
                    }
                }
            }
        })
    }

    fn start(&self) -> Result<Child, Error> {
        Ok(Command::new(&self.path).args(env::args_os().skip(1)).env(SUPERVISED, "1").spawn()?)
    }
}

async fn ended(child: &mut Child) {
    while matches!(child.try_wait(), Ok(None)) {
        sleep(PERIOD).await;
    }
}

fn stop(child: &mut Child) {
    // Fails if the program has ended by itself, and then there is nothing to stop.
    let _ = child.kill();
    let _ = child.wait();
}

fn say(what: &str) {
    let _ = writeln!(std::io::stderr(), "costrel: {what}");
}

/// Whether a file was written after `time`.
fn changed_after(files: &[PathBuf], time: SystemTime) -> bool {
    let written = |file: &PathBuf| fs::metadata(file).and_then(|file| file.modified());
    files.iter().any(|file| written(file).is_ok_and(|written| written > time))
}

/// The files in the list that Cargo keeps beside a program: `program: file file ...`, with a backslash before a space.
fn sources_in(list: &str) -> Vec<PathBuf> {
    let Some((_, files)) = list.lines().next().and_then(|line| line.split_once(": ")) else { return Vec::new() };
    let files = files.replace("\\ ", "\0");
    files.split(' ').filter(|file| !file.is_empty()).map(|file| file.replace('\0', " ").into()).collect()
}

/// The arguments with which Cargo builds the program again.
fn build_of(path: &Path, manifest: &Path) -> Option<Vec<OsString>> {
    let folder = path.parent()?;
    let is_example = folder.ends_with("examples");
    let profile = if is_example { folder.parent()? } else { folder };
    let kind = if is_example { "--example" } else { "--bin" };
    let mut build: Vec<OsString> = vec!["build".into(), "--manifest-path".into(), manifest.into(), kind.into()];
    build.push(path.file_stem()?.into());
    let profile = profile.file_name()?;
    build.extend(["--profile".into(), if profile == "debug" { "dev".into() } else { profile.into() }]);
    Some(build)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_sources_of_a_program_are_in_cargos_list() {
        let list = "/t/debug/app: /src/main.rs /my\\ src/lib.rs\n\n/src/main.rs:\n";
        assert_eq!(sources_in(list), [PathBuf::from("/src/main.rs"), PathBuf::from("/my src/lib.rs")]);
        assert_eq!(sources_in(""), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_program_is_built_as_it_was() {
        let manifest = Path::new("/p/Cargo.toml");
        let build = |path: &str| build_of(Path::new(path), manifest).unwrap().join(" ".as_ref()).into_string().unwrap();
        assert_eq!(build("/t/debug/app"), "build --manifest-path /p/Cargo.toml --bin app --profile dev");
        assert_eq!(
            build("/t/release/examples/demo"),
            "build --manifest-path /p/Cargo.toml --example demo --profile release"
        );
        assert_eq!(build("/t/fast/app"), "build --manifest-path /p/Cargo.toml --bin app --profile fast");
    }

    #[test]
    fn a_file_that_is_written_later_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("main.rs");
        fs::write(&file, "").unwrap();
        let written = fs::metadata(&file).unwrap().modified().unwrap();
        let files = [file, folder.path().join("gone.rs")];
        assert!(changed_after(&files, written - Duration::from_secs(1)));
        assert!(!changed_after(&files, written));
    }
}
