//! The HTML report in a real browser: it loads, filters, and shows what failed and what to do.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a test that cannot be run says so")]

use std::process::Command;
use std::sync::OnceLock;

use costrel::{App, Error};
use costrel_compat::{Candidate, Report, RouteReport, check_routes, html, json, run, zoo};

/// The reports on a decorator that is wrong and on one that is right, made once for all tests.
fn reports() -> &'static [Report] {
    static REPORTS: OnceLock<Vec<Report>> = OnceLock::new();
    REPORTS.get_or_init(|| {
        let wrong = zoo::all().into_iter().find(|wrong| wrong.candidate.name() == "strips_cookies").unwrap();
        vec![run(|| wrong.candidate.clone()), run(|| Candidate::new(|view| view).named("<b>nothing</b>"))]
    })
}

fn routes() -> Vec<RouteReport> {
    let make = || {
        let mut app = App::new("test");
        app.route("/fine", || "fine");
        app.route("/broken", async || Err::<(), _>(Error::from_boxed("broken".into())).map(|()| ""));
        app.post("/changes", || "changed");
        Ok(app)
    };
    check_routes(make).unwrap()
}

/// Returns the DOM of the page after its script has run; `None` where there is no browser.
fn in_browser(page: &str, filter: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    std::fs::write(&file, page).unwrap();
    // A browser may hang, and a test must not, so the browser gets a timeout.
    let output = Command::new("timeout")
        .args(["60", "chromium"])
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"])
        .args(["--no-first-run", "--disable-component-update", "--virtual-time-budget=10000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("file://{}#{filter}", file.display()))
        .output();
    // `timeout` exits with 127 if there is no such program.
    let output = output.ok().filter(|output| output.status.code() != Some(127))?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn the_page_shows_and_filters_in_a_browser() {
    let reports = reports();
    let page = html(reports, &routes());
    let cells: usize = reports.iter().map(|report| report.results.len()).sum();
    let failed = reports[0].failures().count();
    assert!(failed > 0);
    let Some(all) = in_browser(&page, "") else {
        return println!("SKIPPED: there is no `chromium` on this machine to look at the page with");
    };
    assert!(all.contains(&format!("{cells} cells:")), "{}", &all[..all.len().min(2_000)]);
    assert!(all.contains("strips_cookies</h2>") && all.contains("&lt;b&gt;nothing&lt;/b&gt;</h2>"));
    assert!(all.contains("looked at</dt>") && all.contains("whether the view's `set-cookie: subject=1` arrived</dd>"));
    assert!(all.contains("what to do</dt>") && all.contains("Change the response you were given"));
    assert!(all.contains("/fine</th>") && all.contains("not tried; it may change something</td>"));
    assert!(all.contains("failed; 500; whether GET gets a response that is no server error: expected false, saw true"));

    let filtered = in_browser(&page, "verdict=failed&law=the_response_passes_through_untouched&host=server").unwrap();
    let is_shown = |result: &costrel_compat::CellResult| {
        result.host.name() == "server" && result.law.name == "the_response_passes_through_untouched"
    };
    let expected = reports[0].failures().filter(|(result, _)| is_shown(result)).count();
    assert!(filtered.contains(&format!("{expected} cells: 0 passed, {expected} failed, 0 do not apply")), "{filtered}");
    assert!(!filtered.contains("nothing&lt;/b&gt;</h2>"));
}

#[test]
fn the_json_has_every_cell_and_what_failed() {
    let reports = reports();
    let json = json(reports, &routes());
    let cells = json["candidates"][0]["results"].as_array().unwrap();
    assert_eq!(cells.len(), reports[0].results.len());
    let failed = cells.iter().find(|cell| cell["verdict"] == "failed").unwrap();
    for key in ["law", "subject", "host", "what", "expected", "seen", "matters", "remedy", "checked"] {
        assert!(failed[key].as_str().is_some_and(|text| !text.is_empty()), "{key} in {failed}");
    }
    let elsewhere = cells.iter().find(|cell| cell["verdict"] == "does not apply").unwrap();
    assert!(elsewhere["why"].is_string());
    let verdicts: Vec<_> = json["routes"].as_array().unwrap().iter().map(|route| &route["verdict"]).collect();
    assert_eq!(verdicts, ["passed", "failed", "not tried"]);
}

#[test]
fn the_text_says_once_for_each_law_what_is_wrong_and_what_to_do() {
    let reports = reports();
    let text = reports[0].to_string();
    let failed = reports[0].failures().filter(|(result, _)| result.law.name == "the_response_passes_through_untouched");
    let more = format!("and on {} more", failed.count() - 3);
    for part in [
        "  FAILED the_response_passes_through_untouched\n    on sync_fn, in_process: ",
        &more,
        "what to do: Change the response",
    ] {
        assert_eq!(text.matches(part).count(), 1, "{part} in {text}");
    }
    assert!(!reports[1].to_string().contains("FAILED"));
}
