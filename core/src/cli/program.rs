//! A program under development: the files it is made of, and how Cargo makes it again.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::SystemTime;

/// The environment variable by which the app knows that it is supervised.
const SUPERVISED: &str = "COSTREL_SUPERVISED";

/// A program that `cargo run` has started.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) cargo: OsString,
    pub(super) build: Vec<OsString>,
    pub(super) path: PathBuf,
    pub(super) arguments: Vec<OsString>,
    /// The list of its sources that Cargo keeps beside it.
    pub(super) list: PathBuf,
    pub(super) manifest: PathBuf,
}

/// Files, with the time when each was written last; a file that is gone has none.
pub(super) type Sources = BTreeMap<PathBuf, Option<SystemTime>>;

impl Program {
    /// The program that runs; `None` if `cargo run` did not start it, or a supervisor did.
    pub(super) fn to_supervise() -> Option<Self> {
        if env::var_os(SUPERVISED).is_some() {
            return None;
        }
        let cargo = env::var_os("CARGO")?;
        let manifest = Path::new(&env::var_os("CARGO_MANIFEST_DIR")?).join("Cargo.toml");
        let path = env::current_exe().ok()?;
        let list = path.with_extension("d");
        let build = build_of(&path, &manifest).filter(|_| list.exists())?;
        Some(Self { cargo, build, path, arguments: env::args_os().skip(1).collect(), list, manifest })
    }

    /// Starts the program, which does not supervise itself.
    pub(super) fn start(&self) -> io::Result<Child> {
        Command::new(&self.path).args(&self.arguments).env(SUPERVISED, "1").spawn()
    }

    /// Builds the program again. Returns whether it compiles.
    pub(super) fn build(&self) -> bool {
        Command::new(&self.cargo).args(&self.build).status().is_ok_and(|status| status.success())
    }

    /// The files that the program was made of when it last compiled, and the manifest of its package.
    pub(super) fn sources(&self) -> Sources {
        let list = fs::read_to_string(&self.list).unwrap_or_default();
        with_times(sources_in(&list).into_iter().chain([self.manifest.clone()]))
    }

    /// The files of `sources`, and the code beside them. Of a program that does not compile, a new file may be the fault, and no
    /// list has it yet.
    pub(super) fn sources_and_neighbours(&self) -> Sources {
        let sources = self.sources();
        let folders: BTreeSet<_> = sources.keys().filter_map(|file| file.parent()).collect();
        let beside: Vec<_> = folders.into_iter().flat_map(entries).collect();
        let below = beside.iter().flat_map(|entry| entries(entry));
        let is_code = |file: &PathBuf| file.extension() == Some(OsStr::new("rs"));
        let neighbours = with_times(below.chain(beside.iter().cloned()).filter(is_code));
        neighbours.into_iter().chain(sources).collect()
    }
}

/// The entries of a folder; none of what is no folder.
fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn with_times(files: impl Iterator<Item = PathBuf>) -> Sources {
    let written = |file: &PathBuf| fs::metadata(file).and_then(|file| file.modified()).ok();
    files.map(|file| (written(&file), file)).map(|(time, file)| (file, time)).collect()
}

/// The files in the list that Cargo keeps beside a program: `program: file file ...`, with a backslash before a space.
fn sources_in(list: &str) -> Vec<PathBuf> {
    let Some((_, files)) = list.lines().next().and_then(|line| line.split_once(": ")) else { return Vec::new() };
    let files = files.replace("\\ ", "\0");
    files.split(' ').filter(|file| !file.is_empty()).map(|file| file.replace('\0', " ").into()).collect()
}

/// The arguments with which Cargo builds the program again, as `cargo run` did.
fn build_of(path: &Path, manifest: &Path) -> Option<Vec<OsString>> {
    let folder = path.parent()?;
    let is_example = folder.ends_with("examples");
    let (kind, profile) = if is_example { ("example", folder.parent()?) } else { ("bin", folder) };
    let mut build: Vec<OsString> = vec!["build".into(), "--manifest-path".into(), manifest.into()];
    build.extend([format!("--{kind}").into(), path.file_stem()?.into()]);
    let name = profile.file_name()?;
    build.extend(["--profile".into(), if name == "debug" { "dev".into() } else { name.into() }]);
    build.extend(target_of(profile));
    build.extend(features_of(path, profile, kind).unwrap_or_default());
    Some(build)
}

