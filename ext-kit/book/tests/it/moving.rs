//! The commands of the guide "Move a Flask app", line by line. In place of the app in Flask there is Flaskr in Costrel, on a
//! socket; `compat-tests/flask-live` has the real one.

mod app; // the app that the guide ends with

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use costrel::cli::CliRunner;
use costrel::testing::{TestClient, TestResponse};
use costrel::{Application, Method};
use costrel_flaskr::get_db;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::papers::{page, read};

const GUIDE: &str = "start/moving.md";

/// A block of the guide: its language, and its lines.
type Block = (String, Vec<String>);

fn guide() -> Vec<Block> {
    let (mut found, mut open) = (Vec::new(), None::<Block>);
    for line in page(GUIDE).lines() {
        match open.take() {
            Some(block) if line == "```" => found.push(block),
            Some((language, mut lines)) => {
                lines.push(line.to_owned());
                open = Some((language, lines));
            }
            None => open = line.strip_prefix("```").map(|language| (language.to_owned(), Vec::new())),
        }
    }
    found
}

#[test]
fn the_guide_has_ten_steps_and_says_what_cannot_move() {
    let headings: Vec<_> = page(GUIDE).lines().filter_map(|line| line.strip_prefix("## ")).map(str::to_owned).collect();
    for (n, heading) in headings.iter().take(10).enumerate() {
        assert!(heading.starts_with(&format!("{}. ", n + 1)), "{heading}");
    }
    assert_eq!(headings[10..], ["What cannot move"]);
}

#[test]
fn the_guide_shows_the_app_that_is_tried() {
    let app = read("ext-kit/book/tests/it/moving/app.rs");
    let app: BTreeSet<_> = app.lines().map(str::trim).collect();
    let steps = guide().into_iter().filter(|(language, _)| language == "rust,ignore");
    let other: Vec<_> = steps.flat_map(|(_, lines)| lines).filter(|line| !app.contains(line.trim())).collect();
    assert!(other.is_empty(), "the app that is tried has not {other:#?}");
    let guide = page(GUIDE);
    let is_step = |line: &&&str| !["//!", "use ", "pub(crate)"].iter().any(|start| line.starts_with(start));
    let left_out: Vec<_> =
        app.iter().filter(is_step).filter(|line| !guide.contains(line.trim_end_matches(';'))).collect();
    assert!(left_out.is_empty(), "the guide leaves out {left_out:#?}");
}

#[test]
fn the_commands_of_the_guide_do_what_it_says() {
    let mut reader = Reader::new();
    for (language, lines) in guide() {
        match &*language {
            "sh" => lines.iter().for_each(|line| reader.run(line)),
            "text" => assert_eq!(reader.output.trim_end(), lines.join("\n")),
            "toml" if lines[0] == "# shadow.toml" => {
                fs::write(reader.folder.path().join("shadow.toml"), lines.join("\n")).unwrap();
            }
            _ => {}
        }
    }
    assert!(reader.tried > 12, "{} commands were tried", reader.tried);
}

/// A reader who types what the guide says.
struct Reader {
    old: Old,
    client: TestClient,
    runner: CliRunner,
    folder: TempDir,
    /// What the last command of the app has written.
    output: String,
    /// The number of commands that ran.
    tried: usize,
}

