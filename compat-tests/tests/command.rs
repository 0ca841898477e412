//! The command `compat` on an app whose decorator is wrong, and what the tests of `suite!` say of it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::panic::catch_unwind;

use costrel::{App, Error, Request, View, abort};
use costrel_compat::{Candidate, Subject, add_command, check_in};
use costrel_ext_kit::Decorate;
use serde_json::Value;
use tempfile::tempdir;

fn wrong(view: View) -> View {
    view.guarded_by(|_: &Request| abort::<()>(403))
}

fn candidate() -> Candidate {
    Candidate::new(wrong)
}

fn create_app() -> Result<App, Error> {
    let mut app = App::new("test");
    app.route("/", || "fine");
    add_command(&mut app, create_app, &[candidate, || Candidate::new(|view| view).named("right")]);
    Ok(app)
}

/// Runs the command and returns its error and its JSON report.
fn compat(arguments: &[&str]) -> (Option<Error>, Value) {
    let folder = tempdir().unwrap();
    let json = folder.path().join("report.json");
    let arguments = arguments.iter().copied().chain(["--json", json.to_str().unwrap()]);
    let error = create_app().unwrap().build().unwrap().invoke("compat", arguments).wait().err();
    (error, serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap())
}

#[test]
fn it_fails_and_names_the_broken_laws() {
    let (error, json) = compat(&["--law", "view_arguments_arrive", "--host", "in_process", "--subject", "async_fn"]);
    let message = error.unwrap().message().to_owned();
    assert_eq!(message, "1 cells failed, and 0 routes\n  wrong breaks view_arguments_arrive");
    let repeat = json["candidates"][0]["results"][0]["reproduce"].as_str().unwrap().to_owned();
    let options = "compat --candidate wrong --law view_arguments_arrive --subject async_fn --host in_process";
    assert_eq!(repeat, format!("cargo run -p costrel-compat -- {options}"));
    assert_eq!(json["candidates"][1]["results"][0]["verdict"], "passed");
    assert_eq!(json["routes"], Value::Array(Vec::new()));
}

#[test]
fn it_stops_at_the_first_failure_when_told_to() {
    let (error, json) = compat(&["--fail-fast", "--jobs", "1", "--host", "in_process"]);
    assert!(error.unwrap().message().starts_with("1 cells failed"));
    let candidates = json["candidates"].as_array().unwrap();
    let results = candidates[0]["results"].as_array().unwrap();
    assert_eq!((candidates.len(), &results.last().unwrap()["verdict"]), (1, &"failed".into()));
    assert_eq!(results.iter().filter(|result| result["verdict"] == "failed").count(), 1);
}

#[test]
fn filters_are_given_several_times() {
    let names = ["--law", "trailers_arrive", "--law", "the_session_is_kept", "--host", "hyper", "--host", "in_process"];
    let (error, json) = compat(&[&names[..], &["--candidate", "right", "--subject", "async_fn"]].concat());
    let results = json["candidates"][0]["results"].as_array().unwrap();
    assert_eq!((error.map(|error| error.to_string()), results.len()), (None, 4));
}

/// The test of a law says what the report says, on which hosts, and the command that repeats it alone.
#[test]
fn a_test_of_the_suite_says_all_that_there_is_to_know() {
    let suite = ("crate::suite_of_wrong", Some("my-extension"));
    let check = || check_in(suite, candidate, "view_arguments_arrive", Subject::AsyncFn);
    let failed = catch_unwind(check).unwrap_err();
    let message = failed.downcast_ref::<String>().unwrap();
    for line in [
        "BROKEN view_arguments_arrive (core) by `wrong`\n",
        "\n  where       async_fn, in_process, server, server_of_threads, threaded, threaded_of_four, hyper, axum, axum_nested, http2\n",
        "\n  sent        GET /subject/",
        "\n  looked at   ",
        "\n  due         ",
        "\n  seen        ",
        "\n  why         ",
        "\n  what to do  ",
        "\n  repeat      cargo test -p my-extension -- --exact \
         suite_of_wrong::view_arguments_arrive::async_fn\n",
    ] {
        assert!(message.contains(line), "{line:?} in {message}");
    }
}

/// An app whose routes all have variables or change something, and no candidate: nothing can be tried, which is no success.
#[test]
fn a_run_that_tried_nothing_fails() {
    fn create_app() -> Result<App, Error> {
        let mut app = App::new("test");
        app.route("/items/<int:n>", |n: i64| n.to_string());
        app.rule("/orders").methods(["POST"]).view(|| "ordered");
        add_command(&mut app, create_app, &[]);
        Ok(app)
    }
    let ran = create_app().unwrap().build().unwrap().invoke("compat", [] as [&str; 0]).wait();
    assert!(ran.unwrap_err().message().starts_with("nothing was tried"));
}
