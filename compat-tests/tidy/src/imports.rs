//! Rules about rooms: the modules that a module may name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::paths::{ModulePath, named_in};
use crate::source::{files, packages, root};

/// The modules of a package, and the paths that each of them names.
struct Modules {
    /// The modules that each module lists, in its order.
    listed: BTreeMap<ModulePath, Vec<String>>,
    /// Pairs of a module and a path that it names.
    named: Vec<(ModulePath, ModulePath)>,
}

impl Modules {
    fn of(package: &str) -> Self {
        let src = root().join(package).join("src");
        let (mut listed, mut named) = (BTreeMap::new(), Vec::new());
        for source in files(&format!("{package}/src")) {
            let own = module_path(source.path.strip_prefix(&src).unwrap());
            let code = source.code();
            listed.insert(own.clone(), code.lines().filter_map(declared).map(str::to_owned).collect());
            if !own.is_empty() && own.last().unwrap() != "tests" {
                named.extend(named_in(&code, &own).into_iter().map(|path| (own.clone(), path)));
            }
        }
        Self { listed, named }
    }

    /// The part of `path` that is a module.
    fn module<'p>(&self, path: &'p [String]) -> &'p [String] {
        let depth = (0..=path.len()).rev().find(|depth| self.listed.contains_key(&path[..*depth])).unwrap();
        &path[..depth]
    }

    /// The position of a module in its parent's list.
    fn rank(&self, module: &[String]) -> Option<usize> {
        let (name, parent) = module.split_last()?;
        self.listed.get(parent)?.iter().position(|listed| listed == name)
    }

    /// The imports between rooms, as pairs of the importing and the imported room.
    fn arrows(&self) -> BTreeSet<(&str, &str)> {
        let named = self.named.iter().map(|(own, path)| (own, self.module(path)));
        named
            .filter_map(|(own, target)| Some((own[0].as_str(), target.first()?.as_str())))
            .filter(|(a, b)| a != b)
            .collect()
    }
}

/// The module in a file, from its path below `src`.
fn module_path(file: &Path) -> ModulePath {
    let path: ModulePath = file.with_extension("").iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if path == ["lib"] || path == ["main"] { Vec::new() } else { path }
}

/// The module that a line declares.
fn declared(line: &str) -> Option<&str> {
    let line = line.split("//").next().unwrap().trim();
    let line = line.strip_prefix("pub(crate) ").or(line.strip_prefix("pub ")).unwrap_or(line);
    line.strip_prefix("mod ")?.strip_suffix(';')
}

fn shared(a: &[String], b: &[String]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[test]
fn a_module_imports_only_modules_listed_after_it() {
    let mut climbs = Vec::new();
    for package in packages() {
        let modules = Modules::of(&package);
        for (own, path) in &modules.named {
            let target = modules.module(path);
            let depth = shared(own, target);
            if own.len() > depth
                && target.len() > depth
                && modules.rank(&own[..=depth]) > modules.rank(&target[..=depth])
            {
                climbs.push(format!(
                    "{package}: `{}` is listed below `{}` but imports it",
                    own.join("::"),
                    path.join("::")
                ));
            }
        }
    }
    assert!(climbs.is_empty(), "{climbs:#?}");
}

#[test]
fn a_room_is_entered_by_its_door() {
    let mut back_stairs = Vec::new();
    for package in packages() {
        let modules = Modules::of(&package);
        for (own, path) in &modules.named {
            let target = modules.module(path);
            let (by, named) = (own.join("::"), path.join("::"));
            if target.is_empty() {
                back_stairs.push(format!("{package}: `{by}` names `{named}` at the root: name the room it is in"));
            } else if target.len() > shared(own, target) + 1 && path.len() > target.len() {
                back_stairs.push(format!("{package}: `{by}` names `{named}`: a file behind another room's door"));
            }
        }
    }
    assert!(back_stairs.is_empty(), "{back_stairs:#?}");
}

#[test]
fn the_rooms_of_core_are_few_and_not_deep() {
    let modules = Modules::of("core");
    let arrows = modules.arrows();
    assert!(arrows.len() <= 110, "{} imports between rooms", arrows.len());
    let rooms = modules.listed[&Vec::new()].clone();
    let chain = rooms.iter().map(|room| longest_chain(room, &arrows)).max().unwrap();
    assert!(chain <= 11, "a chain of {chain} rooms");
    let entries = fs::read_dir(root().join("core/src")).unwrap();
    let names: BTreeSet<_> = entries.map(|entry| entry.unwrap().path().with_extension("")).collect();
    assert!(names.len() <= 20, "{} entries in core/src", names.len());
}

fn longest_chain(room: &str, arrows: &BTreeSet<(&str, &str)>) -> usize {
    let below = arrows.iter().filter(|(from, _)| *from == room).map(|(_, to)| longest_chain(to, arrows));
    1 + below.max().unwrap_or(0)
}
