//! The page of debug mode, which shows the developer an error with the code around its line.

use std::fmt::Write as _;
use std::fs;

use http::StatusCode;

use super::error_page::html_page;
use super::html::escape;
use super::response::Response;
use crate::error::Error;

/// The number of lines that are shown before and after the one of the error.
const AROUND: usize = 5;

const STYLE: &str = "body{max-width:60rem;margin:0 auto;padding:1rem;font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}\
                     h1{font-size:1.3rem}h2{font-size:1rem}\
                     pre{overflow-x:auto;padding:.5rem;background:#f4f4f4;font-size:.85rem;overflow-wrap:normal}\
                     .whole{white-space:pre-wrap;overflow-wrap:anywhere}\
                     mark{display:inline-block;min-width:100%;background:#ffd9d9}";

/// Builds the page for an error of a request, which `what` describes.
pub(crate) fn debug_page(error: &Error, what: &str) -> Response {
    let mut page = format!(
        "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n<meta name=viewport content=\"width=device-width\">\n\
         <title>{0}</title>\n<style>{STYLE}</style>\n<h1>{0}</h1>\n<p>{1}</p>\n",
        escape(error.message().lines().next().unwrap_or_default()),
        escape(what),
    );
    for Excerpt { name, line, source } in excerpts(error) {
        // Writing to a `String` cannot fail.
        let _ = write!(page, "<h2>{}:{line}</h2>\n<pre>{}</pre>\n", escape(&name), around(&source, line));
    }
    let _ = write!(
        page,
        "<h2>The error as it is in the log</h2>\n<pre class=whole>{}</pre>\n\
         <p>This page is shown because <code>debug</code> is on. Turn it off in production.</p>\n",
        escape(&format!("{error:?}"))
    );
    html_page(page, StatusCode::INTERNAL_SERVER_ERROR)
}

/// A source with the line to be shown of it.
struct Excerpt {
    name: String,
    line: usize,
    source: String,
}

/// The template that failed, then the line of code, as far as their sources are there.
fn excerpts(error: &Error) -> Vec<Excerpt> {
    let mut all = Vec::new();
    #[cfg(feature = "templates")]
    all.extend(of_template(error));
    let set_up = error.location().map(|line| (line.file(), line.line()));
    let made = error.made_at().map(|line| (&*line.file, line.line));
    if let Some((file, line)) = set_up.or(made)
        && let Some(source) = source_of(file)
    {
        all.push(Excerpt { name: file.to_owned(), line: line as usize, source });
    }
    all
}

#[cfg(feature = "templates")]
fn of_template(error: &Error) -> Option<Excerpt> {
    let error = error.downcast_ref::<minijinja::Error>()?;
    let (name, source) = (error.name()?.to_owned(), error.template_source()?.to_owned());
    Some(Excerpt { name, line: error.line()?, source })
}

/// The text of a source file. The compiler names it from the workspace's root, which is above the program or above the
/// current directory.
fn source_of(file: &str) -> Option<String> {
    let mut roots = [std::env::current_dir(), std::env::current_exe()].into_iter().flatten();
    roots.find_map(|root| root.ancestors().find_map(|above| fs::read_to_string(above.join(file)).ok()))
}

/// The lines around one of them, with their numbers, and that one marked.
fn around(source: &str, line: usize) -> String {
    let first = line.saturating_sub(AROUND + 1);
    let lines = source.lines().enumerate().skip(first).take(line + AROUND - first);
    let mut text = String::new();
    for (at, code) in lines {
        let number = at + 1;
        let shown = format!("{number:>4}  {}", escape(code));
        let shown = if number == line { format!("<mark>{shown}</mark>") } else { shown };
        text.push_str(&shown);
        text.push('\n');
    }
    text
}
