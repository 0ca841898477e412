//! Tests of the showcase's command line.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStderr, Command, Stdio};

use rstest::rstest;

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_costrel-showcase"))
}

/// A server that is stopped when the test is over.
struct Server {
    child: Child,
    address: String,
    /// Kept open, because the server goes on writing to it.
    _output: BufReader<ChildStderr>,
}

impl Server {
    fn start() -> Self {
        let mut child = program().args(["--port", "0"]).stderr(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let address = line.split("http://").nth(1).and_then(|rest| rest.split(' ').next()).unwrap().to_owned();
        Self { child, address, _output: output }
    }

    fn send(&self, raw: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(raw).unwrap();
        let mut answer = String::new();
        // The server may close while the test still writes, as it does on an invalid request.
        let _ = stream.read_to_string(&mut answer);
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_serves_and_answers_nonsense_with_a_clean_4xx() {
    let server = Server::start();
    let page = server.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(page.starts_with("HTTP/1.1 200 OK") && page.contains("Costrel"), "{page}");
    let long = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(1 << 17));
    let header = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "a".repeat(1 << 20));
    for nonsense in ["\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", &long, &header] {
        let answer = server.send(nonsense.as_bytes());
        let start = &nonsense[..nonsense.len().min(20)];
        assert!(answer.starts_with("HTTP/1.1 4"), "{start:?} was answered with {answer:?}");
    }
    let page = server.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(page.starts_with("HTTP/1.1 200 OK"), "{page}");
}

#[cfg(unix)]
#[test]
fn it_finishes_the_request_in_flight_and_ends_well_when_told_to_stop() {
    let mut server = Server::start();
    let mut stream = TcpStream::connect(&server.address).unwrap();
    // The request is in flight: the head has been sent, the form has not.
    let head = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n\
        Expect: 100-continue\r\nContent-Length: 8\r\n\r\n";
    stream.write_all(head).unwrap();
    let mut waiting = [0; 12];
    stream.read_exact(&mut waiting).unwrap();
    assert_eq!(&waiting, b"HTTP/1.1 100");
    let killed = Command::new("kill").args(["-INT", &server.child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    stream.write_all(b"name=Ada").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("HTTP/1.1 302"), "{answer}");
    assert!(server.child.wait().unwrap().success());
}

#[test]
fn a_taken_port_is_a_clear_message_and_a_failure() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = program().args(["--port", &port]).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(message.contains(&format!("cannot listen on 127.0.0.1:{port}")), "{message}");
    assert!(message.contains("choose another port (on the command line with --port)"), "{message}");
}

#[test]
fn routes_lists_endpoint_methods_rule_colour_and_decorators() {
    let output = program().arg("routes").output().unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    let line = table.lines().find(|line| line.starts_with("report ")).unwrap();
    let cells: Vec<_> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    let decorators = "show_cache_state (async) > login_required (async) > limit (async) > cached (async)";
    assert_eq!(cells, ["report", "GET", "/report", "async", decorators]);
}

#[test]
fn the_apps_own_commands_are_there_and_say_what_they_want() {
    let help = program().arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for part in ["run ", "routes ", "greet ", "Greet a person, from async code", "--debug", "--host", "--port"] {
        assert!(help.contains(part), "{part} in {help}");
    }
    for command in ["greet", "greet-async"] {
        let greeted = program().args([command, "Ada"]).output().unwrap();
        assert_eq!(
            (greeted.status.code(), String::from_utf8(greeted.stdout).unwrap().as_str()),
            (Some(0), "showcase greets Ada\n")
        );
        // Arguments after the command belong to the command.
        let own = program().args([command, "--port"]).output().unwrap();
        assert_eq!(String::from_utf8(own.stdout).unwrap(), "showcase greets --port\n");
        let refused = program().arg(command).output().unwrap();
        assert_eq!(refused.status.code(), Some(1));
        assert!(String::from_utf8(refused.stderr).unwrap().contains("error: give one name, as in `greet Ada`"));
    }
    let unknown = program().arg("gret").output().unwrap();
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8(unknown.stderr).unwrap().contains("'greet'"));
}

/// The README's command succeeds: here on one host, because `suite!` in the samples' own tests has the others.
#[test]
fn every_candidate_keeps_every_law() {
    let output = program().args(["compat", "--host", "in_process"]).output().unwrap();
    assert!(output.status.success(), "{} {:?}", String::from_utf8_lossy(&output.stdout), output.stderr.len());
}

/// Arguments that cannot be meant are refused before the check begins; those that clap reads with its own status.
#[rstest]
#[case::no_value(&["--json", "--html"], 2, "a value is required for '--json <FILE>'")]
#[case::no_jobs(&["--jobs", "0"], 2, "invalid value '0' for '--jobs <N>'")]
#[case::no_subject(&["--subject", "view"], 2, "[possible values: sync_fn, sync_blocking, ")]
#[case::nearly_a_law(&["--law", "trailer_arrive"], 2, "a similar value exists: 'trailers_arrive'")]
#[case::no_candidate(&["--candidate", "log_in"], 1, "there is no candidate \"log_in\"; they are\n  login_required\n")]
#[case::one_file_twice(&["--json", "r", "--html", "r"], 1, "--json and --html are both \"r\"")]
#[case::no_folder(&["--badge", "no/such/folder/badge.svg"], 1, "cannot write \"no/such/folder/badge.svg\"")]
#[case::nothing_applies(
    &["--law", "inner_readiness_is_honoured", "--host", "in_process", "--subject", "async_fn"],
    1,
    "nothing was tried: no law that was chosen applies"
)]
fn compat_refuses_what_cannot_be_meant(#[case] arguments: &[&str], #[case] status: i32, #[case] message: &str) {
    let output = program().arg("compat").args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert!(said.contains(message), "{said}");
}

