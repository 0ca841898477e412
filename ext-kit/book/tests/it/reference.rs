//! The reference and the book: links both ways, and the names of other frameworks by which the reference is searched.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::pages::every_page;
use crate::papers::{page, read, root};

/// The items whose documentation leads to a page of the book.
const HOT: [&str; 24] = [
    "App",
    "AppService",
    "Blueprint",
    "Body",
    "Candidate",
    "Config",
    "Decorate",
    "Decorator",
    "DecoratorLayer",
    "Error",
    "EventStream",
    "Extension",
    "IntoResponse",
    "Json",
    "MethodView",
    "Request",
    "RuleBuilder",
    "Session",
    "TestClient",
    "TestRequest",
    "TestResponse",
    "View",
    "WebSocket",
    "url_for",
];

/// Names of Quart, axum, tower, Werkzeug and of Flask's classes, by which the reference is searched too.
const OTHER_NAMES: &str = "Quart QuartClient run_task add_background_task shutdown_event asgi_app run_sync FlaskClient FlaskCliRunner \
    BaseConverter ImmutableMultiDict getlist iter_rules Router with_state State nest layer route_layer Query Multipart ConnectInfo Sse \
    ServeDir init_app Flask";

/// A link of the reference to the book.
#[derive(Debug)]
struct BookLink {
    /// The item that has it; nothing for the crate itself.
    item: Option<String>,
    title: String,
    target: String,
}

#[test]
fn the_reference_leads_to_pages_of_the_book() {
    let (modules, inner) = (modules_of_pages(), items_of_modules());
    let links = book_links();
    for BookLink { item, title, target } in &links {
        let (up, module) = target.split_once("costrel_book/").unwrap();
        let page_path = modules.get(module.trim_end_matches("/index.html"));
        let path = page_path.unwrap_or_else(|| panic!("{item:?} leads to {target}, which is no page"));
        assert_eq!(page(path).lines().next(), Some(format!("# {title}").as_str()), "{item:?}");
        let depth = 1 + usize::from(item.as_ref().is_some_and(|item| inner.contains(item)));
        assert_eq!(up, "../".repeat(depth), "{item:?} leads to {target}");
    }
    let linked: BTreeSet<_> = links.iter().filter_map(|link| link.item.as_deref()).collect();
    let missing: Vec<_> = HOT.iter().filter(|item| !linked.contains(*item)).collect();
    assert!(missing.is_empty(), "without a link to the book: {missing:?}");
}

/// The pages by the paths of the modules that show them in the reference.
fn modules_of_pages() -> BTreeMap<String, String> {
    let library = read("ext-kit/book/lib.rs");
    let pages = library.split("env!(\"OUT_DIR\"), \"/").skip(1).filter_map(|rest| {
        let (page, rest) = rest.split_once('"')?;
        let name = rest.split("pub mod ").nth(1)?.split(' ').next()?;
        let folder = page.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/").replace('-', "_"));
        Some((format!("{folder}{name}"), page.to_owned()))
    });
    pages.collect()
}

/// The names of what stands in a module of its crate's documentation, and not at the root.
fn items_of_modules() -> BTreeSet<String> {
    let mut found: BTreeSet<_> = ["main", "DecoratorLayer", "AppService"].map(str::to_owned).into();
    for module in read("core/src/lib.rs").split("\npub mod ").skip(1) {
        let Some((_, body)) = module.split_once(" {\n") else { continue };
        let body = body.split("\n}").next().unwrap();
        found.extend(body.split(|end: char| !end.is_alphanumeric() && end != '_').map(str::to_owned));
    }
    found
}

fn book_links() -> Vec<BookLink> {
    let mut found = Vec::new();
    for (path, text) in sources(&["core/src", "ext-kit/src", "compat-tests/src"]) {
        let lines: Vec<_> = text.lines().collect();
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.contains("costrel_book/")) {
            let item = item_after(&path, &lines[at..]);
            found.extend(targets(line).map(|(title, target)| BookLink { item: item.clone(), title, target }));
        }
    }
    assert!(found.len() > 50, "{} links", found.len());
    found
}

/// The title and the target of each link to the book in a line.
fn targets(line: &str) -> impl Iterator<Item = (String, String)> {
    line.split('[').skip(1).filter_map(|link| {
        let (title, target) = link.split_once("](").or(link.split_once("]: "))?;
        let target = target.split(')').next()?;
        target.contains("costrel_book/").then(|| (title.to_owned(), target.to_owned()))
    })
}

/// The item whose documentation a line is in: the first one after it.
fn item_after(path: &Path, lines: &[&str]) -> Option<String> {
    if path.extension().is_some_and(|extension| extension == "md") {
        return Some("Request".to_owned());
    }
    if lines[0].starts_with("//!") {
        return None;
    }
    lines.iter().find_map(|line| declared(line)).map(str::to_owned)
}

