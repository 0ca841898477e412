//! The HTML report in a real browser: it loads, filters, and shows what failed and what to do.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::process::Command;
use std::sync::OnceLock;

use costrel::{App, Error};
use costrel_compat::{
    Candidate, Level, Report, RouteReport, Standing, badge, check_routes, html, json, junit, laws, run, zoo,
};

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

/// Says past the harness, which keeps what a passing test prints, that nothing was tried; fails where `what` is required.
fn skip(what: &str, why: &str) {
    let required = std::env::var("COSTREL_REQUIRES").unwrap_or_default();
    assert!(!required.split(',').any(|name| name == what), "{why}");
    // A machine whose stream is closed reads nothing.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {what} ({why})");
}

#[test]
fn the_page_shows_and_filters_in_a_browser() {
    let page = html(reports(), &routes());
    let Some(all) = in_browser(&page, "") else {
        return skip("browser", "there is no `chromium` on this machine to look at the page with");
    };
    assert!(all.contains("strips_cookies breaks ") && all.contains("&lt;b&gt;nothing&lt;/b&gt;"));
    assert!(!all.contains("laws shown</output>"));
    let laws = laws::ALL.len() * reports().len();
    let filtered = in_browser(&page, "standing=broken&text=passes_through").unwrap();
    assert!(filtered.contains(&format!("1 of {laws} laws shown</output>")));
}

/// What a reader must find, without a script: the summary, what is broken and what to do, all cells, the routes.
#[test]
fn the_page_says_what_is_broken_and_what_to_do() {
    let page = html(reports(), &routes());
    for part in [
        "<!doctype html>",
        "<code>GET &#x2f;subject&#x2f;ada</code>",
        "whether the view&#x27;s <code>set-cookie: subject=1</code> arrived",
        r#"<code class="due">true</code>"#,
        "Change the response you were given",
        r#"title="failed">✗"#,
        "&lt;b&gt;nothing&lt;&#x2f;b&gt;",
        "<code>&#x2f;fine</code>",
        "not tried: it may change something",
        "whether GET gets a response that is no server error: expected false, saw true",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<b>nothing"));
    assert!(page.find("strips_cookies breaks ").unwrap() < page.find("laws held").unwrap());
    assert!(page.len() < 400_000, "{} bytes", page.len());
}

#[test]
fn the_json_has_every_cell_and_what_failed() {
    let reports = reports();
    let json = json(reports, &routes());
    let cells = json["candidates"][0]["results"].as_array().unwrap();
    assert_eq!(cells.len(), reports[0].results.len());
    let failed = cells.iter().find(|cell| cell["verdict"] == "failed").unwrap();
    assert_eq!(failed["sent"][0], "GET /subject/ada");
    for key in ["law", "subject", "host", "what", "expected", "seen", "matters", "remedy", "checked"] {
        assert!(failed[key].as_str().is_some_and(|text| !text.is_empty()), "{key} in {failed}");
    }
    let elsewhere = cells.iter().find(|cell| cell["verdict"] == "does not apply").unwrap();
    assert!(elsewhere["why"].is_string());
    let (wrong, right) = (&json["candidates"][0], &json["candidates"][1]);
    assert_eq!((&wrong["level"], &right["level"]), (&serde_json::Value::Null, &"full".into()));
    assert_eq!(json["suite"]["laws"], laws::ALL.len());
    assert_eq!(json["suite"]["edition"].as_str().unwrap().len(), 8);
    let verdicts: Vec<_> = json["routes"].as_array().unwrap().iter().map(|route| &route["verdict"]).collect();
    assert_eq!(verdicts, ["passed", "failed", "not tried"]);
}

#[test]
fn the_text_has_a_summary_and_says_for_each_law_what_is_wrong_and_what_to_do() {
    let reports = reports();
    let text = reports[0].to_string();
    assert!(text.starts_with(" candidate "), "{text}");
    let summary = text.lines().nth(1).unwrap();
    assert_eq!(summary.split_whitespace().take(2).collect::<Vec<_>>(), ["strips_cookies", "none"]);
    for part in [
        "\nBROKEN the_response_passes_through_untouched (core) by `strips_cookies`\n  where       sync_fn, in_process, and ",
        "\n  sent        GET /subject/ada\n",
        "\n  due         1\n  seen        0\n  why ",
        "\n  what to do  Change the response",
    ] {
        assert_eq!(text.matches(part).count(), 1, "{part} in {text}");
    }
    assert!(!text.contains('\u{1b}') && !text.contains("repeat"), "{text}");
    assert!(!reports[1].to_string().contains("BROKEN"));
}

#[test]
fn the_levels_are_those_of_the_laws_that_are_kept() {
    let reports = reports();
    assert_eq!((reports[0].level(), reports[1].level()), (None, Some(Level::Full)));
    let standings: Vec<_> = reports[0].laws().iter().map(costrel_compat::LawReport::standing).collect();
    assert_eq!(standings.len(), laws::ALL.len());
    assert!(standings.contains(&Standing::Broken) && standings.contains(&Standing::DoesNotApply));
    let failing = |level: Level| {
        move |report: &mut Report| {
            report.results.retain(|result| result.failure().is_none() || result.law.level() == level);
        }
    };
    // A run that left something out reaches no level.
    let mut part = reports[0].clone();
    failing(Level::Full)(&mut part);
    assert_eq!((part.level(), part.is_whole()), (None, false));
}

#[test]
fn the_badge_shows_the_lowest_level() {
    let (wrong, right) = (badge(&reports()[..1]), badge(&reports()[1..]));
    assert!(wrong.contains("laws broken</text>") && right.contains(">full, "), "{wrong} {right}");
    assert!(badge(reports()).contains("laws broken</text>"));
    assert!(badge(&[]).contains("nothing tried</text>"));
}

#[test]
fn the_xml_counts_failures_and_keeps_what_xml_does_not_allow_out() {
    let mut reports = reports().to_vec();
    reports[1].candidate = "a & <b>\u{0}\u{1b}".to_owned();
    let xml = junit(&reports, &routes());
    let failed = reports[0].failures().count();
    let suite = format!(r#"<testsuite name="strips_cookies" tests="{}""#, reports[0].results.len());
    assert!(xml.contains(&suite) && xml.contains(&format!(r#"failures="{failed}""#)), "{}", &xml[..500]);
    assert!(xml.contains("classname=\"strips_cookies.the_response_passes_through_untouched\""));
    assert!(xml.contains("what to do  Change the response") && xml.contains("a &amp; &lt;b&gt;"));
    assert!(xml.chars().all(|sign| sign >= ' ' || "\n\t\r".contains(sign)));
    assert!(xml.contains(r#"<testsuite name="routes" tests="3""#));
}