impl Reader {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let old = Old::start(&folder);
        let application = app::create_app(old.url).unwrap().build().unwrap();
        let (client, runner) = (application.test_client(), application.test_cli_runner());
        let log = "127.0.0.1 - - [30/Nov/2026:10:00:00 +0000] \"GET /hello HTTP/1.1\" 200 13 \"-\" \"curl/8.5.0\"\n";
        fs::write(folder.path().join("access.log"), log).unwrap();
        Self { old, client, runner, folder, output: String::new(), tried: 0 }
    }

    fn run(&mut self, line: &str) {
        let (command, wanted) = line.split_once(" # ").unwrap_or((line, ""));
        let words: Vec<_> = command.split_whitespace().collect();
        match words.as_slice() {
            // What is the reader's own, or Flask's.
            ["cargo", "new" | "add", ..] | ["cargo", "run"] | ["flask" | "gunicorn" | "cd", ..] => return,
            ["systemctl", "stop", "flaskr"] => self.old.stop(),
            ["systemctl", "start", "flaskr"] => self.old.start_again(),
            ["cargo", "run", "--", arguments @ ..] => self.invoke(arguments, wanted),
            ["curl", arguments @ .., url] => {
                let answer = self.curl(arguments, url);
                let said = format!("{}\n{:?}\n{}", answer.status(), answer.headers(), answer.text());
                assert!(!wanted.is_empty() && said.contains(wanted), "{line}\n{said}");
            }
            _ => panic!("the test does not know this command: {line}"),
        }
        self.tried += 1;
    }

    fn invoke(&mut self, arguments: &[&str], wanted: &str) {
        let file = |name: &str| self.folder.path().join(name).to_string_lossy().into_owned();
        let own = |word: &&str| match *word {
            "http://127.0.0.1:8000" => self.old.url.to_owned(),
            "access.log" | "shadow.toml" => file(word),
            word => word.to_owned(),
        };
        let arguments: Vec<_> = arguments.iter().map(own).collect();
        let result = self.runner.invoke(arguments.iter().map(String::as_str)).wait().unwrap();
        assert_eq!(result.exit_code == 0, !wanted.starts_with("fails"), "{arguments:?}: {}", result.output);
        self.output = result.output;
    }

    fn curl(&self, arguments: &[&str], url: &str) -> TestResponse {
        let path = url.strip_prefix("http://127.0.0.1:5000").unwrap_or_else(|| panic!("{url} is not the front's"));
        let (mut method, mut form) = (Method::GET, Vec::new());
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let mut value = || *words.next().unwrap();
            match *word {
                "-i" => {}
                // The client keeps its cookies by itself.
                "-b" | "-c" => drop(value().to_owned()),
                "-X" => method = value().parse().unwrap(),
                "-d" => form.push(value().split_once('=').unwrap()),
                word => panic!("the test does not know this option of curl: {word}"),
            }
        }
        if form.is_empty() {
            return self.client.open(method, path).wait().unwrap();
        }
        self.client.open(Method::POST, path).form(&form).wait().unwrap()
    }
}

/// Flaskr on a socket, in place of the app in Flask.
struct Old {
    url: &'static str,
    event_loop: Option<Runtime>,
    application: Application,
}

impl Old {
    fn start(folder: &TempDir) -> Self {
        let settings = json!({ "DATABASE": folder.path().join("flaskr.sqlite") });
        let application = costrel_flaskr::create_app(Some(settings)).unwrap().build().unwrap();
        application.test_cli_runner().invoke(["init-db"]).wait().unwrap();
        let users = read("sample-extensions/examples/flaskr/tests/it/data.sql");
        application.app_context_sync(|| get_db()?.with(|db| db.execute_batch(&users))).unwrap();
        let mut old = Self { url: "http://127.0.0.1:0", event_loop: None, application };
        old.start_again();
        old
    }

    /// Starts the server at the address that it had.
    fn start_again(&mut self) {
        let event_loop = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (application, address) = (self.application.clone(), self.url.trim_start_matches("http://"));
        let listener = event_loop.block_on(TcpListener::bind(address)).unwrap();
        if address.ends_with(":0") {
            self.url = format!("http://{}", listener.local_addr().unwrap()).leak();
        }
        event_loop.spawn(async move { application.serve(listener, std::future::pending()).await });
        self.event_loop = Some(event_loop);
    }

    fn stop(&mut self) {
        self.event_loop.take().unwrap().shutdown_timeout(Duration::from_secs(20));
    }
}

impl Drop for Old {
    fn drop(&mut self) {
        self.event_loop.take().into_iter().for_each(Runtime::shutdown_background);
    }
}
