//! The comparison with Flask: this app gets the same requests as its Flask twin, whose responses were recorded.
//!
//! `costrel-flask-diff FLASK.json REQUESTS.json..`: the first file holds Flask's responses; the others hold the requests, and
//! beside them are the folders `templates` and `static`.

#![allow(clippy::unwrap_used, reason = "a tool for developers: it may stop with a panic")]
#![allow(clippy::print_stdout, reason = "it is a report")]
#![allow(clippy::unused_async, clippy::unused_self, reason = "views of both colours, whatever is in them")]

mod errors;
mod classes;
mod compressed;
mod cross_origin;
mod csrf;
mod forms;
mod hooks;
mod httpauth;
mod jwt;
mod pages;
mod responses;
mod routing;
mod server_side;
mod sessions;
mod urls;
mod echo;
mod known;
mod compare;
mod files;
mod flaskr;
mod exceptions;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use costrel::{App, Application, Error, HeaderValue, Method, Response, testing::TestClient};
use serde::Deserialize;

use compare::{Answer, Difference, compare};

/// A group of requests of one client, which keeps its cookies.
#[derive(Debug, Deserialize)]
struct Group {
    #[serde(rename = "group")]
    name: String,
    /// The app that gets them, if it is not the first one.
    app: Option<String>,
    steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
struct Step {
    name: String,
    method: String,
    path: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    body: Option<String>,
    body_base64: Option<String>,
}

/// The recorded response of Flask to one step.
#[derive(Debug, Deserialize)]
struct Recorded {
    group: String,
    name: String,
    #[serde(flatten)]
    answer: Answer,
}

/// The recorded responses of Flask, by group and step.
type Record = HashMap<(String, String), Answer>;

#[derive(Debug, Default)]
struct Count {
    agree: usize,
    known: usize,
    unknown: usize,
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [recorded, requests @ ..] = arguments.as_slice() else {
        eprintln!("usage: costrel-flask-diff FLASK.json REQUESTS.json..");
        return ExitCode::from(2);
    };
    if requests.is_empty() {
        eprintln!("there are no requests to compare: name their files too");
        return ExitCode::from(2);
    }
    match run(recorded, requests) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::from(2)
        }
    }
}

/// Sends all requests and prints the table; returns how many responses differ without a known reason.
fn run(recorded: &Path, requests: &[PathBuf]) -> Result<usize, Error> {
    let folder = requests.first().and_then(|path| path.parent()).unwrap_or(Path::new("."));
    let recorded: Vec<Recorded> = serde_json::from_slice(&fs::read(recorded)?)?;
    let record: Record = recorded.into_iter().map(|one| ((one.group, one.name), one.answer)).collect();
    set_times(&folder.join("static"))?;
    let data = tempfile::tempdir()?;
    let apps = [
        ("main", create_app(folder)?.build()?),
        ("server-side", server_side::create_app()?.build()?),
        ("flaskr", flaskr::create_app(&data.path().join("flaskr.sqlite"))?),
    ];
    let mut all = Count::default();
    for group in groups(requests)? {
        let name = group.app.as_deref().unwrap_or("main");
        let (_, app) = apps.iter().find(|(known, _)| *known == name).ok_or_else(|| no_app(name))?;
        let count = run_group(app, &group, &record)?;
        all.agree += count.agree;
        all.known += count.known;
        all.unknown += count.unknown;
    }
    let Count { agree, known, unknown } = all;
    println!(
        "{} requests, {agree} agree, {known} differ as COMPATIBILITY.md says, {unknown} differ otherwise",
        agree + known + unknown
    );
    Ok(unknown)
}

fn run_group(app: &Application, group: &Group, record: &Record) -> Result<Count, Error> {
    let client = app.test_client();
    let (mut count, mut lines) = (Count::default(), Vec::new());
    for step in &group.steps {
        let flask = record.get(&(group.name.clone(), step.name.clone())).ok_or_else(|| not_recorded(group, step))?;
        let found = match send(app, &client, step) {
            Ok(costrel) => compare(flask, &costrel)?,
            Err(error) => vec![Difference::failed(flask, &error)],
        };
        let reason = known::reason(&group.name, &step.name);
        match (found.is_empty(), reason) {
            (true, _) => count.agree += 1,
            (false, Some(_)) => count.known += 1,
            (false, None) => count.unknown += 1,
        }
        let mark = reason.map_or_else(|| "!".to_owned(), |reason| format!("({reason})"));
        lines.extend(found.iter().map(|difference| difference.line(&step.name, &mark)));
    }
    println!("{:<26}{:>4} of {:>3} agree", group.name, count.agree, group.steps.len());
    for line in lines {
        println!("    {line}");
    }
    Ok(count)
}

fn groups(requests: &[PathBuf]) -> Result<Vec<Group>, Error> {
    let mut groups = Vec::new();
    for path in requests {
        groups.extend(serde_json::from_slice::<Vec<Group>>(&fs::read(path)?)?);
    }
    Ok(groups)
}

fn no_app(name: &str) -> Error {
    Error::from_boxed(format!("there is no app {name:?}").into())
}

fn not_recorded(group: &Group, step: &Step) -> Error {
    Error::from_boxed(format!("Flask's response to {:?} in {:?} is not recorded", step.name, group.name).into())
}

fn send(app: &Application, client: &TestClient, step: &Step) -> Result<Answer, Error> {
    let own_cookies = step.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("cookie"));
    let client = if own_cookies { app.test_client_without_cookies() } else { client.clone() };
    let mut request = client.open(Method::from_bytes(step.method.as_bytes())?, &step.path);
    for (name, value) in &step.headers {
        request = request.header(name, value);
    }
    if let Some(body) = body_of(step)? {
        request = request.body(body);
    }
    Answer::of(&request.wait()?)
}

fn body_of(step: &Step) -> Result<Option<Vec<u8>>, Error> {
    match &step.body_base64 {
        Some(encoded) => Ok(Some(STANDARD.decode(encoded)?)),
        None => Ok(step.body.clone().map(String::into_bytes)),
    }
}

/// Gives every file of `folder` the same time, as the recording of Flask's answers did.
fn set_times(folder: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(folder)? {
        fs::File::options().append(true).open(entry?.path())?.set_modified(files::changed())?;
    }
    Ok(())
}

fn create_app(folder: &Path) -> Result<App, Error> {
    let mut app = App::new("differential");
    app.static_folder("/static", folder.join("static"));
    app.template_folder(folder.join("templates"));
    app.config.secret_key = Some("differential".into());
    app.config.max_content_length = Some(4096);
    // Long enough that the signed cookies in requests.json stay valid, short enough that the one signed in 1970 has
    // expired.
    app.config.permanent_session_lifetime = Duration::from_secs(20_000 * 24 * 60 * 60);
    compressed::init_app(&mut app)?;
    cross_origin::init_app(&mut app)?;
    csrf::init_app(&mut app)?;
    forms::init_app(&mut app);
    httpauth::init_app(&mut app);
    jwt::init_app(&mut app)?;
    routing::init_app(&mut app);
    urls::init_app(&mut app);
    responses::init_app(&mut app);
    errors::init_app(&mut app);
    echo::init_app(&mut app);
    hooks::init_app(&mut app);
    sessions::init_app(&mut app);
    classes::init_app(&mut app);
    app.init(files::Files { folder: fs::canonicalize(folder.join("static"))? })?;
    pages::init_app(&mut app);
    app.after_request(async |mut response: Response| {
        response.headers_mut().insert("x-app", HeaderValue::from_static("differential"));
        response
    });
    Ok(app)
}
