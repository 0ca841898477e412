//! The pages of debug mode that show the last requests.

use std::fmt::Write as _;

use super::rows::summary;
use crate::execution::Trace;
use crate::http_types::escape;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;\
    color-scheme:light dark}a{color:#0969da}li{margin:.3rem 0}svg{width:100%;height:auto;border:1px solid #8884;\
    border-radius:6px}@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}a{color:#4493f8}}";

/// Builds the page of the timelines that are kept, the latest first; or of one, if `number` names one of them. `None`
/// if there is no such timeline.
pub(crate) fn trace_page(traces: &[(u64, Trace)], number: Option<u64>) -> Option<String> {
    let (title, content) = match number {
        None => ("The last requests".to_owned(), list(traces)),
        Some(number) => {
            let (_, trace) = traces.iter().find(|(known, _)| *known == number)?;
            let text = escape(&trace.to_text());
            let details = "<details><summary>As text</summary><pre style=\"overflow-x:auto\">";
            let page =
                format!("{}{details}{text}</pre></details><p><a href=\"./\">The last requests</a></p>", trace.to_svg());
            (trace.request.clone(), page)
        }
    };
    let title = escape(&title);
    Some(format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style><h1>{title}</h1>\n{content}\n\
         <p>This page is shown because <code>debug</code> is on. Turn it off in production.</p>\n"
    ))
}

fn list(traces: &[(u64, Trace)]) -> String {
    if traces.is_empty() {
        return "<p>No request has been handled yet.</p>".to_owned();
    }
    let mut items = String::new();
    for (number, trace) in traces.iter().rev() {
        let (request, summary) = (escape(&trace.request), escape(&summary(trace)));
        let _infallible = write!(items, "<li><a href=\"./{number}\">{request}</a>: {summary}");
    }
    format!("<ul>{items}</ul>")
}