#[test]
fn compat_lists_its_options() {
    let output = program().args(["compat", "--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for part in [
        "--candidate <NAME>",
        "--law <NAME>",
        "- sync_fn:",
        "- threaded:",
        "--json <FILE>",
        "--html <FILE>",
        "--junit <FILE>",
        "--badge <FILE>",
        "--fail-fast",
        "-j, --jobs <N>",
    ] {
        assert!(help.contains(part), "{part} in {help}");
    }
}

/// The suite as a command: a table, files, filters, and an exit code. The app's log stays out of it.
#[test]
fn compat_tries_the_samples() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let mut compat = program();
    compat.args(["compat", "--law", "errors reach the handlers", "--host", "in_process", "--jobs", "1"]);
    for name in ["json", "html", "junit", "badge"] {
        compat.arg(format!("--{name}")).arg(file(name));
    }
    let output = compat.output().unwrap();
    let (table, log) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{table} {log}");
    let rows: Vec<Vec<_>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows.len(), 5, "{table}");
    for (row, candidate) in rows[1..].iter().zip(["login_required", "limit", "cached", "cached_by"]) {
        assert_eq!(row[..6], [candidate, "in", "part", "1", "0", "0"], "{table}");
        assert!(["14", "16"].contains(&row[6]), "{table}");
    }
    assert!(!table.contains('\u{1b}') && log.is_empty(), "{table} {log}");
    let read = |name: &str| std::fs::read_to_string(file(name)).unwrap();
    assert!(read("json").contains("\"candidate\": \"limit\"") && read("html").contains("errors reach the handlers"));
    assert!(read("junit").contains(r#"<testsuite name="limit" tests="16""#) && read("badge").contains("tried in part"));
}

/// With a candidate that is chosen, the others and the routes are left out.
#[test]
fn compat_tries_one_candidate() {
    let arguments = ["compat", "--candidate", "cached", "--law", "trailers_arrive", "--subject", "async_fn"];
    let output = program().args(arguments).output().unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && table.lines().count() == 2 && table.contains("\n cached "), "{table}");
}

#[test]
fn trace_shows_what_ran_where_as_text_json_and_a_picture() {
    let trace = |arguments: &[&str]| {
        let output = program().arg("trace").args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let text = trace(&["GET", "/live/hooks/sync/"]);
    assert!(text.starts_with("GET /live/hooks/sync/: 200 in ") && text.contains(", 1 crossing\n"), "{text}");
    let json: serde_json::Value =
        serde_json::from_str(&trace(&["/live/view/async", "--json", "--after", "2"])).unwrap();
    assert_eq!((&json["status"], &json["crossings"]), (&200.into(), &serde_json::json!([])));
    assert_eq!(json["steps"][0]["runs"][0]["thread"], "event loop 1");
    assert!(trace(&["post", "/login", "-d", "name=Ada", "--svg"]).starts_with("<svg xmlns="));
    let signed = trace(&["POST", "/login", "-d", "name=Ada", "-H", "Content-Type: application/x-www-form-urlencoded"]);
    assert!(signed.starts_with("POST /login: 302 in "), "{signed}");
}

#[rstest]
#[case::no_slash(&["live"], "error: \"live\" is not a path: write \"/live\"")]
#[case::method(&["G T", "/"], "error: \"G T\" is not a method")]
#[case::header(&["/", "-H", "name"], "write `Name: value`")]
#[case::two_forms(&["/", "--json", "--svg"], "cannot be used with")]
fn trace_refuses_what_cannot_be_sent(#[case] arguments: &[&str], #[case] message: &str) {
    let output = program().arg("trace").args(arguments).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains(message), "{said}");
}

#[rstest]
fn a_number_of_threads_that_is_none_is_an_error_with_the_remedy(#[values("zwei", "0", "-1")] threads: &str) {
    let output = program().arg("routes").env("COSTREL_THREADS", threads).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{told}");
    assert!(told.contains(&format!("COSTREL_THREADS={threads:?}")) && told.contains("unset it"), "{told}");
}

#[rstest]
#[case(None, true)]
#[case(Some("warn"), false)]
#[case(Some("off,costrel=info"), true)]
fn rust_log_says_what_is_in_the_log(#[case] rust_log: Option<&str>, #[case] has_requests: bool) {
    let mut command = program();
    command.args(["trace", "GET", "/"]).env_remove("RUST_LOG");
    if let Some(rust_log) = rust_log {
        command.env("RUST_LOG", rust_log);
    }
    let told = String::from_utf8(command.output().unwrap().stderr).unwrap();
    assert_eq!(told.contains("INFO"), has_requests, "{told}");
}