/// The arguments for Cargo's target folder, and for the platform if the profile's folder is in one of its own there.
fn target_of(profile: &Path) -> Vec<OsString> {
    // Cargo keeps this file in the target folder alone.
    let is_target = |folder: &Path| folder.join(".rustc_info.json").exists();
    let parents: Vec<_> = profile.ancestors().skip(1).take(2).collect();
    match *parents {
        [target, ..] if is_target(target) => vec!["--target-dir".into(), target.into()],
        [platform, target] if is_target(target) => {
            let name = platform.file_name().unwrap_or_default();
            vec!["--target-dir".into(), target.into(), "--target".into(), name.into()]
        }
        _ => Vec::new(),
    }
}

/// The arguments for the features of its package that a program has. `None` if Cargo keeps them otherwise than today, which it
/// may at any time; then the program is built with the default ones.
fn features_of(path: &Path, profile: &Path, kind: &str) -> Option<Vec<OsString>> {
    let stem = path.file_stem()?.to_str()?;
    let built = if kind == "example" { path.parent()?.to_owned() } else { profile.join("deps") };
    let prefix = format!("{}-", stem.replace('-', "_"));
    let hash = entries(&built).find_map(|file| {
        let hash = file.file_name()?.to_str()?.strip_prefix(&prefix)?.to_owned();
        is_same(&file, path).then_some(hash)
    })?;
    let is_of_hash = |folder: &PathBuf| folder.to_str().is_some_and(|name| name.ends_with(&format!("-{hash}")));
    let fingerprint = entries(&profile.join(".fingerprint")).find(is_of_hash)?.join(format!("{kind}-{stem}.json"));
    let fingerprint: serde_json::Value = serde_json::from_slice(&fs::read(fingerprint).ok()?).ok()?;
    let features: Vec<String> = serde_json::from_str(fingerprint.get("features")?.as_str()?).ok()?;
    Some(vec!["--no-default-features".into(), "--features".into(), features.join(",").into()])
}

/// Whether two paths are one program, which Cargo links from the one to the other.
fn is_same(one: &Path, other: &Path) -> bool {
    let of = |path: &Path| fs::metadata(path).and_then(|file| Ok((file.len(), file.modified()?))).ok();
    of(one).is_some_and(|one| Some(one) == of(other))
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

    fn build(path: &Path) -> String {
        build_of(path, Path::new("/p/Cargo.toml")).unwrap().join(" ".as_ref()).into_string().unwrap()
    }

    #[test]
    fn a_program_is_built_in_its_profile() {
        let prefix = "build --manifest-path /p/Cargo.toml";
        assert_eq!(build(Path::new("/t/debug/app")), format!("{prefix} --bin app --profile dev"));
        let example = build(Path::new("/t/release/examples/demo"));
        assert_eq!(example, format!("{prefix} --example demo --profile release"));
        assert_eq!(build(Path::new("/t/fast/app")), format!("{prefix} --bin app --profile fast"));
    }

    /// Lays out a target folder as Cargo does, with a program that was built twice, with different features.
    fn built(target: &Path, below: &str, kind: &str) -> PathBuf {
        let profile = target.join(below);
        let program = if kind == "bin" { profile.join("my-app") } else { profile.join("examples/my-app") };
        let linked = if kind == "bin" { profile.join("deps") } else { profile.join("examples") };
        fs::create_dir_all(&linked).unwrap();
        fs::write(target.join(".rustc_info.json"), "{}").unwrap();
        for (hash, features) in [("0a", "[]"), ("1b", r#"["admin", "default"]"#), ("2c", r#"["other"]"#)] {
            let fingerprint = profile.join(format!(".fingerprint/shop-{hash}"));
            fs::create_dir_all(&fingerprint).unwrap();
            let text = serde_json::json!({ "rustc": 1, "features": features }).to_string();
            fs::write(fingerprint.join(format!("{kind}-my-app.json")), text).unwrap();
            fs::write(linked.join(format!("my_app-{hash}")), format!("program {features}")).unwrap();
        }
        fs::hard_link(linked.join("my_app-1b"), &program).unwrap();
        program
    }

    #[test]
    fn a_program_is_built_for_its_platform_and_with_its_features() {
        for (below, platform) in [("debug", ""), ("riscv64-elf/debug", " --target riscv64-elf")] {
            for kind in ["bin", "example"] {
                let folder = tempfile::tempdir().unwrap();
                let target = folder.path().display();
                let expected = format!(
                    "--{kind} my-app --profile dev --target-dir {target}{platform} --no-default-features --features admin,default"
                );
                let build = build(&built(folder.path(), below, kind));
                assert!(build.ends_with(&expected), "{build}");
            }
        }
    }
}