/// The name that a line declares for all the world.
fn declared(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("pub ")?;
    let rest = rest.strip_prefix("async ").unwrap_or(rest);
    let rest =
        ["fn ", "struct ", "trait ", "enum ", "mod ", "type "].iter().find_map(|kind| rest.strip_prefix(kind))?;
    rest.split(|end: char| !end.is_alphanumeric() && end != '_').next()
}

#[test]
fn the_book_leads_to_items_of_the_reference() {
    let mut pages = 0;
    for path in every_page() {
        let text = page(&path);
        let links: Vec<_> =
            text.split("(https://docs.rs/costrel").skip(1).filter_map(|rest| rest.split(')').next()).collect();
        pages += usize::from(!links.is_empty());
        for link in links {
            assert!(is_in_reference(link), "{path}: https://docs.rs/costrel{link}");
        }
    }
    assert!(pages >= 20, "{pages} pages lead to the reference");
}

/// Whether `-ext-kit/latest/costrel_ext_kit/tower/struct.AppService.html#method.x` is there.
fn is_in_reference(link: &str) -> bool {
    let Some((name, path)) = link.split_once("/latest/") else { return link.is_empty() };
    let source = match name {
        "" => "core/src",
        "-ext-kit" => "ext-kit/src",
        "-compat" => "compat-tests/src",
        _ => return false,
    };
    let all: String = sources(&[source]).into_iter().map(|(_, text)| text).collect();
    let (path, method) = path.split_once("#method.").map_or((path, None), |(path, method)| (path, Some(method)));
    let has_method = method.is_none_or(|method| all.contains(&format!("pub fn {method}")));
    let mut parts = path.split('/').skip(1).collect::<Vec<_>>();
    let file = parts.pop().unwrap();
    let has_modules = parts.iter().all(|module| all.contains(&format!("pub mod {module}")));
    has_method && has_modules && has_item(&all, file, parts.is_empty())
}

fn has_item(all: &str, file: &str, at_root: bool) -> bool {
    let Some((kind, name)) = file.trim_end_matches(".html").split_once('.') else { return file == "index.html" };
    let declared = if kind == "macro" { format!("macro_rules! {name}") } else { format!("pub {kind} {name}") };
    let ends = |rest: &str| !rest.starts_with(|letter: char| letter.is_alphanumeric() || letter == '_');
    let is_declared = all.split(&declared).skip(1).any(ends) || is_passed_on(all, name);
    is_declared && (!at_root || !items_of_modules().contains(name))
}

/// Whether a crate has an item of the core as its own too.
fn is_passed_on(all: &str, name: &str) -> bool {
    let names = all.split("pub use costrel::").skip(1).filter_map(|rest| rest.split(';').next());
    names.flat_map(|names| names.split(|end: char| !end.is_alphanumeric() && end != '_')).any(|known| known == name)
}

/// The reference is searched by the name that a reader knows; one that exists here is found without help.
#[test]
fn the_aliases_are_names_of_flask_quart_and_axum() {
    let names = read("ext-kit/book/tests/flask-names.txt");
    let known: BTreeSet<_> = names.split_whitespace().chain(OTHER_NAMES.split_whitespace()).collect();
    let texts = sources(&["core/src", "ext-kit/src"]);
    let aliases: BTreeSet<_> = texts.iter().flat_map(|(_, text)| aliases(text)).collect();
    assert!(aliases.len() >= 40, "{} aliases", aliases.len());
    let foreign: Vec<_> = aliases.iter().filter(|alias| !known.contains(*alias)).collect();
    assert!(foreign.is_empty(), "aliases that are names of no other framework: {foreign:?}");
    let unused: Vec<_> = OTHER_NAMES.split_whitespace().filter(|name| !aliases.contains(name)).collect();
    assert!(unused.is_empty(), "names without an alias: {unused:?}");
}

fn aliases(text: &str) -> impl Iterator<Item = &str> {
    let attributes = text.split("#[doc(alias").skip(1).filter_map(|rest| rest.split(")]").next());
    attributes.flat_map(|names| names.split('"').skip(1).step_by(2))
}

/// The texts of the reference below some folders: sources, and pages that they include.
fn sources(folders: &[&str]) -> Vec<(std::path::PathBuf, String)> {
    let mut found = Vec::new();
    for folder in folders {
        collect(&root().join(folder), &mut found);
    }
    found
}

fn collect(folder: &Path, found: &mut Vec<(std::path::PathBuf, String)>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(&path, found);
        } else {
            found.push((path.clone(), fs::read_to_string(&path).unwrap()));
        }
    }
}
