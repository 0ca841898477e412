//! Links and anchors, in all papers.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::pages::every_page;
use crate::papers::{Paper, all, page, prose, root};

#[test]
fn every_link_leads_somewhere() {
    let papers = all();
    assert!(papers.len() > 20, "{}", papers.len());
    let broken: Vec<_> = papers.iter().flat_map(broken_links).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

fn broken_links(paper: &Paper) -> Vec<String> {
    let links: Vec<_> = prose(&paper.text).flat_map(links_in).collect();
    let broken = links.into_iter().filter(|link| !leads_somewhere(paper, link));
    broken.map(|link| format!("{}: {link}", paper.path.display())).collect()
}

/// The targets of the links in a line, outside of code.
fn links_in(line: &str) -> Vec<String> {
    let without_code: String = line.split('`').step_by(2).collect::<Vec<_>>().join("");
    let targets = without_code.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.map(str::to_owned).collect()
}

/// A page has no neighbour but another page once the book is built, wherever its text lies in the repository.
#[test]
fn a_page_leads_to_pages_of_the_book_or_to_the_web() {
    let source = root().join("ext-kit/book/src");
    let mut astray = Vec::new();
    for path in every_page() {
        let (text, folder) = (page(&path), source.join(&path).parent().unwrap().to_path_buf());
        for link in
            prose(&text).flat_map(links_in).filter(|link| !link.starts_with("https://") && !link.starts_with('#'))
        {
            let target = normal(&folder.join(link.split('#').next().unwrap()));
            if !target.starts_with(&source) || !target.is_file() {
                astray.push(format!("{path}: {link}"));
            }
        }
    }
    assert!(astray.is_empty(), "{astray:#?}");
}

/// A path without `..`, and with links kept: mdBook sees the place of the link, not what it leads to.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(normal.pop()),
            part => normal.push(part),
        }
    }
    normal
}

fn leads_somewhere(paper: &Paper, link: &str) -> bool {
    // A place elsewhere. A name of the reference would be one that the compiler checks, but a book and a forge know none.
    if link.contains("://") {
        return true;
    }
    let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
    let target = if file.is_empty() { paper.path.clone() } else { paper.path.parent().unwrap().join(file) };
    target.exists() && anchor.is_none_or(|anchor| anchors(&target).iter().any(|known| known == anchor))
}

/// The anchors of a text's headings, as mdBook and forges make them.
fn anchors(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let headings = prose(&text).filter(|line| line.starts_with('#'));
    headings.map(|line| anchor_of(line.trim_start_matches('#').trim())).collect()
}

fn anchor_of(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.collect::<String>().replace(' ', "-")
}

#[test]
fn anchors_are_those_of_forges() {
    assert_eq!(anchor_of("Streams, sockets `now`"), "streams-sockets-now");
    assert_eq!(links_in("[a](b.md#c) and `[no](link)`, [d](e)"), ["b.md#c", "e"]);
}
